"""Average precision as COCO has it: what each ranked prediction hits, and the average from it.

`hits` does what pycocotools' `evaluateImg` does for one image and category; `average_precision` what its `accumulate`
and `summarize` do, for whole weights of clusters at once, so that a bootstrap needs no second matching.

What a prediction hits is one whole number: bit t (0 to 9) is set where it is a true positive at the IoU threshold
`TAUS[t]`, bit 10 + t where it is left out there (it hits what is to be ignored, or it hits nothing and is not of the
size asked for). Neither: a false positive.
"""

from collections.abc import Sequence

import numpy as np

from samgap.masks import area_ranges
from samgap.tables.matching import IOU_THRESHOLDS

AREA_RANGES = {"all": (0.0, 1e10), **area_ranges.AREA_RANGES}
"""Lowest and highest area in px, both included."""
MAX_DETECTIONS = 1000
"""How many predictions of an image and phrase count."""
COCO_MAX_DETECTIONS = 100
RECALL_THRESHOLDS = np.linspace(0.0, 1.0, 101)
"""Recalls at which precision is read."""
ROUNDED_UP = np.linspace(0.0, 1.0, 101) > np.arange(101) / 100
"""Which of them lie, by rounding, above the hundredth they stand for."""
MIN_VECTORIZED_WEIGHTS = 16
"""So many weight vectors and more are worked on at once."""
WEIGHTS_PER_BLOCK = 8192
"""Weight vectors that are worked on at once, at most."""
_IOU_THRESHOLDS = np.minimum(np.array(IOU_THRESHOLDS), 1 - 1e-10)


def match_detections(ious: np.ndarray, areas: np.ndarray, truth_areas: np.ndarray, is_crowd: np.ndarray) -> np.ndarray:
    """What N predictions, best first, hit among M instances: int32 (sizes, N).

    `ious` (N, M) is IoU, or for a `crowd` instance (bool (M,), to be ignored) the share of the prediction inside it.
    """
    limits, sizes, taus = np.array(list(AREA_RANGES.values())), len(AREA_RANGES), len(IOU_THRESHOLDS)
    outside = ((areas < limits[:, :1]) | (areas > limits[:, 1:])) if len(areas) else np.zeros((sizes, 0), bool)
    ignored = is_crowd | (truth_areas < limits[:, :1]) | (truth_areas > limits[:, 1:])
    # All sizes and thresholds at once, as the bits of one number: bit size * taus + tau.
    every = (1 << sizes * taus) - 1
    block = 1 << taus * np.arange(sizes, dtype=np.int64)
    aside = (((1 << taus) - 1) * block @ ignored).tolist()
    not_of_size = (((1 << taus) - 1) * block @ outside).tolist()
    rows, columns = np.nonzero(ious >= _IOU_THRESHOLDS[0])
    near = ious[rows, columns]
    # Last of the best first, as pycocotools goes on at equal IoU.
    order = np.lexsort((-columns, -near, rows))
    reached = ((1 << np.searchsorted(_IOU_THRESHOLDS, near[order], side="right")) - 1) * block.sum()
    pairs: dict[int, list[tuple[int, int]]] = {}
    for row, column, reach in zip(rows[order].tolist(), columns[order].tolist(), reached.tolist(), strict=True):
        pairs.setdefault(row, []).append((column, reach))
    free = [every] * len(truth_areas)
    hit, out = [0] * len(areas), [row & every for row in not_of_size]
    for row, candidates in pairs.items():
        right = left = 0
        # What counts before what is ignored.
        for column, reach in candidates:
            take = free[column] & reach & ~aside[column] & ~right
            right |= take
            free[column] &= ~take
        for column, reach in candidates:
            take = free[column] & reach & aside[column] & ~right & ~left
            left |= take
            if not is_crowd[column]:
                free[column] &= ~take
        hit[row], out[row] = right, left | out[row] & ~right
    bits = np.array([hit, out], np.int64)[:, None] >> taus * np.arange(sizes)[:, None] & (1 << taus) - 1
    return (bits[0] | bits[1] << taus).astype(np.int32)


