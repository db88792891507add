"""Measures of masks over time: functions of sequences of masks (bool, height × width, one a frame) and of track ids.

A track is a list of masks, empty where the object is not seen. All are fractions from 0 to 1, higher is better, but for
`contour_instability`; NaN where nothing can be told.
"""

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from scipy.ndimage import label
from scipy.optimize import linear_sum_assignment

from samgap import outlines

Track = Sequence[np.ndarray]
POINTS = 100
"""Points that a contour is sampled at."""
RADII = np.logspace(math.log10(1 / 8), math.log10(2), 5)
"""Outer limits of the shape context's rings, in mean distances between points."""
ANGLES = 12
STEPS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
"""Neighbours (row, column) clockwise from the right."""


def iou(one: np.ndarray, other: np.ndarray) -> float:
    """IoU of two masks; 1 where both are empty."""
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 1.0


def j_and_f(truth: Track, predicted: Track) -> tuple[float, float]:
    """J, the mean IoU, and F, the mean boundary F at DAVIS's tolerance, over all frames but the first and the last.

    Source: Perazzi et al. (2016) and SAM2's evaluator of SA-V, which skips the frame that is prompted and the last.
    Empty against empty is 1 in both. J&F is their mean.
    """
    frames = list(zip(truth, predicted, strict=True))[1:-1]
    if not frames:
        return math.nan, math.nan
    regions = [iou(*frame) for frame in frames]
    return float(np.mean(regions)), float(np.mean([contour_f(*frame) for frame in frames]))


