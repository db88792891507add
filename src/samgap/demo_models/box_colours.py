"""Colours of an apple and of what is around it, for `_box_masks`: L*a*b*, what tells an apple, and two histograms."""

import numpy as np
from scipy import ndimage

Array = np.ndarray

HISTOGRAM_BINS = (10, 22, 22)
FIRST_BIN_CENTRE = np.array([0.0, -66.0, -66.0], np.float32)
BIN_WIDTH = np.array([100 / 9, 6.0, 6.0], np.float32)
"""The colour models' histograms in L*, a* and b*: their cells, the first one's centre, the cells' width."""

KERNEL_STD = (25.0, 6.0, 6.0)
"""Standard deviations of their kernels: light and shade change L* of one skin most."""

HUE_DIRECTIONS = ((1.0, 0.0, 1.0), (0.5, 0.87, 0.8))
"""Directions in (a*, b*) in which apples differ from leaves, red and yellow, and how much each is trusted."""

GLOBAL_BACKGROUND_FRACTION = 0.3
"""Share of the whole image in the surroundings' colours: leaves before an apple may not be seen beside it."""

BACKGROUND_SUBTRACTION_RANGE = (0.15, 0.9)
"""Share of the surroundings' colours taken out of the apple's, where no hue tells it and where one does."""

WIDE_KERNEL_FRACTION = 0.2
"""Where a hue tells, this share of the surroundings' colours has a wider kernel: leaves in a light not seen there."""

MIN_DENSITY = 3e-5
"""Density below which a colour counts as not seen; that of all colours alike is seven times it."""

_SRGB_LEVELS = np.arange(256) / 255
SRGB_TO_LINEAR = np.where(
    _SRGB_LEVELS <= 0.04045, _SRGB_LEVELS / 12.92, ((_SRGB_LEVELS + 0.055) / 1.055) ** 2.4
).astype(np.float32)
RGB_TO_XYZ = (
    np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], np.float32)
    / np.array([[0.9505], [1.0], [1.089]], np.float32)
).T


def rgb_to_lab(pixels: Array) -> Array:
    """CIE L*a*b* (D65) of sRGB, float32, by the standards' formulas (CIE 15:2004; IEC 61966-2-1)."""
    xyz = SRGB_TO_LINEAR[pixels] @ RGB_TO_XYZ
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1).astype(np.float32)


def interpolate(endpoints: tuple[float, float], fraction: float) -> float:
    """The value at a share of the way from the first end to the second."""
    return endpoints[0] + (endpoints[1] - endpoints[0]) * fraction


def detect_distinctive_hue(
    lab_image: Array, foreground_weights: Array, background_weights: Array
) -> tuple[Array, float]:
    """Which pixels are redder, or yellower, than nearly all of the surroundings, 0 to 1, and how surely that tells.

    It tells where such pixels are a fair part of the box: leaves before such an apple then teach nothing about it.
    """
    best, most = np.zeros(background_weights.shape, np.float32), 0.0
    for red, yellow, trust in HUE_DIRECTIONS:
        tone = red * lab_image[..., 1] + yellow * lab_image[..., 2]
        order = np.argsort(tone, axis=None)
        share = np.cumsum(background_weights.ravel()[order]) / background_weights.sum()
        level = tone.ravel()[order][min(int(np.searchsorted(share, 0.9)), tone.size - 1)]
        above = np.clip((tone - max(level, 0) - 5) / 6, 0, 1)
        part = float((above * foreground_weights).sum() / foreground_weights.sum())
        sure = trust * float(np.clip((part - 0.06) / 0.1, 0, 1))
        if sure > most:
            best, most = above, sure
    return best, most


class ColourModel:
    """Histograms of an apple's and its surroundings' colours, smoothed. `hue` is how surely a hue tells the apple."""

    def __init__(self, lab_image: Array, global_samples: Array, hue_confidence: float) -> None:
        self.image_shape, self.hue_confidence = lab_image.shape[:2], hue_confidence
        self.bin_indices, self.bin_weights = _assign_bins(lab_image)
        self.global_histogram = _build_histogram(*_assign_bins(global_samples))

    def compute_log_ratio(self, foreground_weights: Array, background_weights: Array) -> tuple[Array, float]:
        """The log of the two densities' ratio at each pixel, and how far apart they lie (1 - Bhattacharyya's)."""
        own = _smooth_histogram(_build_histogram(self.bin_indices, self.bin_weights * foreground_weights.ravel()), 1)
        around = (1 - GLOBAL_BACKGROUND_FRACTION) * _build_histogram(
            self.bin_indices, self.bin_weights * background_weights.ravel()
        ) + GLOBAL_BACKGROUND_FRACTION * self.global_histogram
        around = _smooth_histogram(around, 1)
        if self.hue_confidence > 0:
            around = around + WIDE_KERNEL_FRACTION * self.hue_confidence * (_smooth_histogram(around, 1.7) - around)
        own = np.maximum(own - interpolate(BACKGROUND_SUBTRACTION_RANGE, self.hue_confidence) * around, 0.05 * own)
        own /= own.sum()
        apart = 1 - float(np.sqrt(own * around).sum())
        logs = [
            np.log((self.bin_weights * density.ravel()[self.bin_indices]).sum(0) + MIN_DENSITY)
            for density in (own, around)
        ]
        return np.clip(logs[0] - logs[1], -4, 4).reshape(self.image_shape), apart


def _assign_bins(lab_pixels: Array) -> tuple[Array, Array]:
    """The eight cells of the histogram that each colour lies between, and its share in each: (8, n) both."""
    place = np.clip((lab_pixels.reshape(-1, 3) - FIRST_BIN_CENTRE) / BIN_WIDTH, 0, np.array(HISTOGRAM_BINS) - 1.001)
    base = place.astype(int)
    part = place - base
    index, share = [], []
    for corner in np.ndindex(2, 2, 2):
        at = base + corner
        index.append((at[:, 0] * HISTOGRAM_BINS[1] + at[:, 1]) * HISTOGRAM_BINS[2] + at[:, 2])
        share.append(np.prod(np.where(np.array(corner) == 1, part, 1 - part), axis=1))
    return np.array(index), np.array(share)


def _build_histogram(bin_indices: Array, bin_weights: Array) -> Array:
    """The histogram, of sum 1."""
    counts = np.bincount(bin_indices.ravel(), bin_weights.ravel(), minlength=int(np.prod(HISTOGRAM_BINS)))
    return counts.reshape(HISTOGRAM_BINS) / max(float(counts.sum()), 1e-9)


def _smooth_histogram(histogram: Array, kernel_scale: float) -> Array:
    return ndimage.gaussian_filter(
        histogram, kernel_scale * np.array(KERNEL_STD) / BIN_WIDTH, mode="constant", truncate=3
    )
