"""Flicker rate: how often an object that is prompted on two consecutive frames is matched on only one of them.

Over the tracked instances that a prompt (the same object, or the same phrase) has on a frame and on the previous frame:
instances matched at IoU 0.5 (one to one) on exactly one of both frames / all instances. It measures the stability of
single-image predictions, whose masks have no identity. The value is 0 if each object is always or never matched, so
compare the recall as well. Not evaluable without a tracked object that is prompted on two consecutive frames.
"""

import numpy as np
import pandas as pd

from samgap.metrics.base import ratio
from samgap.metrics.columns import column
from samgap.metrics.operating_point import MATCH_50
from samgap.metrics.row_masks import is_evaluable
from samgap.metrics.sequences import NO_STEP, require_rows


def has_persistent_instances(pairs: pd.DataFrame) -> np.ndarray:
    """Select evaluable prompts with an instance that is also prompted on the previous frame, bool (N,)."""
    return is_evaluable(pairs) & (pairs["n_lasting"].to_numpy() > 0)


METRICS = {
    "": ratio(
        column("n_flips"),
        column("n_lasting"),
        row_mask=has_persistent_instances,
        not_evaluable_reason=require_rows(has_persistent_instances, NO_STEP),
        operating_point=MATCH_50,
        label="Flicker rate",
        source="this project",
        higher_is_better=False,
    )
}
