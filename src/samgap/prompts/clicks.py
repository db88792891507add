"""Kind `clicks`: one instance after the other, corrected click by click (SAM2's interactive protocol).

A row holds the first click and in column `clicks` how many there may be in all (`clicks`, 20 as in RITM and SAM2). The
later ones depend on the answers: whoever runs the prompt asks `next_click` after each. No chance is in them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from samgap.annotations.ground_truth import GroundTruth
from samgap.prompts.points import distance_transform, sample_points
from samgap.prompts.seed import Seed
from samgap.prompts.spatial import PromptTarget, make_instance_rows


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    def asked(target: PromptTarget) -> dict[str, Any] | None:
        first = sample_points(target, {}, seed)
        return {"points": first, "clicks": options.get("clicks", 20)} if first else None

    return make_instance_rows(truth, "clicks", asked)


def next_click(truth: np.ndarray, prediction: np.ndarray) -> dict[str, Any] | None:
    """The click that corrects `prediction`: the pixel that lies deepest in a missed or a false region.

    Both masks bool, (height, width). It is positive (label 1) where missed pixels lie deeper than false ones, else
    negative (0). None where nothing is wrong. x and y are the middle of the pixel, px. Source: Sofiiuk, Petrov &
    Konushin (2022, RITM), as `sam2.modeling.sam2_utils.sample_one_point_from_error_center` has it.
    """
    wrong = truth ^ prediction
    if not wrong.any():
        return None
    rows_of, columns_of = np.flatnonzero(wrong.any(axis=1)), np.flatnonzero(wrong.any(axis=0))
    top, left = int(rows_of[0]), int(columns_of[0])
    window = slice(top, rows_of[-1] + 1), slice(left, columns_of[-1] + 1)
    missed, false = (
        distance_transform((one & ~other)[window]) for one, other in ((truth, prediction), (prediction, truth))
    )
    positive = bool(missed.max() > false.max())
    row, column = np.unravel_index(np.argmax(missed if positive else false), missed.shape)
    return {"x": left + float(column) + 0.5, "y": top + float(row) + 0.5, "label": int(positive)}
