"""COCO average precision: the hits of ranked predictions, and average precision from them.

`match_detections` does what pycocotools' `evaluateImg` does for one image and category. `RankedDetections` does what
its `accumulate` and `summarize` do, for many vectors of cluster weights at once, so that a bootstrap matches only once.

The hits of a prediction are one integer: bit t (0 to 9) is set if it is a true positive at `IOU_THRESHOLDS[t]`, bit
10 + t if it is left out there (it matches an ignored instance, or matches nothing and is outside the area range). A
prediction with neither bit is a false positive.
"""

from collections.abc import Sequence

import numpy as np

from samgap.masks import area_ranges
from samgap.tables.matching import IOU_THRESHOLDS

AREA_RANGES = {"all": (0.0, 1e10), **area_ranges.AREA_RANGES}
"""Lowest and highest area in px, both included."""
MAX_DETECTIONS = 1000
"""The maximum number of predictions per image and phrase."""
COCO_MAX_DETECTIONS = 100
"""The maximum number of predictions in COCO's own metric."""
RECALL_THRESHOLDS = np.linspace(0.0, 1.0, 101)
"""The recalls at which precision is sampled."""
ROUNDED_UP = np.linspace(0.0, 1.0, 101) > np.arange(101) / 100
"""Which recall thresholds are above their hundredth because of rounding."""
MIN_VECTORIZED_WEIGHTS = 16
"""The number of weight vectors from which all are processed at once."""
WEIGHTS_PER_BLOCK = 8192
"""The maximum number of weight vectors that are processed at once."""
_IOU_THRESHOLDS = np.minimum(np.array(IOU_THRESHOLDS), 1 - 1e-10)


def match_detections(ious: np.ndarray, areas: np.ndarray, truth_areas: np.ndarray, is_crowd: np.ndarray) -> np.ndarray:
    """Return the hits of N predictions, best first, on M instances.

    Args:
        ious: (N, M); for a crowd instance the fraction of the prediction inside it.
        areas: of the predictions in px, (N,).
        truth_areas: of the instances in px, (M,).
        is_crowd: whether an instance is ignored, bool (M,).

    Returns:
        Hit bits (see the module's docstring) for each of `AREA_RANGES`, int32 (4, N).
    """
    limits, n_ranges, n_taus = np.array(list(AREA_RANGES.values())), len(AREA_RANGES), len(IOU_THRESHOLDS)
    outside = ((areas < limits[:, :1]) | (areas > limits[:, 1:])) if len(areas) else np.zeros((n_ranges, 0), bool)
    ignored = is_crowd | (truth_areas < limits[:, :1]) | (truth_areas > limits[:, 1:])
    # All area ranges and thresholds are processed at once, as the bits of one integer: bit range * n_taus + tau.
    all_bits = (1 << n_ranges * n_taus) - 1
    range_bit = 1 << n_taus * np.arange(n_ranges, dtype=np.int64)
    range_mask = ((1 << n_taus) - 1) * range_bit
    ignored_bits, outside_bits = (range_mask @ ignored).tolist(), (range_mask @ outside).tolist()
    free_bits = [all_bits] * len(truth_areas)
    true_bits, left_out_bits = [0] * len(areas), [bits & all_bits for bits in outside_bits]
    for row, candidates in _find_candidates(ious, range_bit).items():
        matched = matched_ignored = 0
        # Instances that count are matched before ignored ones.
        for column, reached_bits in candidates:
            new_bits = free_bits[column] & reached_bits & ~ignored_bits[column] & ~matched
            matched |= new_bits
            free_bits[column] &= ~new_bits
        for column, reached_bits in candidates:
            new_bits = free_bits[column] & reached_bits & ignored_bits[column] & ~matched & ~matched_ignored
            matched_ignored |= new_bits
            # A crowd instance may be matched any number of times.
            if not is_crowd[column]:
                free_bits[column] &= ~new_bits
        true_bits[row], left_out_bits[row] = matched, matched_ignored | left_out_bits[row] & ~matched
    bits = np.array([true_bits, left_out_bits], np.int64)[:, None]
    bits = bits >> n_taus * np.arange(n_ranges)[:, None] & (1 << n_taus) - 1
    return (bits[0] | bits[1] << n_taus).astype(np.int32)


def _find_candidates(ious: np.ndarray, range_bit: np.ndarray) -> dict[int, list[tuple[int, int]]]:
    """Return, for each prediction, the instances at or above the lowest threshold, highest IoU first.

    Each instance comes with the bits of the thresholds that its IoU reaches, in all area ranges.
    """
    rows, columns = np.nonzero(ious >= _IOU_THRESHOLDS[0])
    candidate_ious = ious[rows, columns]
    # At equal IoU pycocotools prefers the last instance.
    order = np.lexsort((-columns, -candidate_ious, rows))
    n_reached = np.searchsorted(_IOU_THRESHOLDS, candidate_ious[order], side="right")
    reached_bits = ((1 << n_reached) - 1) * range_bit.sum()
    candidates: dict[int, list[tuple[int, int]]] = {}
    for row, column, bits in zip(rows[order].tolist(), columns[order].tolist(), reached_bits.tolist(), strict=True):
        candidates.setdefault(row, []).append((column, bits))
    return candidates


