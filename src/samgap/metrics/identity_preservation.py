"""Identity preservation: how often a tracked object keeps its identity from one frame to the next.

On each frame objects and masks are assigned one to one at IoU 0.5 or more (Hungarian, maximum total IoU). The identity
of a mask is the object that its prompt tracks. A step goes from a frame on which an object is matched to the next frame
on which it is matched. The value is the share of steps with a mask of the same identity on both frames, which is 1 −
the rate of identity switches. A gap is not a switch. Undefined (NaN) if no object is matched twice. Not evaluable
without prompts of kind `track`.
"""

import numpy as np
import pandas as pd

from samgap.metrics.base import ratio
from samgap.metrics.columns import column
from samgap.metrics.operating_point import MATCH_50
from samgap.metrics.reasons import require_masks
from samgap.metrics.row_masks import has_property, is_evaluable
from samgap.metrics.sequences import NO_TRACK, require_rows


def is_track_prompt(pairs: pd.DataFrame) -> np.ndarray:
    """Select evaluable prompts of kind `track`, bool (N,)."""
    return has_property(pairs, "sequence") & is_evaluable(pairs)


METRICS = {
    "": ratio(
        column("n_kept"),
        column("n_steps"),
        row_mask=is_track_prompt,
        not_evaluable_reason=require_masks(require_rows(is_track_prompt, NO_TRACK)),
        by_phrase=False,
        operating_point=MATCH_50,
        higher_is_better=True,
        label="Identity preservation",
        source="the paper's temporal identity preservation; switches as in Bernardin & Stiefelhagen (2008)",
    )
}
