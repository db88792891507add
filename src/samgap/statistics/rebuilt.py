"""The figures of the demo models' card, and whether a rebuild reaches them."""

from collections.abc import Collection

import pandas as pd

from samgap.metrics import load_metric

KEY_COLUMNS = ["dataset", "prompts", "metric"]
CARD_COLUMNS = ["value", "ci_low", "ci_high", "n_images", "n_instances"]


def select_card_rows(estimates: pd.DataFrame, models: Collection[str]) -> pd.DataFrame:
    """What table `estimates` says of `models` on whole data sets: columns model, KEYS and FIGURES, to six digits."""
    rows = estimates[(estimates["stratum"] == "all") & estimates["model"].isin(models) & estimates["value"].notna()]
    rows = rows.drop_duplicates(["model", *KEY_COLUMNS])[["model", *KEY_COLUMNS, *CARD_COLUMNS]]
    return rows.round(dict.fromkeys(CARD_COLUMNS[:3], 6)).reset_index(drop=True)


def compare_with_card(card: pd.DataFrame, estimates: pd.DataFrame, rebuilt_by_model: dict[str, str]) -> pd.DataFrame:
    """One row for each figure of the card, with the rebuilt model's estimate and `reached`.

    `card` has columns model, dataset, prompts, metric, value, ci_low, ci_high; `estimates` is the table; `rebuilt`
    names for each model of the card the one that stands for it. A figure is reached where the upper end of the
    rebuilt model's interval is not below the lower end of the card's: the rebuild is then not worse than its chance
    allows. One that the rebuild does not give, or gives no value for, is not reached.
    """
    whole = estimates[estimates["stratum"] == "all"]
    found = whole.drop_duplicates(["model", *KEY_COLUMNS])[["model", *KEY_COLUMNS, "value", "ci_low", "ci_high"]]
    back = {new: old for old, new in rebuilt_by_model.items()}
    found = found[found["model"].isin(back)].assign(model=lambda rows: rows["model"].map(back))
    is_higher_better = card["metric"].map(lambda metric: load_metric(metric).higher_is_better is True)
    asked = card[card["model"].isin(rebuilt_by_model) & is_higher_better]
    rows = asked.merge(found, on=["model", *KEY_COLUMNS], how="left", suffixes=("", "_rebuilt"))
    return rows.assign(reached=(rows["ci_high_rebuilt"] >= rows["ci_low"]).fillna(False))
