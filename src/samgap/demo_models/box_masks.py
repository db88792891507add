"""A training mask for an apple of which only the box is known, made without a learnt model.

The idea is GrabCut's (Rother et al., 2004, doi:10.1145/1015706.1015720): colour models of the apple and of its
surroundings, a smooth boundary by an exact minimum cut, repeated. An ellipse in the box is the prior, so that a green
apple under green leaves falls back on it; a leaf of another colour before an apple is cut out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from samgap.demo_models.box_colours import ColourModel, detect_distinctive_hue, interpolate, rgb_to_lab
from samgap.demo_models.box_outlines import estimate_depth_order, fit_ellipse, normalised_radius

Array = np.ndarray
Box = Sequence[float]

MAX_SIDE_PX = 72
"""A longer box is worked on at a scale that makes it this long, px."""

MARGIN_FRACTION = 0.3
"""What is looked at around a box, as a share of its mean side."""

N_ITERATIONS = 2

COLOUR_WEIGHT_RANGE = (0.6, 1.1)
"""Weight of the colours' log-ratio, where no hue tells the apple and where one does."""

PRIOR_WEIGHT = 2.6
OVERLAP_WEIGHT = 5.0
SMOOTHNESS_WEIGHT = 5.0
"""Weights of the ellipse, of an overlapping apple's, and of the boundary's length."""

MIN_MASK_FRACTION, MAX_MASK_FRACTION = 0.06, 0.97
"""Shares of the box that a mask may have."""


def estimate_pseudo_mask(pixels: Array, box: Box, other_boxes: Sequence[Box] = ()) -> tuple[Array, float]:
    """The visible pixels of the apple in `box`, bool (height, width), and how far to trust them, 0 to 1.

    `pixels` are RGB, uint8 (height, width, 3); boxes are x0, y0, x1, y1 in px. `others` are the boxes of the image's
    other apples: what they own teaches nothing about the surroundings, and where they hang in front they are left
    out. Where no likely mask is found the ellipse stands in, with confidence 0; a box of less than 4 px within the
    image has an empty mask. Nothing is drawn at random.
    """
    height, width = pixels.shape[:2]
    mask = np.zeros((height, width), bool)
    crop = _make_crop(pixels, box)
    if crop is None:
        return mask, 0.0
    found, confidence = _segment_crop(crop, [crop.to_crop_coords(other) for other in other_boxes])
    top, left, bottom, right = crop.bounds
    if found.shape != (bottom - top, right - left):
        soft = Image.fromarray(ndimage.gaussian_filter(found.astype(np.float32), 0.7))
        found = np.asarray(soft.resize((right - left, bottom - top), Image.Resampling.BILINEAR)) > 0.5
    mask[top:bottom, left:right] = found
    return mask, confidence


@dataclass(frozen=True)
class _Crop:
    """A box and its surroundings: colours L*a*b* (h, w, 3), the box in their px, and where they lie in the image."""

    lab_image: Array
    box: Array
    bounds: tuple[int, int, int, int]
    scale: float
    global_samples: Array  # some colours of the whole image
    touches_border: tuple[bool, bool, bool, bool]  # which sides of the box lie on the image's border

    def to_crop_coords(self, box: Box) -> Array:
        top, left = self.bounds[:2]
        return (np.asarray(box, float) - (left, top, left, top)) * self.scale


def _make_crop(pixels: Array, box: Box) -> _Crop | None:
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = (float(value) for value in box)
    x0, y0, x1, y1 = max(x0, 0.0), max(y0, 0.0), min(x1, width), min(y1, height)
    if min(x1 - x0, y1 - y0) < 4:
        return None
    margin = max(MARGIN_FRACTION * (x1 - x0 + y1 - y0) / 2, 4.0)
    top, left = max(int(y0 - margin), 0), max(int(x0 - margin), 0)
    bottom, right = min(int(y1 + margin) + 1, height), min(int(x1 + margin) + 1, width)
    scale = min(MAX_SIDE_PX / max(x1 - x0, y1 - y0), 1.0)
    part = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right]))
    if scale < 1:
        size = max(round((right - left) * scale), 4), max(round((bottom - top) * scale), 4)
        part = part.resize(size, Image.Resampling.BOX)
    colours = ndimage.gaussian_filter(rgb_to_lab(np.asarray(part)), (0.7, 0.7, 0))
    place = (np.array([x0, y0, x1, y1]) - (left, top, left, top)) * scale
    clipped = x0 < 2, y0 < 2, x1 > width - 2, y1 > height - 2
    return _Crop(colours, place, (top, left, bottom, right), scale, rgb_to_lab(pixels[2::5, 2::5]), clipped)