class RankedDetections:
    """The predictions of one category over all images, best first."""

    def __init__(
        self, scores: Sequence[np.ndarray], hit_bits: Sequence[np.ndarray], clusters: np.ndarray, max_detections: int
    ):
        """`scores` and `found` of each row, and the row's cluster; at most `limit` predictions of each row count."""
        counts = [min(len(each), max_detections) for each in scores]
        ranks = np.concatenate([np.zeros(0), *(np.asarray(each, np.float64)[:max_detections] for each in scores)])
        order = np.argsort(-ranks, kind="stable")
        hits = np.concatenate(
            [np.zeros(0, np.int64), *(np.asarray(each, np.int64)[:max_detections] for each in hit_bits)]
        )
        self.hit_bits = hits[order]
        self.clusters = np.repeat(clusters, counts)[order]

    def average_precision(self, weights: np.ndarray, n_positives: np.ndarray, tau_indices: Sequence[int]) -> np.ndarray:
        """At each of `TAUS[taus]`, float64 (taus, R), for whole-number weights (R, C) and `positives` (R,).

        NaN without positives. It is worked out for one weight vector after the other, or, where there are many, for
        all of them prediction after prediction; both give the same bits.
        """
        if len(weights) < MIN_VECTORIZED_WEIGHTS:
            points = np.stack([self._precisions_per_weights(weights, n_positives, tau) for tau in tau_indices])
        else:
            blocks = range(0, len(weights), WEIGHTS_PER_BLOCK)
            parts = [
                self._precisions_vectorized(
                    weights[at : at + WEIGHTS_PER_BLOCK], n_positives[at : at + WEIGHTS_PER_BLOCK], tau_indices
                )
                for at in blocks
            ]
            points = np.concatenate(parts, axis=1)
        # Precision at a recall is the greatest at that recall or a higher one.
        envelope = np.maximum.accumulate(points[..., ::-1], axis=-1)[..., ::-1]
        return np.where(n_positives > 0, envelope.sum(axis=-1) / len(RECALL_THRESHOLDS), np.nan)

    def _precisions_per_weights(self, weights: np.ndarray, n_positives: np.ndarray, tau_index: int) -> np.ndarray:
        """The precision at the highest recall that each true positive reaches and none before it, (R, POINTS)."""
        kept = self.hit_bits >> (tau_index + len(IOU_THRESHOLDS)) & 1 == 0
        right = np.flatnonzero((self.hit_bits[kept] >> tau_index & 1).astype(bool))
        drawn = weights[:, self.clusters[kept]]
        true = np.cumsum(drawn[:, right], axis=1)
        precision = true / (np.cumsum(drawn, axis=1)[:, right] + np.spacing(1))
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        reached = count_reached_recalls(true, n_positives[:, None])
        points = np.zeros((len(weights), len(RECALL_THRESHOLDS)))
        rows, places = np.nonzero(np.diff(reached, axis=1, prepend=0))
        points[rows, reached[rows, places] - 1] = precision[rows, places]
        return points

    def _precisions_vectorized(
        self, weights: np.ndarray, n_positives: np.ndarray, tau_indices: Sequence[int]
    ) -> np.ndarray:
        """As `_by_weights`, (taus, R, POINTS): from the last prediction to the first, all sums at hand at once."""
        shifts = np.array(tau_indices)[:, None]
        out = (self.hit_bits >> shifts + len(IOU_THRESHOLDS) & 1).astype(bool)
        right = (self.hit_bits >> shifts & 1).astype(bool) & ~out
        # Where nothing is left out, all thresholds share the number of predictions so far.
        shared = not out.any()
        kept = ~out[:1] if shared else ~out
        by_cluster = np.ascontiguousarray(weights.T)
        seen = self._weighted_counts(kept, by_cluster)
        state = RecallSweep(self._weighted_counts(right, by_cluster), n_positives)
        events = _find_runs(right)
        for place, cluster in reversed(list(enumerate(self.clusters.tolist()))):
            weight = by_cluster[cluster]
            for first, last in events.get(place, ()):
                state.step(first, last, weight, seen if shared else seen[first:last])
            if shared:
                seen -= weight
            else:
                seen[kept[:, place]] -= weight
        return state.finish()

    def _weighted_counts(self, selected: np.ndarray, weights_by_cluster: np.ndarray) -> np.ndarray:
        """How often what each row of `which` chooses is drawn, (rows, R)."""
        count = len(weights_by_cluster)
        each = [np.bincount(self.clusters[row], minlength=count)[:count].astype(np.float64) for row in selected]
        return np.stack([one @ weights_by_cluster for one in each])


