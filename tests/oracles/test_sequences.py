"""Metrics of sequences against a second version, which has whole tracks of whole masks before it."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt
from scipy.optimize import linear_sum_assignment

from samgap.masks import rle as shapes
from samgap.matching import contours
from samgap.matching.shard import match_shard
from tests.helpers.scenes import constant_flow, random_sequences
from tests.helpers.sums import evaluate

SEEDS = range(5)


@pytest.fixture(scope="module", params=SEEDS)
def world(request):
    given = random_sequences(request.param)
    return given, match_shard(*given, 0.5, constant_flow)[2], Films(*given)


class Films:
    """Each prompt's answer on each frame of its sequence: {(sequence, kind, track or phrase): {frame: …}}."""

    def __init__(self, masks, prompts, truth, images):
        self.truth, self.images = truth, images
        where = images.set_index("image_id")
        self.answers, self.wanted = defaultdict(dict), defaultdict(dict)
        shape = (int(images["height"].iloc[0]), int(images["width"].iloc[0]))
        for prompt in prompts.itertuples():
            image, items = where.loc[prompt.image_id], {item.id: item for item in truth.instances_of(prompt.image_id)}
            mine = masks[masks["prompt_id"] == prompt.prompt_id].sort_values("score", ascending=False)
            track = prompt.track if prompt.kind == "track" else None
            if prompt.kind == "box":
                track = items[prompt.truth_ids[0]].track
            kept = mine[mine["score"] >= 0.5] if prompt.kind == "phrase" else mine.iloc[:1]
            found = [shapes.decode({"size": list(shape), "counts": rle}) for rle in kept["rle"]]
            if prompt.kind == "phrase":
                aside = [item.decode_mask() for item in items.values() if item.ignore]
                found = left_in(found, [items[key].decode_mask() for key in prompt.truth_ids], aside)
            key = (image.sequence, prompt.kind, prompt.phrase if track is None else int(track))
            self.answers[key][image.frame] = found
            self.wanted[key][image.frame] = None if prompt.truth_ids is None else [items[k] for k in prompt.truth_ids]
        self.blank = np.zeros(shape, bool)

    def union(self, key, frame):
        return np.any([self.blank, *self.answers[key][frame]], axis=0)

    def steps(self, *kinds):
        """(key, frame before, frame) of every prompt that is asked on both, and whose answer is known."""
        for key, frames in self.answers.items():
            known = [frame for frame in frames if self.wanted[key][frame] is not None]
            if key[1] in kinds:
                yield from ((key, frame - 1, frame) for frame in known if frame - 1 in frames)


def left_in(found, truth, aside):
    """Of a phrase's masks those that count: what is in no pair at IoU 0.5 and half in what is ignored is left out."""
    while found and aside:
        matched = {row for row, column, value in assigned(found, truth) if value >= 0.5}
        whole = np.any(aside, axis=0)
        out = [k for k, mask in enumerate(found) if k not in matched and (mask & whole).sum() * 2 >= mask.sum()]
        if not out:
            break
        found = [mask for k, mask in enumerate(found) if k not in out]
    return found


def iou(one, other):
    union = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / union if union else 1.0


def assigned(found, truth):
    ious = np.array([[iou(one, other) for other in truth] for one in found]).reshape(len(found), len(truth))
    return [(row, column, ious[row, column]) for row, column in zip(*linear_sum_assignment(-ious), strict=True)]


