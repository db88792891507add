"""J&F: how well objects are followed through a sequence, by region (J) and by contour (F).

On every frame but an object's first (on which it is shown) and last: J = IoU with the object, F = boundary F at 0.008
of the image's diagonal, rounded up; mean over the object's frames, then over objects; J&F = (J + F) / 2. Source:
Perazzi et al. (2016); Pont-Tuset et al. (2017); frames left out as in SAM2's evaluator of SA-V. Range 0 to 1. Where
there is neither object nor mask both are 1, where there is but one of them 0. Frames on which the labels do not know
are left out. Prompts that ask for an object anew on every frame are measured too. Not evaluable where no object is
asked for on three frames.
"""

import numpy as np
import pandas as pd

from samgap.metrics import _pairs, _ratio, _steps

VARIANTS = ("", "j", "f")


def weighted_track_score(column_names: tuple[str, ...]) -> _ratio.Column:
    def values(pairs: pd.DataFrame) -> np.ndarray:
        both = np.mean([_steps.zero_filled(name)(pairs) for name in column_names], axis=0)
        return both * _steps.track_weight(pairs)

    return values


def variant(name: str) -> _ratio.Ratio:
    names = (f"track_{name}",) if name else ("track_j", "track_f")
    applies = _pairs.require_masks(_steps.require_rows(_steps.is_inner_frame, _steps.SEQUENCE_TOO_SHORT))
    return _ratio.Ratio(
        weighted_track_score(names), _steps.track_weight, _steps.is_inner_frame, applies, BY_PHRASE=False
    )