class RankedDetections:
    """The predictions of one category on all images, best first.

    Args:
        scores: of each row of table `pairs`, best first.
        hit_bits: of each row, in the same order.
        clusters: the cluster number of each row.
        max_detections: the maximum number of predictions per row.
    """

    def __init__(
        self, scores: Sequence[np.ndarray], hit_bits: Sequence[np.ndarray], clusters: np.ndarray, max_detections: int
    ):
        counts = [min(len(row_scores), max_detections) for row_scores in scores]
        kept_scores = [np.asarray(row_scores, np.float64)[:max_detections] for row_scores in scores]
        kept_bits = [np.asarray(row_bits, np.int64)[:max_detections] for row_bits in hit_bits]
        order = np.argsort(-np.concatenate([np.zeros(0), *kept_scores]), kind="stable")
        self.hit_bits = np.concatenate([np.zeros(0, np.int64), *kept_bits])[order]
        self.clusters = np.repeat(clusters, counts)[order]

    def average_precision(self, weights: np.ndarray, n_positives: np.ndarray, tau_indices: Sequence[int]) -> np.ndarray:
        """Return the average precision for each threshold and weight vector.

        A few weight vectors are processed one by one, many at once. The results are equal to the last bit.

        Args:
            weights: whole numbers, how often each cluster is in the resample, float64 (R, C).
            n_positives: the weighted number of instances, (R,).
            tau_indices: indices into `IOU_THRESHOLDS`, (T,).

        Returns:
            float64 (T, R); NaN without positives.
        """
        if len(weights) < MIN_VECTORIZED_WEIGHTS:
            points = np.stack([self._precisions_per_weights(weights, n_positives, tau) for tau in tau_indices])
        else:
            blocks = [slice(start, start + WEIGHTS_PER_BLOCK) for start in range(0, len(weights), WEIGHTS_PER_BLOCK)]
            parts = [self._precisions_vectorized(weights[rows], n_positives[rows], tau_indices) for rows in blocks]
            points = np.concatenate(parts, axis=1)
        # The precision at a recall is the maximum at that recall or a higher one.
        envelope = np.maximum.accumulate(points[..., ::-1], axis=-1)[..., ::-1]
        return np.where(n_positives > 0, envelope.sum(axis=-1) / len(RECALL_THRESHOLDS), np.nan)

    def _precisions_per_weights(self, weights: np.ndarray, n_positives: np.ndarray, tau_index: int) -> np.ndarray:
        """Return the precision at the highest recall threshold that each true positive newly reaches, (R, 101)."""
        counted = self.hit_bits >> (tau_index + len(IOU_THRESHOLDS)) & 1 == 0
        is_true = np.flatnonzero((self.hit_bits[counted] >> tau_index & 1).astype(bool))
        sampled_weights = weights[:, self.clusters[counted]]
        true_positives = np.cumsum(sampled_weights[:, is_true], axis=1)
        precision = true_positives / (np.cumsum(sampled_weights, axis=1)[:, is_true] + np.spacing(1))
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        n_reached = count_reached_recalls(true_positives, n_positives[:, None])
        points = np.zeros((len(weights), len(RECALL_THRESHOLDS)))
        rows, columns = np.nonzero(np.diff(n_reached, axis=1, prepend=0))
        points[rows, n_reached[rows, columns] - 1] = precision[rows, columns]
        return points

    def _precisions_vectorized(
        self, weights: np.ndarray, n_positives: np.ndarray, tau_indices: Sequence[int]
    ) -> np.ndarray:
        """Return the same as `_precisions_per_weights` for all thresholds, (T, R, 101).

        It goes from the last prediction to the first, with the cumulative sums of all thresholds and weights.
        """
        shifts = np.array(tau_indices)[:, None]
        is_left_out = (self.hit_bits >> shifts + len(IOU_THRESHOLDS) & 1).astype(bool)
        is_true = (self.hit_bits >> shifts & 1).astype(bool) & ~is_left_out
        # If no prediction is left out, all thresholds share the number of predictions so far.
        shared = not is_left_out.any()
        counted = ~is_left_out[:1] if shared else ~is_left_out
        weights_by_cluster = np.ascontiguousarray(weights.T)
        n_predictions = self._weighted_counts(counted, weights_by_cluster)
        sweep = RecallSweep(self._weighted_counts(is_true, weights_by_cluster), n_positives)
        runs = _find_runs(is_true)
        for rank, cluster in reversed(list(enumerate(self.clusters.tolist()))):
            weight = weights_by_cluster[cluster]
            for first, last in runs.get(rank, ()):
                sweep.step(first, last, weight, n_predictions if shared else n_predictions[first:last])
            if shared:
                n_predictions -= weight
            else:
                n_predictions[counted[:, rank]] -= weight
        return sweep.finish()

    def _weighted_counts(self, selected: np.ndarray, weights_by_cluster: np.ndarray) -> np.ndarray:
        """Return the weighted number of selected predictions, (T, R), for bool `selected` (T, N)."""
        n_clusters = len(weights_by_cluster)
        per_cluster = [
            np.bincount(self.clusters[row], minlength=n_clusters)[:n_clusters].astype(np.float64) for row in selected
        ]
        return np.stack([counts @ weights_by_cluster for counts in per_cluster])


