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
MANY = 16
"""So many weight vectors and more are worked on at once."""
BLOCK = 8192
"""Weight vectors that are worked on at once, at most."""
_IOU = np.minimum(np.array(TAUS), 1 - 1e-10)


def hits(ious: np.ndarray, areas: np.ndarray, truth_areas: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """What N predictions, best first, hit among M instances: int32 (sizes, N).

    `ious` (N, M) is IoU, or for a `crowd` instance (bool (M,), to be ignored) the share of the prediction inside it.
    """
    limits, sizes, taus = np.array(list(LIMITS.values())), len(LIMITS), len(TAUS)
    outside = ((areas < limits[:, :1]) | (areas > limits[:, 1:])) if len(areas) else np.zeros((sizes, 0), bool)
    ignored = crowd | (truth_areas < limits[:, :1]) | (truth_areas > limits[:, 1:])
    # All sizes and thresholds at once, as the bits of one number: bit size * taus + tau.
    every = (1 << sizes * taus) - 1
    block = 1 << taus * np.arange(sizes, dtype=np.int64)
    aside = (((1 << taus) - 1) * block @ ignored).tolist()
    not_of_size = (((1 << taus) - 1) * block @ outside).tolist()
    rows, columns = np.nonzero(ious >= _IOU[0])
    near = ious[rows, columns]
    # Last of the best first, as pycocotools goes on at equal IoU.
    order = np.lexsort((-columns, -near, rows))
    reached = ((1 << np.searchsorted(_IOU, near[order], side="right")) - 1) * block.sum()
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
            if not crowd[column]:
                free[column] &= ~take
        hit[row], out[row] = right, left | out[row] & ~right
    bits = np.array([hit, out], np.int64)[:, None] >> taus * np.arange(sizes)[:, None] & (1 << taus) - 1
    return (bits[0] | bits[1] << taus).astype(np.int32)


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

    def average_precision(self, weights: np.ndarray, positives: np.ndarray, taus: Sequence[int]) -> np.ndarray:
        """At each of `TAUS[taus]`, float64 (taus, R), for whole-number weights (R, C) and `positives` (R,).

        NaN without positives. It is worked out for one weight vector after the other, or, where there are many, for
        all of them prediction after prediction; both give the same bits.
        """
        if len(weights) < MANY:
            points = np.stack([self._by_weights(weights, positives, tau) for tau in taus])
        else:
            blocks = range(0, len(weights), BLOCK)
            parts = [self._by_rank(weights[at : at + BLOCK], positives[at : at + BLOCK], taus) for at in blocks]
            points = np.concatenate(parts, axis=1)
        # Precision at a recall is the greatest at that recall or a higher one.
        envelope = np.maximum.accumulate(points[..., ::-1], axis=-1)[..., ::-1]
        return np.where(positives > 0, envelope.sum(axis=-1) / len(POINTS), np.nan)

    def _by_weights(self, weights: np.ndarray, positives: np.ndarray, tau: int) -> np.ndarray:
        """The precision at the highest recall that each true positive reaches and none before it, (R, POINTS)."""
        kept = self.hits >> (tau + len(TAUS)) & 1 == 0
        right = np.flatnonzero((self.hits[kept] >> tau & 1).astype(bool))
        drawn = weights[:, self.clusters[kept]]
        true = np.cumsum(drawn[:, right], axis=1)
        precision = true / (np.cumsum(drawn, axis=1)[:, right] + np.spacing(1))
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        reached = recalls(true, positives[:, None])
        points = np.zeros((len(weights), len(POINTS)))
        rows, places = np.nonzero(np.diff(reached, axis=1, prepend=0))
        points[rows, reached[rows, places] - 1] = precision[rows, places]
        return points

    def _by_rank(self, weights: np.ndarray, positives: np.ndarray, taus: Sequence[int]) -> np.ndarray:
        """As `_by_weights`, (taus, R, POINTS): from the last prediction to the first, all sums at hand at once."""
        shifts = np.array(taus)[:, None]
        out = (self.hits >> shifts + len(TAUS) & 1).astype(bool)
        right = (self.hits >> shifts & 1).astype(bool) & ~out
        # Where nothing is left out, all thresholds share the number of predictions so far.
        shared = not out.any()
        kept = ~out[:1] if shared else ~out
        by_cluster = np.ascontiguousarray(weights.T)
        seen = self._counts(kept, by_cluster)
        state = _State(self._counts(right, by_cluster), positives)
        events = _stretches(right)
        for place, cluster in reversed(list(enumerate(self.clusters.tolist()))):
            weight = by_cluster[cluster]
            for first, last in events.get(place, ()):
                state.before(first, last, weight, seen if shared else seen[first:last])
            if shared:
                seen -= weight
            else:
                seen[kept[:, place]] -= weight
        return state.points_reached()

    def _counts(self, which: np.ndarray, by_cluster: np.ndarray) -> np.ndarray:
        """How often what each row of `which` chooses is drawn, (rows, R)."""
        count = len(by_cluster)
        each = [np.bincount(self.clusters[row], minlength=count)[:count].astype(np.float64) for row in which]
        return np.stack([one @ by_cluster for one in each])


class _State:
    """Of each threshold and weight vector (T, R): true positives up to a rank, and the best precision from there on."""

    def __init__(self, true: np.ndarray, positives: np.ndarray) -> None:
        self.true, self.positives = true, np.broadcast_to(positives, true.shape).ravel()
        self.best, self.precision, self.below = np.zeros_like(true), np.empty_like(true), np.empty(true.shape, bool)
        self.reached = recalls(true, positives)
        self.limit = _fewest(self.reached, positives)
        self.points = np.zeros((true.size, len(POINTS)))
        self.flat = [each.ravel() for each in (self.true, self.best, self.reached, self.limit)]  # the same memory

    def before(self, first: int, last: int, weight: np.ndarray, seen: np.ndarray) -> None:
        """Go on to before a true positive at the thresholds `first` to `last`; `seen` has the predictions up to it."""
        true, best, precision, below = self.true, self.best, self.precision, self.below
        if last - first < len(true):
            true, best, precision, below = true[first:last], best[first:last], precision[first:last], below[first:last]
        np.divide(true, seen + np.spacing(1), out=precision)
        np.maximum(best, precision, out=best)
        np.subtract(true, weight, out=true)
        np.less(true, self.limit[first:last], out=below)
        (at,) = below.ravel().nonzero()
        if len(at):
            self._fall(at + first * self.true.shape[1])

    def _fall(self, at: np.ndarray) -> None:
        """Fewer recalls may be reached: what was the best precision up to here is that of the others."""
        true, best, reached, limit = self.flat
        was, positives = reached[at], self.positives[at]
        now = recalls(true[at], positives)
        self.points[at, was - 1] = best[at]
        reached[at], limit[at] = now, _fewest(now, positives)

    def points_reached(self) -> np.ndarray:
        _, best, reached, _ = self.flat
        self.points[np.arange(self.true.size), reached - 1] = best
        return self.points.reshape(*self.true.shape, len(POINTS))


def recalls(true: np.ndarray, positives: np.ndarray) -> np.ndarray:
    """How many of the 101 recalls are reached: `searchsorted(POINTS, true / positives, "right")`, but faster."""
    place = 100 * true / np.maximum(positives, 1)
    reached = place.astype(np.int64)
    return reached + 1 - ((reached == place) & LATE[np.minimum(reached, 100)])


def _fewest(reached: np.ndarray, positives: np.ndarray) -> np.ndarray:
    """As long as there are so many true positives, as many recalls are reached (a hair more, for rounding)."""
    return np.where(reached > 1, (reached - 1) * positives / 100 + 1e-6, 0)


def _stretches(right: np.ndarray) -> dict[int, list[tuple[int, int]]]:
    """For each column of `right` (T, N) that has any: first and one past last of its stretches of rows."""
    edges = np.diff(right.astype(np.int8), axis=0, prepend=0, append=0)
    (ranks, firsts), (_, lasts) = np.nonzero(edges.T == 1), np.nonzero(edges.T == -1)
    found: dict[int, list[tuple[int, int]]] = {}
    for rank, first, last in zip(ranks.tolist(), firsts.tolist(), lasts.tolist(), strict=True):
        found.setdefault(rank, []).append((first, last))
    return found
