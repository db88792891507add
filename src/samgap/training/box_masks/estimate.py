"""The mask of an apple estimated from its box.

The method is GrabCut's (Rother et al., 2004, doi:10.1145/1015706.1015720): colour models of the apple and of its
surroundings, and a smooth boundary by a minimum cut, in turn. The prior is an ellipse in the box. It dominates where
colours are alike, as for a green apple among green leaves; a leaf of another colour in front of an apple is cut out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from samgap.training.box_masks.colours import ColourModel, detect_distinctive_hue, interpolate, rgb_to_lab
from samgap.training.box_masks.min_cut import compute_edge_costs, solve_min_cut
from samgap.training.box_masks.outlines import compute_normalised_radius, estimate_depth_order, fit_ellipse

Array = np.ndarray
Box = Sequence[float]

MAX_SIDE_PX = 72
"""Larger boxes are segmented at a resolution that gives them this side, px."""

MARGIN_FRACTION = 0.3
"""Width of the surroundings of a box, as a fraction of its mean side."""

N_ITERATIONS = 2

COLOUR_WEIGHT_RANGE = (0.6, 1.1)
"""Weight of the colours' log-likelihood ratio, for an apple without and with a distinctive hue."""

PRIOR_WEIGHT = 2.6
OVERLAP_WEIGHT = 5.0
"""Weights of the ellipse, and of the ellipses of overlapping apples."""

MIN_MASK_FRACTION, MAX_MASK_FRACTION = 0.06, 0.97
"""Limits of a plausible mask's area, as fractions of the box."""


def estimate_pseudo_mask(pixels: Array, box: Box, other_boxes: Sequence[Box] = ()) -> tuple[Array, float]:
    """Estimate the visible pixels of the apple in a box; deterministic.

    Args:
        pixels: RGB, uint8 (height, width, 3)
        box: x0, y0, x1, y1, px
        other_boxes: the image's other apples; their pixels are not used for the colours of the surroundings, and are
            excluded from the mask where they are in front

    Returns:
        The mask, bool (height, width), and a confidence from 0 to 1. Without a plausible mask it is the ellipse, with
        confidence 0; for a box of less than 4 px within the image it is empty.
    """
    height, width = pixels.shape[:2]
    mask = np.zeros((height, width), bool)
    crop = _make_crop(pixels, box)
    if crop is None:
        return mask, 0.0
    crop_mask, confidence = _segment_crop(crop, [crop.to_crop_coords(other_box) for other_box in other_boxes])
    top, left, bottom, right = crop.bounds
    if crop_mask.shape != (bottom - top, right - left):
        blurred = Image.fromarray(ndimage.gaussian_filter(crop_mask.astype(np.float32), 0.7))
        crop_mask = np.asarray(blurred.resize((right - left, bottom - top), Image.Resampling.BILINEAR)) > 0.5
    mask[top:bottom, left:right] = crop_mask
    return mask, confidence


@dataclass(frozen=True)
class _Crop:
    """A box with its surroundings, perhaps at a lower resolution."""

    lab_image: Array  # L*a*b*, (h, w, 3)
    box: Array  # in px of the crop
    bounds: tuple[int, int, int, int]  # top, left, bottom, right in the image
    scale: float  # px of the crop per px of the image
    global_samples: Array  # L*a*b* of some pixels of the entire image
    touches_border: tuple[bool, bool, bool, bool]  # left, top, right, bottom of the box at the image's border

    def to_crop_coords(self, box: Box) -> Array:
        """Return a box of the image, (x0, y0, x1, y1) in px, in px of the crop."""
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
    image = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right]))
    if scale < 1:
        size = max(round((right - left) * scale), 4), max(round((bottom - top) * scale), 4)
        image = image.resize(size, Image.Resampling.BOX)
    lab_image = ndimage.gaussian_filter(rgb_to_lab(np.asarray(image)), (0.7, 0.7, 0))
    crop_box = (np.array([x0, y0, x1, y1]) - (left, top, left, top)) * scale
    touches_border = x0 < 2, y0 < 2, x1 > width - 2, y1 > height - 2
    return _Crop(lab_image, crop_box, (top, left, bottom, right), scale, rgb_to_lab(pixels[2::5, 2::5]), touches_border)


