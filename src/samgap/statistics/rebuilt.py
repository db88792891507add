"""The figures of the demo models' card, and whether a rebuild reaches them."""

from collections.abc import Collection

import pandas as pd

KEYS = ["dataset", "prompts", "metric"]
FIGURES = ["value", "ci_low", "ci_high", "n_images", "n_instances"]
LOWER_IS_BETTER = frozenset({"open-vocabulary-f1-gap", "flicker", "contour-instability"})


def figures(estimates: pd.DataFrame, models: Collection[str]) -> pd.DataFrame:
    """What table `estimates` says of `models` on whole data sets: columns model, KEYS and FIGURES, to six digits."""
    rows = estimates[(estimates["stratum"] == "all") & estimates["model"].isin(models) & estimates["value"].notna()]
    rows = rows.drop_duplicates(["model", *KEYS])[["model", *KEYS, *FIGURES]]
    return rows.round(dict.fromkeys(FIGURES[:3], 6)).reset_index(drop=True)


def verdicts(card: pd.DataFrame, estimates: pd.DataFrame, rebuilt: dict[str, str]) -> pd.DataFrame:
    """One row for each figure of the card, with the rebuilt model's estimate and `reached`.

    `card` has columns model, dataset, prompts, metric, value, ci_low, ci_high; `estimates` is the table; `rebuilt`
    names for each model of the card the one that stands for it. A figure is reached where the upper end of the
    rebuilt model's interval is not below the lower end of the card's: the rebuild is then not worse than its chance
    allows. One that the rebuild does not give, or gives no value for, is not reached.
    """
    whole = estimates[estimates["stratum"] == "all"]
    found = whole.drop_duplicates(["model", *KEYS])[["model", *KEYS, "value", "ci_low", "ci_high"]]
    back = {new: old for old, new in rebuilt.items()}
    found = found[found["model"].isin(back)].assign(model=lambda rows: rows["model"].map(back))
    asked = card[card["model"].isin(rebuilt) & ~card["metric"].isin(LOWER_IS_BETTER)]
    rows = asked.merge(found, on=["model", *KEYS], how="left", suffixes=("", "_rebuilt"))
    return rows.assign(reached=(rows["ci_high_rebuilt"] >= rows["ci_low"]).fillna(False))
