"""J&F: quality of tracked objects through a sequence, by region (J) and by contour (F).

On every frame of an object but the first (on which it is prompted) and the last: J = IoU with the object, F = boundary
F at 0.008 of the image's diagonal, rounded up. Mean over the object's frames, then over objects; J&F = (J + F) / 2. If
there is neither object nor mask on a frame, both are 1; if there is only one of them, both are 0. Frames without ground
truth are left out. Prompts that repeat the object on every frame are evaluated too. Not evaluable without an object
that is prompted on three frames.
"""

import numpy as np
import pandas as pd

from samgap.metrics.base import Column, SumMetric, ratio
from samgap.metrics.operating_point import NO_MATCH
from samgap.metrics.reasons import require_masks
from samgap.metrics.sequences import SEQUENCE_TOO_SHORT, is_inner_frame, require_rows, track_weight, zero_filled

VARIANTS = ("", "j", "f")


def weighted_track_score(column_names: tuple[str, ...]) -> Column:
    """Build the mean of columns, weighted so that each object has the same total weight."""

    def weighted_mean(pairs: pd.DataFrame) -> np.ndarray:
        mean = np.mean([zero_filled(name)(pairs) for name in column_names], axis=0)
        return mean * track_weight(pairs)

    return weighted_mean


def _track_metric(label: str, *column_names: str) -> SumMetric:
    return ratio(
        weighted_track_score(column_names),
        track_weight,
        row_mask=is_inner_frame,
        not_evaluable_reason=require_masks(require_rows(is_inner_frame, SEQUENCE_TOO_SHORT)),
        by_phrase=False,
        operating_point=NO_MATCH,
        higher_is_better=True,
        label=label,
        source="Perazzi et al. (2016); Pont-Tuset et al. (2017); frames left out as in SAM2's evaluator of SA-V",
    )


METRICS = {
    "": _track_metric("J&F", "track_j", "track_f"),
    "j": _track_metric("J", "track_j"),
    "f": _track_metric("F", "track_f"),
}
