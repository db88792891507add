"""Flow-warped consistency: IoU of a prompt's masks with those of the frame before, moved along with what they show.

Optical flow says which pixel shows what a pixel showed a frame before; over the pixels that both frames show, IoU of
all masks of the prompt (the same object, or the same phrase) then and now; mean over steps. So motion is no
instability, nor is what comes into sight or goes. Source: warping errors as in Lai et al. (2018); the published
repository's score without flow is `upstream-temporal-consistency`. Range 0 to 1. Whether they are right does not
matter: read it beside `j-and-f` or `f1-50`. Steps with no mask on such a pixel on either frame are left out; undefined
(NaN) where all are. Not evaluable where the data set has no flow, or nothing is asked on two frames in a row.
"""

import pandas as pd

from samgap.metrics import _ratio, _steps

VARIANTS = ("",)


def not_evaluable_reason(pairs: pd.DataFrame) -> str | None:
    reason = _steps.require_rows(_steps.has_value("step_iou"), _steps.NO_STEP)(pairs)
    return reason or _steps.require_rows(_steps.has_value("warped_iou"), _steps.NO_FLOW)(pairs)


def variant(name: str) -> _ratio.Ratio:
    warped = _steps.has_value("warped_iou")
    return _ratio.Ratio(_steps.zero_filled("warped_iou"), _ratio.column("n_warped"), warped, not_evaluable_reason)
