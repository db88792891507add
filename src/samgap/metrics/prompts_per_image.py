"""Prompts per image: how many prompts a user has to give for all predictions of a prompt set.

Number of prompts / number of images with prompts, whether or not they are evaluable; each click is one prompt. An
image without prompts does not count, so the value is at least 1.
"""

import numpy as np
import pandas as pd

from samgap.metrics.base import ratio
from samgap.metrics.columns import list_column
from samgap.metrics.operating_point import TARGET_KNOWN


def all_rows(pairs: pd.DataFrame) -> np.ndarray:
    """Select every prompt, bool (N,)."""
    return np.ones(len(pairs), bool)


def not_evaluable_reason(pairs: pd.DataFrame) -> str | None:
    """Return the reason if there is no prompt."""
    return None if len(pairs) else "not evaluable: no image has a prompt"


def count_prompts(pairs: pd.DataFrame) -> np.ndarray:
    """Return the number of clicks of each prompt, or 1, float64 (N,)."""
    return np.array([1.0 if clicks is None else float(len(clicks)) for clicks in list_column(pairs, "click_iou")])


def is_first_of_image(pairs: pd.DataFrame) -> np.ndarray:
    """Return 1 for the first prompt of each image, else 0, float64 (N,)."""
    return (~pairs["image_id"].duplicated().to_numpy()).astype(np.float64)


METRICS = {
    "": ratio(
        count_prompts,
        is_first_of_image,
        row_mask=all_rows,
        not_evaluable_reason=not_evaluable_reason,
        by_phrase=False,
        operating_point=TARGET_KNOWN,
        label="Prompts per image",
        source="the paper's comparison of one prompt per object with one phrase for all objects",
        unit="prompts",
        value_range=(0.0, float("inf")),
        higher_is_better=False,
        decimals=1,
    )
}
