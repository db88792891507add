"""Flow-warped IoU: IoU of a prompt's masks with those of the previous frame, warped by optical flow.

Optical flow maps each pixel to the previous frame. Over the pixels visible on both frames: IoU of the union of the
prompt's masks (the same object, or the same phrase) on both frames, mean over steps. Motion, and parts that appear or
disappear, do not lower the value. Correctness does not count, so compare `j-and-f` or `f1-50` as well. Steps without a
mask on such a pixel on either frame are left out; undefined (NaN) if all are. Not evaluable without optical flow, or
without prompts on two consecutive frames. `upstream-temporal-consistency` is the published repository's score without
flow.
"""

import pandas as pd

from samgap.metrics.base import ratio
from samgap.metrics.columns import column
from samgap.metrics.operating_point import NO_MATCH
from samgap.metrics.sequences import NO_FLOW, NO_STEP, has_value, require_rows, zero_filled


def not_evaluable_reason(pairs: pd.DataFrame) -> str | None:
    """Return the reason if there is no step between frames, or no optical flow."""
    reason = require_rows(has_value("step_iou"), NO_STEP)(pairs)
    return reason or require_rows(has_value("warped_iou"), NO_FLOW)(pairs)


METRICS = {
    "": ratio(
        zero_filled("warped_iou"),
        column("n_warped"),
        row_mask=has_value("warped_iou"),
        not_evaluable_reason=not_evaluable_reason,
        operating_point=NO_MATCH,
        higher_is_better=True,
        label="Flow-warped IoU",
        source="warping errors as in Lai et al. (2018)",
    )
}