class RecallSweep:
    """A sweep from the last prediction to the first, for all thresholds T and weight vectors R at once.

    Args:
        true_positives: the weighted number of true positives of all predictions, (T, R).
        n_positives: the weighted number of instances, (R,).
    """

    def __init__(self, true_positives: np.ndarray, n_positives: np.ndarray) -> None:
        shape = true_positives.shape
        self.true_positives = true_positives
        self.n_positives = np.broadcast_to(n_positives, shape).ravel()
        self.best_precision = np.zeros_like(true_positives)
        self.n_reached = count_reached_recalls(true_positives, n_positives)
        self.min_true_positives = _min_true_positives(self.n_reached, n_positives)
        self.precision_points = np.zeros((true_positives.size, len(RECALL_THRESHOLDS)))
        # Buffers of `step`.
        self.precision, self.below_minimum = np.empty_like(true_positives), np.empty(shape, bool)
        # Views of the same memory.
        self.flat_views = [
            array.ravel()
            for array in (self.true_positives, self.best_precision, self.n_reached, self.min_true_positives)
        ]

    def step(self, first: int, last: int, weight: np.ndarray, n_predictions: np.ndarray) -> None:
        """Remove a prediction that is a true positive at the thresholds `first` to `last` (exclusive).

        Args:
            first: index of the first threshold.
            last: index after the last threshold.
            weight: of the prediction, (R,).
            n_predictions: the weighted number of predictions up to this one, (last - first, R) or (1, R).
        """
        true, best, precision, below = self.true_positives, self.best_precision, self.precision, self.below_minimum
        if last - first < len(true):
            true, best, precision, below = true[first:last], best[first:last], precision[first:last], below[first:last]
        np.divide(true, n_predictions + np.spacing(1), out=precision)
        np.maximum(best, precision, out=best)
        np.subtract(true, weight, out=true)
        np.less(true, self.min_true_positives[first:last], out=below)
        (indices,) = below.ravel().nonzero()
        if len(indices):
            self._lower_recall(indices + first * self.true_positives.shape[1])

    def _lower_recall(self, indices: np.ndarray) -> None:
        """Store the best precision of the recalls that are no longer reached, at flat indices of (T, R)."""
        true, best, n_reached, min_true = self.flat_views
        old_reached, positives = n_reached[indices], self.n_positives[indices]
        new_reached = count_reached_recalls(true[indices], positives)
        self.precision_points[indices, old_reached - 1] = best[indices]
        n_reached[indices], min_true[indices] = new_reached, _min_true_positives(new_reached, positives)

    def finish(self) -> np.ndarray:
        """Return the precision at each recall threshold, (T, R, 101); 0 where no true positive newly reaches it."""
        _, best, n_reached, _ = self.flat_views
        self.precision_points[np.arange(self.true_positives.size), n_reached - 1] = best
        return self.precision_points.reshape(*self.true_positives.shape, len(RECALL_THRESHOLDS))


def count_reached_recalls(true_positives: np.ndarray, n_positives: np.ndarray) -> np.ndarray:
    """Return how many of the 101 recall thresholds are reached.

    Faster than `searchsorted(RECALL_THRESHOLDS, true_positives / n_positives, "right")`, with the same result.
    """
    hundredths = 100 * true_positives / np.maximum(n_positives, 1)
    floor = hundredths.astype(np.int64)
    return floor + 1 - ((floor == hundredths) & ROUNDED_UP[np.minimum(floor, 100)])


def _min_true_positives(n_reached: np.ndarray, n_positives: np.ndarray) -> np.ndarray:
    """Return the number of true positives below which fewer recalls are reached, plus a margin for rounding."""
    return np.where(n_reached > 1, (n_reached - 1) * n_positives / 100 + 1e-6, 0)


def _find_runs(is_true_positive: np.ndarray) -> dict[int, list[tuple[int, int]]]:
    """Return, for each column of a bool array (T, N), the runs of True as (first row, row after the last)."""
    edges = np.diff(is_true_positive.astype(np.int8), axis=0, prepend=0, append=0)
    (ranks, firsts), (_, lasts) = np.nonzero(edges.T == 1), np.nonzero(edges.T == -1)
    runs: dict[int, list[tuple[int, int]]] = {}
    for rank, first, last in zip(ranks.tolist(), firsts.tolist(), lasts.tolist(), strict=True):
        runs.setdefault(rank, []).append((first, last))
    return runs
