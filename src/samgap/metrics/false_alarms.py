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


def absent(pairs: pd.DataFrame) -> np.ndarray:
    return _pairs.phrases(pairs) & ~_pairs.positive(pairs)


def applies(pairs: pd.DataFrame) -> str | None:
    """A phrase that is nowhere can be judged alone, so truth is not needed."""
    asked = (pairs["kind"] == "phrase").to_numpy(bool)
    if len(pairs) and not pairs["kind"].isin(["phrase", "other"]).any():
        return _pairs.NO_PHRASE
    return _pairs.without_answer(pairs[asked]) or (None if absent(pairs).any() else _pairs.NO_NEGATIVE)


def alarm(pairs: pd.DataFrame) -> np.ndarray:
    return (_pairs.column(pairs, "n_predicted") > 0).astype(np.float64)


def variant(name: str) -> _ratio.Ratio:
    if name == "masks":
        return _ratio.Ratio(_ratio.of("n_predicted"), _ratio.one, absent, applies, "masks", (0.0, float("inf")))
    return _ratio.Ratio(alarm, _ratio.one, absent, applies)