def _segment_crop(crop: _Crop, other_boxes: list[Array]) -> tuple[Array, float]:
    """Return the mask within a crop, bool (h, w), and its confidence."""
    lab_image = crop.lab_image
    gradients = np.gradient(lab_image, axis=(0, 1))
    ellipse = fit_ellipse(gradients, _complete_clipped_box(crop))
    radius = compute_normalised_radius(lab_image.shape[:2], ellipse)
    prior, is_other_apple, not_apple = _compute_prior(crop, ellipse, radius, gradients, other_boxes)
    background = not_apple * np.clip((radius - 1.02) * 8, 0, 1)
    foreground = np.clip((0.95 - radius) * 4, 0, 1) * ~is_other_apple
    if not background.any() or not foreground.any():
        return radius < 1, 0.0
    has_hue, hue_confidence = detect_distinctive_hue(lab_image, foreground, background)
    colours = ColourModel(lab_image, crop.global_samples, hue_confidence)
    edges = compute_edge_costs(lab_image)
    colour_weight = interpolate(COLOUR_WEIGHT_RANGE, hue_confidence)
    foreground_weights = foreground * (1 - 0.9 * hue_confidence * (1 - has_hue))
    background_weights = background
    for _ in range(N_ITERATIONS):
        log_ratio, separation = colours.compute_log_ratio(foreground_weights, background_weights)
        mask = solve_min_cut(colour_weight * log_ratio + prior, edges)
        foreground_weights = foreground * np.where(mask, 1.0, 0.05)
        background_weights = background + not_apple * np.where(mask, 0.0, 0.6) * (radius < 1.02)
    mask = _clean_mask(mask, radius)
    area_fraction = mask.sum() / float(np.prod(crop.box[2:] - crop.box[:2]))
    if not MIN_MASK_FRACTION < area_fraction < MAX_MASK_FRACTION:
        return radius < 1, 0.0
    return mask, _estimate_confidence(mask, separation, radius, gradients)


def _compute_prior(
    crop: _Crop, ellipse: Array, radius: Array, gradients: Sequence[Array], other_boxes: Sequence[Array]
) -> tuple[Array, Array, Array]:
    """Compute the prior of each pixel of a crop from the boxes.

    Args:
        crop: the crop
        ellipse: the apple's ellipse, as a box
        radius: its `compute_normalised_radius`
        gradients: gradients of the crop's colours, down and across
        other_boxes: the other apples, in px of the crop

    Returns:
        The prior gain of a pixel in the mask, float (h, w); whether a pixel belongs to another apple, bool (h, w); and
        the weight of a pixel as a sample of the surroundings, low in other apples, float32 (h, w).
    """
    shape = radius.shape
    prior = PRIOR_WEIGHT * np.clip(4.0 * (1.04 - radius), -1.6, 0.8)
    prior -= 4.0 * np.clip(_compute_distance_outside(shape, crop.box) / (0.06 * _compute_mean_side(crop.box)), 0, 2)
    is_other_apple, not_apple = np.zeros(shape, bool), np.ones(shape, np.float32)
    for other_box in other_boxes:
        if not _is_touching(other_box, crop.box) or (other_box[2:] - other_box[:2]).min() < 2:
            continue
        other_radius = compute_normalised_radius(shape, other_box)
        not_apple = np.minimum(not_apple, np.clip((other_radius - 0.9) * 5, 0.02, 1))
        ownership = _compute_ownership(estimate_depth_order(gradients, ellipse, other_box), radius, other_radius)
        prior += PRIOR_WEIGHT * np.where(other_radius < 1.05, np.minimum(OVERLAP_WEIGHT * ownership, 0), 0)
        is_other_apple |= (other_radius < 1) & (ownership < 0)
    return prior, is_other_apple, not_apple


