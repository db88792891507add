"""Presence accuracy: how often a model is right about whether a phrase is in the image at all.

The share of images and phrases where "any mask predicted" equals "present". Source: the image-level counts of sam3's
`eval/cgf1_eval.py`. Range 0 to 1. A model that always says yes scores the share of present phrases: read it beside
`il-mcc`. Needs no masks in the ground truth. Not evaluable where no phrase is asked that is absent from its image.
"""

import numpy as np
import pandas as pd

from samgap.metrics import _pairs, _ratio

VARIANTS = ("",)


def is_presence_correct(pairs: pd.DataFrame) -> np.ndarray:
    said, present = (_pairs.float_column(pairs, name) > 0 for name in ("n_predicted", "n_truth"))
    return (said == present).astype(np.float64)


def variant(name: str) -> _ratio.Ratio:
    return _ratio.Ratio(
        is_presence_correct, _ratio.constant, _pairs.is_evaluable_phrase, _pairs.no_negative_reason, BY_PHRASE=False
    )