def inside(mask):
    """The mask in its box: where it lies in the image must not matter, not even by rounding."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def boundary_f(truth, predicted):
    """DAVIS's `db_eval_boundary`, its bound of 0.008 of the diagonal, by distances on whole images."""
    edges = []
    for mask in (truth, predicted):
        right, below, corner = (np.zeros_like(mask) for _ in range(3))
        right[:, :-1], below[:-1], corner[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
        right[:, -1], below[-1] = mask[:, -1], mask[-1]
        corner[-1, :-1], corner[:-1, -1], corner[-1, -1] = mask[-1, 1:], mask[1:, -1], mask[-1, -1]
        edges.append((mask != right) | (mask != below) | (mask != corner))
    if not edges[0].any() or not edges[1].any():
        return float(edges[0].any() == edges[1].any())
    bound = math.ceil(0.008 * math.hypot(*truth.shape))
    recall, precision = (
        (distance_transform_edt(~other)[one] <= bound).mean() for one, other in ((edges[0], edges[1]), edges[::-1])
    )
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def test_j_and_f(world):
    _, pairs, films = world
    for kind in ("track", "box"):
        each = []
        for key, frames in films.wanted.items():
            values = [
                (iou(truth, films.union(key, frame)), boundary_f(truth, films.union(key, frame)))
                for frame, wanted in frames.items()
                if wanted is not None and min(frames) < frame < max(frames)
                for truth in [np.any([films.blank, *(item.decode_mask() for item in wanted)], axis=0)]
            ]
            if key[1] == kind and values:
                each.append(np.mean(values, axis=0))
        j, f = np.mean(each, axis=0)
        mine = pairs[pairs["kind"] == kind]
        assert evaluate("j-and-f-j", mine) == pytest.approx(j, abs=1e-12) and 0.1 < j < 0.95
        assert evaluate("j-and-f-f", mine) == pytest.approx(f, abs=1e-12) and f != pytest.approx(j, abs=1e-6)
        assert evaluate("j-and-f", mine) == pytest.approx((j + f) / 2, abs=1e-12)


@pytest.mark.parametrize("kind", ["track", "box", "phrase"])
def test_consistency_with_and_without_motion(world, kind):
    given, pairs, films = world
    flow = constant_flow(given[3].iloc[0])
    raw, warped = [], []
    for key, before, after in films.steps(kind):
        one, other = films.union(key, before), films.union(key, after)
        raw.append(iou(one, other))
        # The whole frame moved, what was not seen left out.
        moved, seen = np.zeros(one.size, bool), np.zeros(one.size, bool)
        moved[flow.target_pixels], seen[flow.target_pixels] = one.ravel()[flow.source_pixels], True
        now = other.ravel() & seen
        if (moved | now).any():
            warped.append(iou(moved, now))
    mine = pairs[pairs["kind"] == kind]
    assert evaluate("upstream-temporal-consistency", mine) == pytest.approx(np.mean(raw), abs=1e-12)
    assert evaluate("warped-consistency", mine) == pytest.approx(np.mean(warped), abs=1e-12)
    assert 0 < len(warped) <= len(raw) and np.mean(warped) != pytest.approx(np.mean(raw), abs=1e-6)


def context(points):
    """A shape context point by point: the share of the others in each ring and direction."""
    limits = [2 * 16 ** (k / 4 - 1) for k in range(5)]  # even in the logarithm, from 1/8 to 2 mean distances
    scale = np.mean([math.dist(one, other) for one in points for other in points]) or 1.0
    found = np.zeros((len(points), 5, 12))
    for number, one in enumerate(points):
        for place, other in enumerate(points):
            far = math.dist(one, other) / scale
            ring = next((k for k, limit in enumerate(limits) if far <= limit * (1 + 1e-12)), None)
            if place != number and ring is not None:
                angle = math.atan2(other[0] - one[0], other[1] - one[1]) / (2 * math.pi) % 1
                found[number, ring, int(angle * 12) % 12] += 1
    return found.reshape(len(points), -1) / np.maximum(found.sum(axis=(1, 2)), 1)[:, None]


def contour_cost(one, other):
    """The alignment by plain loops: how far each place of the table is, then the way back."""
    with np.errstate(invalid="ignore"):
        table = [[np.nansum(0.5 * (a - b) ** 2 / (a + b)) for b in other] for a in one]
    n = len(table)
    turns = [sum(table[k][(k + by) % n] for k in range(n)) for by in range(n)]
    by = int(np.argmin(turns))
    table = [row[by:] + row[:by] for row in table]
    far = {(0, 0): (table[0][0], None)}
    for i in range(n):
        for j in range(n):
            before = [far[place][0] for place in ((i - 1, j - 1), (i - 1, j), (i, j - 1)) if place in far]
            places = [place for place in ((i - 1, j - 1), (i - 1, j), (i, j - 1)) if place in far]
            if places:
                k = int(np.argmin(before))
                far[i, j] = table[i][j] + before[k], places[k]
    way, place = [], (n - 1, n - 1)
    while place is not None:
        way.append(place)
        place = far[place][1]
    for side in (0, 1):
        way = [min((p for p in way if p[side] == k), key=lambda p: table[p[0]][p[1]]) for k in {p[side] for p in way}]
    return np.mean([table[i][j] for i, j in way])


@pytest.mark.parametrize("kind", ["track", "box"])
def test_contours(world, kind):
    _, pairs, films = world
    costs = []
    for key, before, after in films.steps(kind):
        masks = films.union(key, before), films.union(key, after)
        if all(mask.any() for mask in masks):
            costs.append(
                contour_cost(*(contours.shape_context(contours.trace_contour(inside(mask))) for mask in masks))
            )
    found = evaluate("contour-instability", pairs[pairs["kind"] == kind])
    assert found == pytest.approx(np.mean(costs), abs=1e-12) and 0 < found < 1


@pytest.mark.parametrize("seed", range(3))
def test_shape_contexts(seed):
    points = np.random.default_rng(seed).normal(0, 9, (40, 2))
    assert contours.shape_context(points) == pytest.approx(context(points), abs=1e-12)


def test_identities(world):
    """As a multiple-object tracker's evaluator counts switches: assignments of whole frames, kept between them."""
    given, pairs, films = world
    steps = Counter()
    for sequence in given[3]["sequence"].unique():
        last = {}
        for frame in range(6):
            mine = {
                key[2]: key for key in films.answers if key[:2] == (sequence, "track") and frame in films.answers[key]
            }
            masks = {track: films.answers[key][frame][0] for track, key in mine.items() if films.answers[key][frame]}
            truth = {
                track: films.wanted[key][frame][0].decode_mask()
                for track, key in mine.items()
                if films.wanted[key][frame]
            }
            names = list(masks), list(truth)
            for row, column, value in assigned(list(masks.values()), list(truth.values())):
                if value >= 0.5:
                    track, by = names[1][column], names[0][row]
                    if track in last:
                        steps[last[track] == by] += 1
                    last[track] = by
    assert evaluate("identity-preservation", pairs) == pytest.approx(steps[True] / steps.total(), abs=1e-12)
    assert 0.3 < steps[True] / steps.total() < 1


@pytest.mark.parametrize("kind", ["track", "box", "phrase"])
def test_flicker(world, kind):
    _, pairs, films = world
    flips = Counter()
    for key, before, after in films.steps(kind):
        found = []
        for frame in (before, after):
            wanted, masks = films.wanted[key][frame] or [], films.answers[key][frame]
            hits = {
                column for _, column, value in assigned(masks, [item.decode_mask() for item in wanted]) if value >= 0.5
            }
            found.append({item.track: place in hits for place, item in enumerate(wanted)})
        flips.update(found[0][track] != found[1][track] for track in found[0].keys() & found[1].keys())
    assert evaluate("flicker", pairs[pairs["kind"] == kind]) == pytest.approx(flips[True] / flips.total(), abs=1e-12)
    assert 0 < flips[True] < flips.total()