class RecallSweep:
    """Of each threshold and weight vector (T, R): true positives up to a rank, and the best precision from there on."""

    def __init__(self, true_positives: np.ndarray, n_positives: np.ndarray) -> None:
        self.true_positives, self.n_positives = (
            true_positives,
            np.broadcast_to(n_positives, true_positives.shape).ravel(),
        )
        self.best_precision, self.precision, self.below_minimum = (
            np.zeros_like(true_positives),
            np.empty_like(true_positives),
            np.empty(true_positives.shape, bool),
        )
        self.n_reached = count_reached_recalls(true_positives, n_positives)
        self.min_true_positives = _min_true_positives(self.n_reached, n_positives)
        self.precision_points = np.zeros((true_positives.size, len(RECALL_THRESHOLDS)))
        self.flat_views = [
            each.ravel() for each in (self.true_positives, self.best_precision, self.n_reached, self.min_true_positives)
        ]  # the same memory

    def step(self, first: int, last: int, weight: np.ndarray, n_predictions: np.ndarray) -> None:
        """Go on to before a true positive at the thresholds `first` to `last`; `seen` has the predictions up to it."""
        true, best, precision, below = self.true_positives, self.best_precision, self.precision, self.below_minimum
        if last - first < len(true):
            true, best, precision, below = true[first:last], best[first:last], precision[first:last], below[first:last]
        np.divide(true, n_predictions + np.spacing(1), out=precision)
        np.maximum(best, precision, out=best)
        np.subtract(true, weight, out=true)
        np.less(true, self.min_true_positives[first:last], out=below)
        (at,) = below.ravel().nonzero()
        if len(at):
            self._lower_recall(at + first * self.true_positives.shape[1])

    def _lower_recall(self, indices: np.ndarray) -> None:
        """Fewer recalls may be reached: what was the best precision up to here is that of the others."""
        true, best, reached, limit = self.flat_views
        was, positives = reached[indices], self.n_positives[indices]
        now = count_reached_recalls(true[indices], positives)
        self.precision_points[indices, was - 1] = best[indices]
        reached[indices], limit[indices] = now, _min_true_positives(now, positives)

    def finish(self) -> np.ndarray:
        _, best, reached, _ = self.flat_views
        self.precision_points[np.arange(self.true_positives.size), reached - 1] = best
        return self.precision_points.reshape(*self.true_positives.shape, len(RECALL_THRESHOLDS))


def count_reached_recalls(true_positives: np.ndarray, n_positives: np.ndarray) -> np.ndarray:
    """How many of the 101 recalls are reached: `searchsorted(POINTS, true / positives, "right")`, but faster."""
    place = 100 * true_positives / np.maximum(n_positives, 1)
    reached = place.astype(np.int64)
    return reached + 1 - ((reached == place) & ROUNDED_UP[np.minimum(reached, 100)])


def _min_true_positives(n_reached: np.ndarray, n_positives: np.ndarray) -> np.ndarray:
    """As long as there are so many true positives, as many recalls are reached (a hair more, for rounding)."""
    return np.where(n_reached > 1, (n_reached - 1) * n_positives / 100 + 1e-6, 0)


def _find_runs(is_true_positive: np.ndarray) -> dict[int, list[tuple[int, int]]]:
    """For each column of `right` (T, N) that has any: first and one past last of its stretches of rows."""
    edges = np.diff(is_true_positive.astype(np.int8), axis=0, prepend=0, append=0)
    (ranks, firsts), (_, lasts) = np.nonzero(edges.T == 1), np.nonzero(edges.T == -1)
    found: dict[int, list[tuple[int, int]]] = {}
    for rank, first, last in zip(ranks.tolist(), firsts.tolist(), lasts.tolist(), strict=True):
        found.setdefault(rank, []).append((first, last))
    return found
