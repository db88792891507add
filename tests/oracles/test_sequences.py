"""Metrics of sequences against a reference implementation on whole masks of whole sequences."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt
from scipy.optimize import linear_sum_assignment

from samgap.masks import rle
from samgap.matching import contours
from samgap.matching.shard import match_shard
from tests.helpers.scenes import constant_flow, random_sequences
from tests.helpers.sums import evaluate

SEEDS = range(5)


@pytest.fixture(scope="module", params=SEEDS)
def sequences(request):
    shard = random_sequences(request.param)
    return shard, match_shard(*shard, 0.5, constant_flow)[2], SequencePredictions(*shard)


class SequencePredictions:
    """Predicted masks and instances by (sequence, prompt kind, track or phrase) and frame."""

    def __init__(self, masks, prompts, truth, images):
        self.truth, self.images = truth, images
        images_by_id = images.set_index("image_id")
        self.masks, self.instances = defaultdict(dict), defaultdict(dict)
        shape = (int(images["height"].iloc[0]), int(images["width"].iloc[0]))
        for prompt in prompts.itertuples():
            image, items = (
                images_by_id.loc[prompt.image_id],
                {item.id: item for item in truth.instances_of(prompt.image_id)},
            )
            rows = masks[masks["prompt_id"] == prompt.prompt_id].sort_values("score", ascending=False)
            track = prompt.track if prompt.kind == "track" else None
            if prompt.kind == "box":
                track = items[prompt.truth_ids[0]].track
            rows = rows[rows["score"] >= 0.5] if prompt.kind == "phrase" else rows.iloc[:1]
            predicted = [rle.decode({"size": list(shape), "counts": counts}) for counts in rows["rle"]]
            if prompt.kind == "phrase":
                ignored = [item.decode_mask() for item in items.values() if item.ignore]
                predicted = drop_ignored(predicted, [items[key].decode_mask() for key in prompt.truth_ids], ignored)
            key = (image.sequence, prompt.kind, prompt.phrase if track is None else int(track))
            self.masks[key][image.frame] = predicted
            self.instances[key][image.frame] = (
                None if prompt.truth_ids is None else [items[k] for k in prompt.truth_ids]
            )
        self.blank = np.zeros(shape, bool)

    def union(self, key, frame):
        return np.any([self.blank, *self.masks[key][frame]], axis=0)

    def steps(self, *kinds):
        """Yield (key, previous frame, frame) of every prompt on consecutive frames whose last frame is evaluable."""
        for key, frames in self.masks.items():
            evaluable = [frame for frame in frames if self.instances[key][frame] is not None]
            if key[1] in kinds:
                yield from ((key, frame - 1, frame) for frame in evaluable if frame - 1 in frames)


def drop_ignored(masks, truth, ignored):
    """Drop unmatched masks (IoU 0.5) that are at least half inside ignored instances, until there are none."""
    while masks and ignored:
        matched = {row for row, column, value in assign(masks, truth) if value >= 0.5}
        union = np.any(ignored, axis=0)
        dropped = [k for k, mask in enumerate(masks) if k not in matched and (mask & union).sum() * 2 >= mask.sum()]
        if not dropped:
            break
        masks = [mask for k, mask in enumerate(masks) if k not in dropped]
    return masks


def iou(first, second):
    union = np.count_nonzero(first | second)
    return np.count_nonzero(first & second) / union if union else 1.0


def assign(masks, truth):
    """Return (mask, instance, IoU) of the one-to-one assignment with the maximum total IoU."""
    ious = np.array([[iou(mask, truth_mask) for truth_mask in truth] for mask in masks]).reshape(len(masks), len(truth))
    return [(row, column, ious[row, column]) for row, column in zip(*linear_sum_assignment(-ious), strict=True)]


def crop_to_box(mask):
    """Crop the mask to its box, so that its position has no effect, not even by rounding."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def boundary_f(truth, predicted):
    """Compute DAVIS's `db_eval_boundary` with a tolerance of 0.008 of the diagonal, from distance transforms."""
    edges = []
    for mask in (truth, predicted):
        right, below, corner = (np.zeros_like(mask) for _ in range(3))
        right[:, :-1], below[:-1], corner[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
        right[:, -1], below[-1] = mask[:, -1], mask[-1]
        corner[-1, :-1], corner[:-1, -1], corner[-1, -1] = mask[-1, 1:], mask[1:, -1], mask[-1, -1]
        edges.append((mask != right) | (mask != below) | (mask != corner))
    if not edges[0].any() or not edges[1].any():
        return float(edges[0].any() == edges[1].any())
    tolerance_px = math.ceil(0.008 * math.hypot(*truth.shape))
    recall, precision = (
        (distance_transform_edt(~target)[edge] <= tolerance_px).mean()
        for edge, target in ((edges[0], edges[1]), edges[::-1])
    )
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def test_j_and_f(sequences):
    _, pairs, predictions = sequences
    for kind in ("track", "box"):
        by_track = []
        for key, frames in predictions.instances.items():
            values = [
                (iou(truth, predictions.union(key, frame)), boundary_f(truth, predictions.union(key, frame)))
                for frame, instances in frames.items()
                if instances is not None and min(frames) < frame < max(frames)
                for truth in [np.any([predictions.blank, *(item.decode_mask() for item in instances)], axis=0)]
            ]
            if key[1] == kind and values:
                by_track.append(np.mean(values, axis=0))
        j, f = np.mean(by_track, axis=0)
        kind_pairs = pairs[pairs["kind"] == kind]
        assert evaluate("j-and-f-j", kind_pairs) == pytest.approx(j, abs=1e-12) and 0.1 < j < 0.95
        assert evaluate("j-and-f-f", kind_pairs) == pytest.approx(f, abs=1e-12) and f != pytest.approx(j, abs=1e-6)
        assert evaluate("j-and-f", kind_pairs) == pytest.approx((j + f) / 2, abs=1e-12)


@pytest.mark.parametrize("kind", ["track", "box", "phrase"])
def test_consistency_with_and_without_flow(sequences, kind):
    shard, pairs, predictions = sequences
    flow = constant_flow(shard[3].iloc[0])
    raw, warped = [], []
    for key, previous_frame, frame in predictions.steps(kind):
        previous, current = predictions.union(key, previous_frame), predictions.union(key, frame)
        raw.append(iou(previous, current))
        # Warp the whole frame; leave out pixels that were not visible.
        warped_mask, is_visible = np.zeros(previous.size, bool), np.zeros(previous.size, bool)
        warped_mask[flow.target_pixels], is_visible[flow.target_pixels] = previous.ravel()[flow.source_pixels], True
        visible_mask = current.ravel() & is_visible
        if (warped_mask | visible_mask).any():
            warped.append(iou(warped_mask, visible_mask))
    kind_pairs = pairs[pairs["kind"] == kind]
    assert evaluate("upstream-temporal-consistency", kind_pairs) == pytest.approx(np.mean(raw), abs=1e-12)
    assert evaluate("warped-consistency", kind_pairs) == pytest.approx(np.mean(warped), abs=1e-12)
    assert 0 < len(warped) <= len(raw) and np.mean(warped) != pytest.approx(np.mean(raw), abs=1e-6)


def shape_context(points):
    """Compute the shape context point by point: the share of the other points in each ring and direction."""
    limits = [2 * 16 ** (k / 4 - 1) for k in range(5)]  # logarithmic, from 1/8 to 2 mean distances
    scale = np.mean([math.dist(first, second) for first in points for second in points]) or 1.0
    counts = np.zeros((len(points), 5, 12))
    for index, point in enumerate(points):
        for other_index, other_point in enumerate(points):
            distance = math.dist(point, other_point) / scale
            ring = next((k for k, limit in enumerate(limits) if distance <= limit * (1 + 1e-12)), None)
            if other_index != index and ring is not None:
                angle = math.atan2(other_point[0] - point[0], other_point[1] - point[1]) / (2 * math.pi) % 1
                counts[index, ring, int(angle * 12) % 12] += 1
    return counts.reshape(len(points), -1) / np.maximum(counts.sum(axis=(1, 2)), 1)[:, None]


def contour_cost(first_context, second_context):
    """Align by dynamic programming in plain loops: the cost of each cell, then the path back."""
    with np.errstate(invalid="ignore"):
        table = [[np.nansum(0.5 * (a - b) ** 2 / (a + b)) for b in second_context] for a in first_context]
    n = len(table)
    shift_costs = [sum(table[k][(k + shift) % n] for k in range(n)) for shift in range(n)]
    shift = int(np.argmin(shift_costs))
    table = [row[shift:] + row[:shift] for row in table]
    cost = {(0, 0): (table[0][0], None)}
    for i in range(n):
        for j in range(n):
            previous_cells = [cell for cell in ((i - 1, j - 1), (i - 1, j), (i, j - 1)) if cell in cost]
            if previous_cells:
                best = min(previous_cells, key=lambda cell: cost[cell][0])
                cost[i, j] = table[i][j] + cost[best][0], best
    path, cell = [], (n - 1, n - 1)
    while cell is not None:
        path.append(cell)
        cell = cost[cell][1]
    for side in (0, 1):
        path = [
            min((cell for cell in path if cell[side] == k), key=lambda cell: table[cell[0]][cell[1]])
            for k in {cell[side] for cell in path}
        ]
    return np.mean([table[i][j] for i, j in path])


@pytest.mark.parametrize("kind", ["track", "box"])
def test_contour_instability(sequences, kind):
    _, pairs, predictions = sequences
    costs = []
    for key, previous_frame, frame in predictions.steps(kind):
        masks = predictions.union(key, previous_frame), predictions.union(key, frame)
        if all(mask.any() for mask in masks):
            costs.append(
                contour_cost(*(contours.shape_context(contours.trace_contour(crop_to_box(mask))) for mask in masks))
            )
    value = evaluate("contour-instability", pairs[pairs["kind"] == kind])
    assert value == pytest.approx(np.mean(costs), abs=1e-12) and 0 < value < 1


@pytest.mark.parametrize("seed", range(3))
def test_shape_contexts(seed):
    points = np.random.default_rng(seed).normal(0, 9, (40, 2))
    assert contours.shape_context(points) == pytest.approx(shape_context(points), abs=1e-12)


def test_identity_preservation(sequences):
    """Count identity switches as in an evaluator of multiple-object tracking."""
    shard, pairs, predictions = sequences
    steps = Counter()
    for sequence in shard[3]["sequence"].unique():
        last = {}
        for frame in range(6):
            keys = {
                key[2]: key
                for key in predictions.masks
                if key[:2] == (sequence, "track") and frame in predictions.masks[key]
            }
            masks = {
                track: predictions.masks[key][frame][0] for track, key in keys.items() if predictions.masks[key][frame]
            }
            truth = {
                track: predictions.instances[key][frame][0].decode_mask()
                for track, key in keys.items()
                if predictions.instances[key][frame]
            }
            names = list(masks), list(truth)
            for row, column, value in assign(list(masks.values()), list(truth.values())):
                if value >= 0.5:
                    track, mask_track = names[1][column], names[0][row]
                    if track in last:
                        steps[last[track] == mask_track] += 1
                    last[track] = mask_track
    assert evaluate("identity-preservation", pairs) == pytest.approx(steps[True] / steps.total(), abs=1e-12)
    assert 0.3 < steps[True] / steps.total() < 1


@pytest.mark.parametrize("kind", ["track", "box", "phrase"])
def test_flicker(sequences, kind):
    _, pairs, predictions = sequences
    flips = Counter()
    for key, previous_frame, frame in predictions.steps(kind):
        matched = []
        for step_frame in (previous_frame, frame):
            instances, masks = predictions.instances[key][step_frame] or [], predictions.masks[key][step_frame]
            hits = {
                column for _, column, value in assign(masks, [item.decode_mask() for item in instances]) if value >= 0.5
            }
            matched.append({item.track: index in hits for index, item in enumerate(instances)})
        flips.update(matched[0][track] != matched[1][track] for track in matched[0].keys() & matched[1].keys())
    assert evaluate("flicker", pairs[pairs["kind"] == kind]) == pytest.approx(flips[True] / flips.total(), abs=1e-12)
    assert 0 < flips[True] < flips.total()