def _segment_crop(crop: _Crop, other_boxes: list[Array]) -> tuple[Array, float]:
    """The mask within a crop, bool (h, w), and its confidence."""
    colours, shape = crop.lab_image, crop.lab_image.shape[:2]
    slopes = np.gradient(colours, axis=(0, 1))
    fit = fit_ellipse(slopes, _complete_clipped_box(crop))
    radius = normalised_radius(shape, fit)
    prior = PRIOR_WEIGHT * np.clip(4.0 * (1.04 - radius), -1.6, 0.8)
    prior -= 4.0 * np.clip(_distance_outside(shape, crop.box) / (0.06 * _mean_side(crop.box)), 0, 2)
    theirs, elsewhere = np.zeros(shape, bool), np.ones(shape, np.float32)
    for other in other_boxes:
        if not _is_touching(other, crop.box) or (other[2:] - other[:2]).min() < 2:
            continue
        distance = normalised_radius(shape, other)
        elsewhere = np.minimum(elsewhere, np.clip((distance - 0.9) * 5, 0.02, 1))
        ours = _compute_ownership(estimate_depth_order(slopes, fit, other), radius, distance)
        prior += PRIOR_WEIGHT * np.where(distance < 1.05, np.minimum(OVERLAP_WEIGHT * ours, 0), 0)
        theirs |= (distance < 1) & (ours < 0)
    ring = elsewhere * np.clip((radius - 1.02) * 8, 0, 1)
    inner = np.clip((0.95 - radius) * 4, 0, 1) * ~theirs
    if not ring.any() or not inner.any():
        return radius < 1, 0.0
    told, hue = detect_distinctive_hue(colours, inner, ring)
    model, edges = ColourModel(colours, crop.global_samples, hue), _compute_edge_costs(colours)
    fore, back = inner * (1 - 0.9 * hue * (1 - told)), ring
    for _ in range(N_ITERATIONS):
        ratio, apart = model.compute_log_ratio(fore, back)
        mask = _solve_min_cut(interpolate(COLOUR_WEIGHT_RANGE, hue) * ratio + prior, edges)
        fore = inner * np.where(mask, 1.0, 0.05)
        back = ring + elsewhere * np.where(mask, 0.0, 0.6) * (radius < 1.02)
    mask = _clean_mask(mask, radius)
    share = mask.sum() / float(np.prod(crop.box[2:] - crop.box[:2]))
    if not MIN_MASK_FRACTION < share < MAX_MASK_FRACTION:
        return radius < 1, 0.0
    return mask, _estimate_confidence(mask, apart, radius, slopes)


def _mean_side(box: Array) -> float:
    return float((box[2] - box[0] + box[3] - box[1]) / 2)


def _complete_clipped_box(crop: _Crop) -> Array:
    """The box of the whole apple where the image's border cuts it: as long as it is wide, out of the image."""
    x0, y0, x1, y1 = crop.box
    wide, high = x1 - x0, y1 - y0
    left, top, right, bottom = crop.touches_border
    if wide < 0.9 * high and left != right:
        x0, x1 = (x1 - high, x1) if left else (x0, x0 + high)
    if high < 0.9 * wide and top != bottom:
        y0, y1 = (y1 - wide, y1) if top else (y0, y0 + wide)
    return np.array([x0, y0, x1, y1])


def _distance_outside(shape: tuple[int, ...], box: Array) -> Array:
    """How far a pixel lies outside a box, px; float32 (h, w)."""
    x, y = np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5
    dx = np.maximum(np.maximum(box[0] - x, x - box[2]), 0)
    dy = np.maximum(np.maximum(box[1] - y, y - box[3]), 0)
    return np.maximum(dx[None], dy[:, None]).astype(np.float32)


def _is_touching(first_box: Array, second_box: Array) -> bool:
    """Whether two boxes overlap or nearly touch."""
    return bool(np.all(np.minimum(first_box[2:], second_box[2:]) + 2 > np.maximum(first_box[:2], second_box[:2])))


