"""False alarms on absent phrases: how often a model marks what is not there.

`false-alarms`: the share of images and absent phrases with any mask predicted (the image-level false positive rate);
`false-alarms-masks`: masks for each absent phrase. Source: IL_FPR of sam3's `eval/cgf1_eval.py`.
Range 0 to 1 (masks: 0 upwards), lower is better. Needs no masks in the ground truth. Not evaluable where no phrase is
asked that is absent from its image.
"""

import numpy as np
import pandas as pd

from samgap.metrics import _pairs, _ratio

VARIANTS = ("", "masks")


def is_absent_phrase(pairs: pd.DataFrame) -> np.ndarray:
    return _pairs.is_evaluable_phrase(pairs) & ~_pairs.is_positive(pairs)


def not_evaluable_reason(pairs: pd.DataFrame) -> str | None:
    """A phrase that is nowhere can be judged alone, so truth is not needed."""
    asked = (pairs["kind"] == "phrase").to_numpy(bool)
    if len(pairs) and not pairs["kind"].isin(["phrase", "other"]).any():
        return _pairs.NO_PHRASE
    return _pairs.no_ground_truth_reason(pairs[asked]) or (
        None if is_absent_phrase(pairs).any() else _pairs.NO_NEGATIVE
    )


def has_prediction(pairs: pd.DataFrame) -> np.ndarray:
    return (_pairs.float_column(pairs, "n_predicted") > 0).astype(np.float64)


def variant(name: str) -> _ratio.Ratio:
    if name == "masks":
        return _ratio.Ratio(
            _ratio.column("n_predicted"),
            _ratio.constant,
            is_absent_phrase,
            not_evaluable_reason,
            "masks",
            (0.0, float("inf")),
        )
    return _ratio.Ratio(has_prediction, _ratio.constant, is_absent_phrase, not_evaluable_reason)