def _compute_mean_side(box: Array) -> float:
    return float((box[2] - box[0] + box[3] - box[1]) / 2)


def _complete_clipped_box(crop: _Crop) -> Array:
    """Return the crop's box, extended beyond the image's border to a square if the border cuts the apple."""
    x0, y0, x1, y1 = crop.box
    width, height = x1 - x0, y1 - y0
    left, top, right, bottom = crop.touches_border
    if width < 0.9 * height and left != right:
        x0, x1 = (x1 - height, x1) if left else (x0, x0 + height)
    if height < 0.9 * width and top != bottom:
        y0, y1 = (y1 - width, y1) if top else (y0, y0 + width)
    return np.array([x0, y0, x1, y1])


def _compute_distance_outside(shape: tuple[int, ...], box: Array) -> Array:
    """Return the distance of each pixel outside a box, px (0 inside), float32 (h, w)."""
    x, y = np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5
    dx = np.maximum(np.maximum(box[0] - x, x - box[2]), 0)
    dy = np.maximum(np.maximum(box[1] - y, y - box[3]), 0)
    return np.maximum(dx[None], dy[:, None]).astype(np.float32)


def _is_touching(first_box: Array, second_box: Array) -> bool:
    """Return whether two boxes overlap, or are less than 2 px apart."""
    return bool(np.all(np.minimum(first_box[2:], second_box[2:]) + 2 > np.maximum(first_box[:2], second_box[:2])))


def _compute_ownership(depth_order: float, own_radius: Array, other_radius: Array) -> Array:
    """Return the apple that each pixel belongs to: 1 for the apple of `own_radius`, -1 for that of `other_radius`.

    Pixels of both belong to the apple in front, and if `depth_order` is uncertain (near 0) to the nearer centre.
    """
    inside = np.clip(6 * (1 - (own_radius if depth_order > 0 else other_radius)), -1, 1)
    return depth_order * inside + (1 - abs(depth_order)) * np.clip(2 * (other_radius - own_radius), -1, 1)


def _clean_mask(mask: Array, radius: Array) -> Array:
    """Remove specks and thin tails, and fill small holes."""
    opened = ndimage.binary_opening(mask, np.ones((2, 2), bool)) if mask.sum() > 80 else mask
    components, n_components = ndimage.label(opened)
    if n_components == 0:
        return mask
    areas = np.bincount(components.ravel())
    areas[0] = 0
    is_near_centre = np.bincount(components[radius < 0.9], minlength=n_components + 1) > 0
    is_kept = (areas >= 0.07 * areas.max()) & is_near_centre
    is_kept[0] = False
    cleaned = is_kept[components]
    holes, _ = ndimage.label(ndimage.binary_fill_holes(cleaned) & ~cleaned)
    is_small_hole = np.bincount(holes.ravel()) < 0.05 * cleaned.sum()
    is_small_hole[0] = False
    return cleaned | is_small_hole[holes]


def _estimate_confidence(mask: Array, colour_separation: float, radius: Array, gradients: Sequence[Array]) -> float:
    """Return a confidence from 0 to 1.

    It is high if the colours differ from the surroundings', the outline follows edges, and the mask is in the ellipse.
    """
    gradient = np.sqrt((gradients[0] ** 2).sum(-1) + (gradients[1] ** 2).sum(-1))
    outline = mask & ~ndimage.binary_erosion(mask, border_value=1)
    if not outline.any():
        return 0.0
    edge_strength = float(gradient[outline].mean() / max(gradient.mean(), 1e-6))
    fraction_inside = float((radius[mask] < 1).mean())
    return float(
        (0.3 + 0.7 * min(colour_separation / 0.8, 1))
        * min(edge_strength / 2, 1)
        * np.clip((fraction_inside - 0.5) / 0.45, 0, 1)
    )