def _compute_ownership(depth_order: float, own_radius: Array, other_radius: Array) -> Array:
    """Whose a pixel is where two apples overlap, 1 ours to -1 theirs.

    That of the apple in front within its outline, and as far as that is not known, of the one whose centre is nearer.
    """
    inside = np.clip(6 * (1 - (own_radius if depth_order > 0 else other_radius)), -1, 1)
    return depth_order * inside + (1 - abs(depth_order)) * np.clip(2 * (other_radius - own_radius), -1, 1)


def _compute_edge_costs(lab_image: Array) -> tuple[Array, Array, Array]:
    """Neighbouring pixels a and b (of eight), and the cost of cutting between them, less where the colour changes."""
    rows, columns = lab_image.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    pairs: list[tuple[tuple[slice, ...], tuple[slice, ...], float]] = [
        (np.s_[:, :-1], np.s_[:, 1:], 1.0),
        (np.s_[:-1, :], np.s_[1:, :], 1.0),
        (np.s_[:-1, :-1], np.s_[1:, 1:], 0.5**0.5),
        (np.s_[:-1, 1:], np.s_[1:, :-1], 0.5**0.5),
    ]
    squares = [((lab_image[one] - lab_image[two]) ** 2).sum(-1) for one, two, _ in pairs]
    beta = 1 / (2 * max(float(np.mean([square.mean() for square in squares])), 1.0))
    costs = [
        SMOOTHNESS_WEIGHT / 2 * near * np.exp(-beta * square)
        for (_, _, near), square in zip(pairs, squares, strict=True)
    ]
    return (
        np.concatenate([index[one].ravel() for one, _, _ in pairs]),
        np.concatenate([index[two].ravel() for _, two, _ in pairs]),
        np.concatenate([cost.ravel() for cost in costs]),
    )


def _solve_min_cut(foreground_gain: Array, edges: tuple[Array, Array, Array]) -> Array:
    """The mask of the largest total gain less the cost of the edges that it cuts, exactly; bool like `gain`."""
    n = foreground_gain.size
    source, sink = n, n + 1
    a, b, cost = edges
    flat, every, zeros = foreground_gain.ravel(), np.arange(n), np.zeros(n)
    # Every arc has its reverse, so that the flow, and what it leaves, have the graph's own pattern.
    start = np.concatenate([a, b, np.full(n, source), every, every, np.full(n, sink)])
    end = np.concatenate([b, a, every, np.full(n, source), np.full(n, sink), every])
    room = np.concatenate([cost, cost, np.maximum(flat, 0), zeros, np.maximum(-flat, 0), zeros])
    graph = sparse.csr_matrix(((room * 100).astype(np.int32), (start, end)), shape=(n + 2, n + 2))
    left = graph - csgraph.maximum_flow(graph, source, sink).flow
    left.eliminate_zeros()
    mask = np.zeros(n + 2, bool)
    mask[csgraph.breadth_first_order(left, source, return_predecessors=False)] = True
    return mask[:n].reshape(foreground_gain.shape)


def _clean_mask(mask: Array, radius: Array) -> Array:
    """Without specks and thin tails, small holes filled."""
    opened = ndimage.binary_opening(mask, np.ones((2, 2), bool)) if mask.sum() > 80 else mask
    parts, count = ndimage.label(opened)
    if count == 0:
        return mask
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    kept = (sizes >= 0.07 * sizes.max()) & (np.bincount(parts[radius < 0.9], minlength=count + 1) > 0)
    kept[0] = False
    whole = kept[parts]
    holes, _ = ndimage.label(ndimage.binary_fill_holes(whole) & ~whole)
    small = np.bincount(holes.ravel()) < 0.05 * whole.sum()
    small[0] = False
    return whole | small[holes]


def _estimate_confidence(mask: Array, colour_separation: float, radius: Array, gradients: Sequence[Array]) -> float:
    """High where the colours lie apart, the outline follows edges, and the mask keeps within the ellipse."""
    change = np.sqrt((gradients[0] ** 2).sum(-1) + (gradients[1] ** 2).sum(-1))
    outline = mask & ~ndimage.binary_erosion(mask, border_value=1)
    if not outline.any():
        return 0.0
    edge = float(change[outline].mean() / max(change.mean(), 1e-6))
    within = float((radius[mask] < 1).mean())
    return float(
        (0.3 + 0.7 * min(colour_separation / 0.8, 1)) * min(edge / 2, 1) * np.clip((within - 0.5) / 0.45, 0, 1)
    )
