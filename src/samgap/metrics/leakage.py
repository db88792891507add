"""Leakage: how far masks for things that are present but not labelled (leaf, branch) spill onto labelled instances.

The share of such a mask that lies on instances that the ground truth has, mean over the masks predicted for prompts
of kind `other`. Source: this project's; the paper asks for leaves and branches, but labels have only fruit. Range 0
to 1, lower is better; undefined (NaN) where nothing is predicted. Not evaluable where nothing of the kind is asked.
"""

import numpy as np
import pandas as pd

from samgap.metrics import _pairs, _ratio

VARIANTS = ("",)


def is_unlabelled_concept(pairs: pd.DataFrame) -> np.ndarray:
    return (pairs["kind"] == "other").to_numpy(bool)


def not_evaluable_reason(pairs: pd.DataFrame) -> str | None:
    if len(pairs) and not pairs["kind"].isin(["phrase", "other"]).any():
        return _pairs.NO_PHRASE
    return (
        None
        if is_unlabelled_concept(pairs).any()
        else "not evaluable: nothing is asked that is present but not labelled"
    )


def variant(name: str) -> _ratio.Ratio:
    return _ratio.Ratio(
        _ratio.column("sum_leak"), _ratio.column("n_predicted"), is_unlabelled_concept, not_evaluable_reason
    )
