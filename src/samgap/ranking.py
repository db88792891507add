"""Average precision as COCO has it: what each ranked prediction hits, and the average from it.

`hits` does what pycocotools' `evaluateImg` does for one image and category; `average_precision` what its `accumulate`
and `summarize` do, for whole weights of clusters at once, so that a bootstrap needs no second matching.

What a prediction hits is one whole number: bit t (0 to 9) is set where it is a true positive at the IoU threshold
`TAUS[t]`, bit 10 + t where it is left out there (it hits what is to be ignored, or it hits nothing and is not of the
size asked for). Neither: a false positive.
"""

from collections.abc import Sequence

import numpy as np

from samgap.tables import TAUS

LIMITS = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""px, both ends inclusive, as in pycocotools: an object of just 32² px is small and medium."""
DETECTIONS = 1000
"""How many predictions of an image and phrase count."""
COCO_DETECTIONS = 100
POINTS = np.linspace(0.0, 1.0, 101)
"""Recalls at which precision is read."""
LATE = np.linspace(0.0, 1.0, 101) > np.arange(101) / 100
"""Which of them lie, by rounding, above the hundredth they stand for."""
_IOU = np.minimum(np.array(TAUS), 1 - 1e-10)


def hits(ious: np.ndarray, areas: np.ndarray, truth_areas: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """What N predictions, best first, hit among M instances: int32 (sizes, N).

    `ious` (N, M) is IoU, or for a `crowd` instance (bool (M,), to be ignored) the share of the prediction inside it.
    """
    limits, sizes = np.array(list(LIMITS.values())), len(LIMITS)
    outside = ((areas < limits[:, :1]) | (areas > limits[:, 1:])) if len(areas) else np.zeros((sizes, 0), bool)
    ignored = crowd | (truth_areas < limits[:, :1]) | (truth_areas > limits[:, 1:])
    free = np.ones((sizes, len(TAUS), len(truth_areas)), bool)
    found = np.zeros((sizes, len(areas)), np.int32)
    bits = 1 << np.arange(len(TAUS), dtype=np.int32)
    for row in range(len(areas)):
        near = np.flatnonzero(ious[row] >= _IOU[0])
        # Last of the best first, as pycocotools goes on at equal IoU; what counts before what is ignored.
        near = near[np.lexsort((-near, -ious[row, near]))]
        hit = np.zeros((sizes, len(TAUS)), bool)
        out = np.zeros_like(hit)
        for later in (False, True):
            for column in near:
                may = free[:, :, column] & (ious[row, column] >= _IOU) & (ignored[:, column] == later)[:, None]
                take = may & ~hit & ~out
                (out if later else hit)[take] = True
                if not crowd[column]:
                    free[:, :, column] &= ~take
        out |= outside[:, row, None] & ~hit & ~out
        found[:, row] = hit @ bits | (out @ bits) << len(TAUS)
    return found


class Ranking:
    """The predictions of one category over all images, best first."""

    def __init__(self, scores: Sequence[np.ndarray], found: Sequence[np.ndarray], clusters: np.ndarray, limit: int):
        """`scores` and `found` of each row, and the row's cluster; at most `limit` predictions of each row count."""
        counts = [min(len(each), limit) for each in scores]
        ranks = np.concatenate([np.zeros(0), *(np.asarray(each, np.float64)[:limit] for each in scores)])
        order = np.argsort(-ranks, kind="stable")
        hits = np.concatenate([np.zeros(0, np.int64), *(np.asarray(each, np.int64)[:limit] for each in found)])
        self.hits = hits[order]
        self.clusters = np.repeat(clusters, counts)[order]

    def average_precision(self, weights: np.ndarray, positives: np.ndarray, tau: int) -> np.ndarray:
        """At `TAUS[tau]`, float64 (R,), for whole-number weights (R, C) and `positives` (R,); NaN without any."""
        kept = self.hits >> (tau + len(TAUS)) & 1 == 0
        right = np.flatnonzero((self.hits[kept] >> tau & 1).astype(bool))
        drawn = weights[:, self.clusters[kept]]
        true = np.cumsum(drawn[:, right], axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = true / (np.cumsum(drawn, axis=1)[:, right] + np.spacing(1))
            precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
            # How many of the 101 recalls are reached: searchsorted(POINTS, true / positives, "right"), but faster.
            place = 100 * true / positives[:, None]
            reached = np.floor(place)
            exact = reached == place
            reached = np.nan_to_num(reached).astype(np.int64)
        reached += 1 - (exact & LATE[np.minimum(reached, 100)])
        steps = np.diff(reached, axis=1, prepend=0)
        total = (steps * precision).sum(axis=1) / len(POINTS)
        return np.where(positives > 0, total, np.nan)
