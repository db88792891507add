"""Error of the count, as for an estimate of fruit load: masks predicted against instances present, phrase by phrase.

`count-error`: mean of |predicted − truth| over images and phrases; `bias`: mean of predicted − truth, above 0 where
too much is counted; `relative`: the sum of |predicted − truth| over the sum of truth. Source: the usual definitions;
fruit load as in Häni et al. (2020). Range 0 upwards, lower is better (`bias`: any number, 0 is best). Absent phrases
count, with 0 instances. A right count may be of wrong masks: read it beside `f1-50`. Needs no masks in the ground
truth. Not evaluable for spatial prompts, which tell the count.
"""

import numpy as np
import pandas as pd

from samgap.metrics import _pairs, _ratio

VARIANTS = ("", "bias", "relative")


def signed_error(pairs: pd.DataFrame) -> np.ndarray:
    return _pairs.float_column(pairs, "n_predicted") - _pairs.float_column(pairs, "n_truth")


def absolute_error(pairs: pd.DataFrame) -> np.ndarray:
    return np.abs(signed_error(pairs))


def variant(name: str) -> _ratio.Ratio:
    rows = _pairs.is_evaluable_phrase, _pairs.no_phrase_reason
    infinite = float("inf")
    return {
        "": _ratio.Ratio(absolute_error, _ratio.constant, *rows, "instances", (0.0, infinite)),
        "bias": _ratio.Ratio(signed_error, _ratio.constant, *rows, "instances", (-infinite, infinite)),
        "relative": _ratio.Ratio(absolute_error, _ratio.column("n_truth"), *rows, "fraction", (0.0, infinite)),
    }[name]