def contour_f(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Boundary F of two whole masks at 0.008 of the diagonal, rounded up, as DAVIS has it."""
    tolerance = math.ceil(outlines.DAVIS_TOLERANCE * math.hypot(*truth.shape))
    apart = outlines.apart(outlines.davis_boundary(truth), outlines.davis_boundary(predicted))
    return outlines.f_score(apart, tolerance)


def adjacent_iou(track: Track) -> float:
    """Mean IoU of each mask with the next: the published repository's temporal score, where motion is instability."""
    return float(np.mean([iou(*pair) for pair in pairwise(track)])) if len(track) > 1 else math.nan


def warped_consistency(track: Track, flows: Sequence[np.ndarray]) -> float:
    """Mean IoU of each mask with the one before, moved along the optical flow, so that motion is no instability.

    `flows[t]`, float (height, width, 2), is (x, y) px from a pixel of frame t + 1 to where it was in frame t, NaN where
    it was hidden. Pixels that were hidden or outside are left out. Source: warping errors as in Lai et al. (2018).
    """
    found = []
    for (before, after), flow in zip(pairwise(track), flows, strict=True):
        rows, columns = np.indices(after.shape)
        seen = np.isfinite(flow).all(axis=-1)
        x = np.rint(columns + np.where(seen, flow[..., 0], 0)).astype(np.int64)
        y = np.rint(rows + np.where(seen, flow[..., 1], 0)).astype(np.int64)
        seen &= (x >= 0) & (x < after.shape[1]) & (y >= 0) & (y < after.shape[0])
        moved = np.zeros_like(after)
        moved[seen] = before[y[seen], x[seen]]
        found.append(iou(moved[seen], after[seen]))
    return float(np.mean(found)) if found else math.nan


def identity_preservation(truth: Mapping[Hashable, Track], predicted: Mapping[Hashable, Track]) -> float:
    """How often an object keeps its predicted identity from one frame in which it is found to the next.

    In each frame objects and predictions are assigned one to one at IoU 0.5 or more (Hungarian). Over all objects:
    steps between frames with the same predicted id / all steps; 1 less the rate of identity switches (Bernardin &
    Stiefelhagen 2008). NaN where no object is found twice.
    """
    steps: Counter[bool] = Counter()
    last: dict[Hashable, Hashable] = {}
    names = list(truth), list(predicted)
    for frame in range(len(next(iter(truth.values()), []))):
        masks = [[tracks[name][frame] for name in part] for tracks, part in zip((truth, predicted), names, strict=True)]
        ious = np.array([[iou(one, other) if one.any() else 0.0 for other in masks[1]] for one in masks[0]])
        ious = ious.reshape(len(masks[0]), len(masks[1]))
        for row, column in zip(*linear_sum_assignment(ious, maximize=True), strict=True):
            if ious[row, column] >= 0.5:
                key, found = names[0][row], names[1][column]
                if key in last:
                    steps[last[key] == found] += 1
                last[key] = found
    return steps[True] / steps.total() if steps else math.nan


def contour_instability(track: Track) -> float:
    """T: the mean cost of turning each contour into the next, by shape context; lower is better, 0 for the same shape.

    Each outer contour of the largest part is sampled at 100 points; a point's shape context counts the others in 5
    rings by log distance × 12 directions; the cost of two contours is the least mean χ² cost over cyclic shifts.
    Source: Belongie, Malik & Puzicha (2002), as DAVIS's T has it (Perazzi et al. 2016), whose alignment by dynamic
    programming is another: figures are not to be set beside DAVIS's. Frames without a mask are left out, with the
    steps to and from them.
    """
    contexts = [shape_context(contour(mask)) if mask.any() else None for mask in track]
    costs = [_cost(one, other) for one, other in pairwise(contexts) if one is not None and other is not None]
    return float(np.mean(costs)) if costs else math.nan


def contour(mask: np.ndarray) -> np.ndarray:
    """The largest part's outer contour, clockwise, at even places; float (POINTS, 2) as (row, column)."""
    parts, _ = label(mask, np.ones((3, 3)))
    part = np.pad(parts == np.bincount(parts.ravel())[1:].argmax() + 1, 1)
    start = tuple(np.argwhere(part)[0])
    path, at, heading = [start], start, 0
    while True:
        # Moore's tracing: turn from where one came, until a neighbour is of the part.
        for turn in range(8):
            step = (heading + 6 + turn) % 8
            near = (at[0] + STEPS[step][0], at[1] + STEPS[step][1])
            if part[near]:
                break
        else:
            break  # a single pixel
        if at == start and len(path) > 1 and near == path[1]:
            path.pop()
            break
        at, heading = near, step
        path.append(at)
    points = np.array([*path, start], np.float64) - 1
    far = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    places = np.linspace(0, far[-1], POINTS, endpoint=False)
    return np.stack([np.interp(places, far, points[:, axis]) for axis in range(2)], axis=1)


def shape_context(points: np.ndarray) -> np.ndarray:
    """For each point the share of the others in each ring and direction, float (N, rings × directions)."""
    away = points[None] - points[:, None]
    distance = np.hypot(away[..., 0], away[..., 1])
    scale = distance.mean() or 1.0
    ring = np.searchsorted(RADII, distance / scale)
    angle = np.floor((np.arctan2(away[..., 0], away[..., 1]) / (2 * np.pi) % 1) * ANGLES).astype(np.int64) % ANGLES
    found = np.zeros((len(points), len(RADII) * ANGLES))
    inside = (ring < len(RADII)) & ~np.eye(len(points), dtype=bool)
    rows = np.broadcast_to(np.arange(len(points))[:, None], ring.shape)
    np.add.at(found, (rows[inside], (ring * ANGLES + angle)[inside]), 1)
    return found / np.maximum(found.sum(axis=1, keepdims=True), 1)


def _cost(one: np.ndarray, other: np.ndarray) -> float:
    total = one[:, None] + other[None]
    costs = 0.5 * np.divide((one[:, None] - other[None]) ** 2, total, out=np.zeros_like(total), where=total > 0).sum(-1)
    rows = np.arange(len(one))
    return float(min(costs[rows, (rows + shift) % len(other)].mean() for shift in range(len(other))))


MEASURES = (j_and_f, contour_instability, identity_preservation, warped_consistency, adjacent_iou)
"""What is measured of sequences; the rest serves these."""
