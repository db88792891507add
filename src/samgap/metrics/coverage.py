"""Coverage: IoU of all predicted pixels with all pixels of the instances asked for, whichever mask they are of.

Σ |P ∩ T| / Σ |P ∪ T| over images and phrases present or absent, P and T the unions of a prompt's masks. Source: the
pixel IoU of MinneApple's semantic segmentation (Häni et al. 2020), for the phrase "apple". Range 0 to 1; undefined
(NaN) where there is neither a prediction nor truth. Large instances weigh more; split or merged masks cost nothing.
"""

import numpy as np
import pandas as pd

from samgap.metrics import _pairs, _ratio

VARIANTS = ("",)


def union_px(pairs: pd.DataFrame) -> np.ndarray:
    apart = _pairs.float_column(pairs, "truth_px") + _pairs.float_column(pairs, "predicted_px")
    return apart - _pairs.float_column(pairs, "common_px")


def variant(name: str) -> _ratio.Ratio:
    applies = _pairs.require_masks(_pairs.no_phrase_reason)
    return _ratio.Ratio(_ratio.column("common_px"), union_px, _pairs.is_evaluable_phrase, applies)
