"""Colours of an apple and of its surroundings: conversion to L*a*b*, distinctive hues, and colour histograms."""

import numpy as np
from scipy import ndimage

Array = np.ndarray

HISTOGRAM_BINS = (10, 22, 22)
FIRST_BIN_CENTRE = np.array([0.0, -66.0, -66.0], np.float32)
BIN_WIDTH = np.array([100 / 9, 6.0, 6.0], np.float32)
"""The histograms in L*, a* and b*: numbers of bins, the first bin's centre, and the bins' widths."""

KERNEL_STD = (25.0, 6.0, 6.0)
"""Standard deviations of the smoothing kernel; the largest in L*, since light and shade change it most."""

HUE_DIRECTIONS = ((1.0, 0.0, 1.0), (0.5, 0.87, 0.8))
"""Directions in (a*, b*) in which apples differ from leaves (red, and yellow), each with its reliability."""

GLOBAL_BACKGROUND_FRACTION = 0.3
"""Share of the entire image's colours in those of the surroundings: some leaves are only in front of the apple."""

BACKGROUND_SUBTRACTION_RANGE = (0.15, 0.9)
"""Fraction of the surroundings' colours subtracted from the apple's, without and with a distinctive hue."""

WIDE_KERNEL_FRACTION = 0.2
"""With a distinctive hue, this fraction of the surroundings' colours is smoothed more, for leaves in other light."""

MIN_DENSITY = 3e-5
"""Density added to all colours; a uniform density is seven times this."""

_SRGB_LEVELS = np.arange(256) / 255
SRGB_TO_LINEAR = np.where(
    _SRGB_LEVELS <= 0.04045, _SRGB_LEVELS / 12.92, ((_SRGB_LEVELS + 0.055) / 1.055) ** 2.4
).astype(np.float32)
RGB_TO_XYZ = (
    np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], np.float32)
    / np.array([[0.9505], [1.0], [1.089]], np.float32)
).T


def rgb_to_lab(pixels: Array) -> Array:
    """Convert sRGB, uint8 (..., 3), to CIE L*a*b* (D65), float32 (..., 3).

    Source: CIE 15:2004; IEC 61966-2-1.
    """
    xyz = SRGB_TO_LINEAR[pixels] @ RGB_TO_XYZ
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1).astype(np.float32)


def interpolate(endpoints: tuple[float, float], fraction: float) -> float:
    """Interpolate linearly between two values: the first at fraction 0, the second at 1."""
    return endpoints[0] + (endpoints[1] - endpoints[0]) * fraction


def detect_distinctive_hue(
    lab_image: Array, foreground_weights: Array, background_weights: Array
) -> tuple[Array, float]:
    """Detect a hue of the apple (red or yellow) that is rare in its surroundings.

    Args:
        lab_image: L*a*b*, (h, w, 3)
        foreground_weights: weights of pixels as samples of the apple, (h, w)
        background_weights: weights of pixels as samples of the surroundings, (h, w)

    Returns:
        The degree to which each pixel has the hue, float32 (h, w), 0 to 1; and the confidence that the apple has it, 0
        to 1, which depends on the fraction of the apple's pixels with it.
    """
    best, best_confidence = np.zeros(background_weights.shape, np.float32), 0.0
    for red, yellow, reliability in HUE_DIRECTIONS:
        tone = red * lab_image[..., 1] + yellow * lab_image[..., 2]
        order = np.argsort(tone, axis=None)
        cumulative = np.cumsum(background_weights.ravel()[order]) / background_weights.sum()
        background_level = tone.ravel()[order][min(int(np.searchsorted(cumulative, 0.9)), tone.size - 1)]
        has_hue = np.clip((tone - max(background_level, 0) - 5) / 6, 0, 1)
        fraction = float((has_hue * foreground_weights).sum() / foreground_weights.sum())
        confidence = reliability * float(np.clip((fraction - 0.06) / 0.1, 0, 1))
        if confidence > best_confidence:
            best, best_confidence = has_hue, confidence
    return best, best_confidence


