"""The card of the demo models, config/demo/figures.csv, and its comparison with a retraining."""

from collections.abc import Collection, Mapping

import pandas as pd

from samgap.metrics import load_metric

KEY_COLUMNS = ["dataset", "prompts", "metric"]
"""Columns that, with `model`, identify a row of the card."""
CARD_COLUMNS = ["value", "ci_low", "ci_high", "n_images", "n_instances"]
"""Columns of the card besides `model` and KEY_COLUMNS."""


def select_card_rows(estimates: pd.DataFrame, models: Collection[str]) -> pd.DataFrame:
    """Select the estimates of `models` on complete data sets from table `estimates`.

    Returns:
        One row for each estimate with a value: columns model, KEY_COLUMNS and CARD_COLUMNS, rounded to six digits.
    """
    rows = estimates[(estimates["stratum"] == "all") & estimates["model"].isin(models) & estimates["value"].notna()]
    rows = rows.drop_duplicates(["model", *KEY_COLUMNS])[["model", *KEY_COLUMNS, *CARD_COLUMNS]]
    return rows.round(dict.fromkeys(CARD_COLUMNS[:3], 6)).reset_index(drop=True)


def compare_with_card(card: pd.DataFrame, estimates: pd.DataFrame, retrained: Mapping[str, str]) -> pd.DataFrame:
    """Compare the estimates of retrained models with the card.

    An estimate is reached if the better end of the retrained model's interval is not worse than the worse end of the
    card's: the retrained model is then not worse than chance allows. The metric declares which end is better; metrics
    for which 0 is best are not compared. An estimate without a value is not reached.

    Args:
        card: columns model, dataset, prompts, metric, value, ci_low, ci_high
        estimates: the table `estimates`
        retrained: model on the card -> its retrained model in `estimates`

    Returns:
        One row for each estimate of the card, with the columns `value_rebuilt`, `ci_low_rebuilt`, `ci_high_rebuilt`
        and `reached`.
    """
    estimates = estimates[estimates["stratum"] == "all"].drop_duplicates(["model", *KEY_COLUMNS])
    estimates = estimates[["model", *KEY_COLUMNS, "value", "ci_low", "ci_high"]]
    card_models = {model: card_model for card_model, model in retrained.items()}
    estimates = estimates[estimates["model"].isin(card_models)]
    estimates = estimates.assign(model=estimates["model"].map(card_models))
    directions = {metric: load_metric(metric).higher_is_better for metric in card["metric"].unique()}
    has_direction = card["metric"].map(lambda metric: directions[metric] is not None).astype(bool)
    expected = card[card["model"].isin(retrained) & has_direction]
    rows = expected.merge(estimates, on=["model", *KEY_COLUMNS], how="left", suffixes=("", "_rebuilt"))
    is_higher_better = rows["metric"].map(directions).astype(bool)
    reached = (rows["ci_high_rebuilt"] >= rows["ci_low"]).where(
        is_higher_better, rows["ci_low_rebuilt"] <= rows["ci_high"]
    )
    return rows.assign(reached=reached)
