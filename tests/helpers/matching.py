"""One small image with apples, for the tests of matching."""

import pandas as pd

from tests.helpers.scenes import images_table, make_ground_truth, masks_table, prompts_table, square_mask

APPLES = {1: [(1, square_mask(2, 2, 6), False), (2, square_mask(2, 14, 6), False), (3, square_mask(14, 14, 8), True)]}
"""Image id -> (instance id, mask, ignore)."""


def make_tables(prompts, predictions, instances=APPLES):
    """Return masks, prompts, ground truth and images, the first arguments of `match_shard`."""
    return masks_table(predictions), prompts_table(prompts), make_ground_truth(instances), images_table(instances)


def phrase_tables(predictions, truth_ids=(1, 2), instances=APPLES):
    """Return the tables of one phrase `p` with predictions (score, mask)."""
    truth_ids = None if truth_ids is None else list(truth_ids)
    rows = [("p", prediction_id, 1, score, mask) for prediction_id, (score, mask) in enumerate(predictions)]
    return make_tables([("p", 1, "phrase", "apple", truth_ids)], rows, instances)


def outcomes(instances: pd.DataFrame) -> list[tuple]:
    """Return (truth id, prediction id, outcome) of each row of table `instances`."""
    rows = instances[["truth_id", "prediction_id", "outcome"]].astype(object)
    return [tuple(None if pd.isna(value) else value for value in row) for row in rows.itertuples(index=False)]
