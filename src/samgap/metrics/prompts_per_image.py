"""Prompts per image: what a user has to ask to get every answer that this prompt set wants.

All prompts asked / images that anything was asked of, whether or not the labels know the answer; each click is one.
Source: the paper's comparison of a prompt for each object with one phrase for all. Range 0 upwards (no image without
a prompt counts, so 1 upwards in fact).
"""

import numpy as np
import pandas as pd

from samgap.metrics import SufficientStatistics, _pairs

UNIT = "prompts"
RANGE = (0.0, float("inf"))
BY_PHRASE = False
BY_INSTANCE = False


def row_mask(pairs: pd.DataFrame) -> np.ndarray:
    return np.ones(len(pairs), bool)


def not_evaluable_reason(pairs: pd.DataFrame) -> str | None:
    return None if len(pairs) else "not evaluable: nothing is asked of any image"


def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
    # An image counts once, with the first of its prompts.
    first = ~pairs["image_id"].duplicated().to_numpy()
    asked = [1.0 if clicks is None else float(len(clicks)) for clicks in _pairs.list_column(pairs, "click_iou")]
    return {"prompts": np.array(asked), "images": first.astype(np.float64)}


def compute(sums: SufficientStatistics) -> np.ndarray:
    return _pairs.ratio(sums["prompts"], sums["images"])