class ColourModel:
    """Smoothed colour histograms of an apple and of its surroundings."""

    def __init__(self, lab_image: Array, global_samples: Array, hue_confidence: float) -> None:
        """Assign the pixels to bins.

        Args:
            lab_image: L*a*b*, (h, w, 3)
            global_samples: L*a*b* of pixels of the entire image, (..., 3)
            hue_confidence: confidence that the apple has a distinctive hue, 0 to 1
        """
        self.image_shape, self.hue_confidence = lab_image.shape[:2], hue_confidence
        self.bin_indices, self.bin_weights = _assign_bins(lab_image)
        self.global_histogram = _build_histogram(*_assign_bins(global_samples))

    def compute_log_ratio(self, foreground_weights: Array, background_weights: Array) -> tuple[Array, float]:
        """Compare the colours of the apple and of its surroundings.

        Args:
            foreground_weights: weights of pixels as samples of the apple, (h, w)
            background_weights: weights of pixels as samples of the surroundings, (h, w)

        Returns:
            The log-likelihood ratio of each pixel, (h, w), clipped to ±4; and the separation of the two densities, 1
            minus their Bhattacharyya coefficient.
        """
        apple = _smooth_histogram(_build_histogram(self.bin_indices, self.bin_weights * foreground_weights.ravel()), 1)
        surroundings = (1 - GLOBAL_BACKGROUND_FRACTION) * _build_histogram(
            self.bin_indices, self.bin_weights * background_weights.ravel()
        ) + GLOBAL_BACKGROUND_FRACTION * self.global_histogram
        surroundings = _smooth_histogram(surroundings, 1)
        if self.hue_confidence > 0:
            surroundings = surroundings + WIDE_KERNEL_FRACTION * self.hue_confidence * (
                _smooth_histogram(surroundings, 1.7) - surroundings
            )
        subtracted = interpolate(BACKGROUND_SUBTRACTION_RANGE, self.hue_confidence) * surroundings
        apple = np.maximum(apple - subtracted, 0.05 * apple)
        apple /= apple.sum()
        separation = 1 - float(np.sqrt(apple * surroundings).sum())
        logs = [
            np.log((self.bin_weights * density.ravel()[self.bin_indices]).sum(0) + MIN_DENSITY)
            for density in (apple, surroundings)
        ]
        return np.clip(logs[0] - logs[1], -4, 4).reshape(self.image_shape), separation


def _assign_bins(lab_pixels: Array) -> tuple[Array, Array]:
    """Return the flat indices of the eight bins around each colour, and their trilinear weights, both (8, n)."""
    position = np.clip((lab_pixels.reshape(-1, 3) - FIRST_BIN_CENTRE) / BIN_WIDTH, 0, np.array(HISTOGRAM_BINS) - 1.001)
    lower = position.astype(int)
    fraction = position - lower
    indices, weights = [], []
    for corner in np.ndindex(2, 2, 2):
        bins = lower + corner
        indices.append((bins[:, 0] * HISTOGRAM_BINS[1] + bins[:, 1]) * HISTOGRAM_BINS[2] + bins[:, 2])
        weights.append(np.prod(np.where(np.array(corner) == 1, fraction, 1 - fraction), axis=1))
    return np.array(indices), np.array(weights)


def _build_histogram(bin_indices: Array, bin_weights: Array) -> Array:
    """Return the histogram, with the sum 1."""
    counts = np.bincount(bin_indices.ravel(), bin_weights.ravel(), minlength=int(np.prod(HISTOGRAM_BINS)))
    return counts.reshape(HISTOGRAM_BINS) / max(float(counts.sum()), 1e-9)


def _smooth_histogram(histogram: Array, kernel_scale: float) -> Array:
    return ndimage.gaussian_filter(
        histogram, kernel_scale * np.array(KERNEL_STD) / BIN_WIDTH, mode="constant", truncate=3
    )
