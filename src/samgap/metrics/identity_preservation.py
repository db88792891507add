"""Identity preservation: how often an object that is followed keeps its identity from one frame to the next.

On each frame objects and masks are assigned one to one at IoU 0.5 or more (Hungarian, the greatest total IoU first): a
mask's identity is the object that its prompt was to follow. Steps from one frame on which an object is found to the
next on which it is: those by a mask of the same identity / all; 1 less the rate of identity switches. Source: the
paper's temporal identity preservation; switches as in Bernardin & Stiefelhagen (2008). Range 0 to 1. A gap is no
switch. Undefined (NaN) where no object is found twice. Not evaluable where nothing is followed (prompts of kind
`track`).
"""

import numpy as np
import pandas as pd

from samgap.metrics import _pairs, _ratio, _steps

VARIANTS = ("",)


def is_track_prompt(pairs: pd.DataFrame) -> np.ndarray:
    return (pairs["kind"] == "track").to_numpy(bool) & _pairs.is_evaluable(pairs)


def variant(name: str) -> _ratio.Ratio:
    applies = _pairs.require_masks(_steps.require_rows(is_track_prompt, _steps.NO_TRACK))
    return _ratio.Ratio(_ratio.column("n_kept"), _ratio.column("n_steps"), is_track_prompt, applies, BY_PHRASE=False)
