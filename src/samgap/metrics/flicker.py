"""Flicker: how often an object that is asked for on two frames in a row is found on one of them alone.

Of the tracked instances that a prompt (the same object, or the same phrase) asks for on a frame and on the one before:
those found at IoU 0.5 (one to one) on just one of both / all. Source: this project's; it tells how steady answers to
single images are, whose masks bear no identity. Range 0 to 1, lower is better: 0 where each object is always found or
never, so read it beside the recall. Not evaluable where no tracked object is asked for on two frames in a row.
"""

import numpy as np
import pandas as pd

from samgap.metrics import _pairs, _ratio, _steps

VARIANTS = ("",)


def has_persistent_instances(pairs: pd.DataFrame) -> np.ndarray:
    return _pairs.is_evaluable(pairs) & (pairs["n_lasting"].to_numpy() > 0)


def variant(name: str) -> _ratio.Ratio:
    parts = _ratio.column("n_flips"), _ratio.column("n_lasting")
    return _ratio.Ratio(*parts, has_persistent_instances, _steps.require_rows(has_persistent_instances, _steps.NO_STEP))
