"""Colours of an apple and of what is around it, for `_box_masks`: L*a*b*, what tells an apple, and two histograms."""

import numpy as np
from scipy import ndimage

Array = np.ndarray

BINS = (10, 22, 22)
LOW = np.array([0.0, -66.0, -66.0], np.float32)
CELL = np.array([100 / 9, 6.0, 6.0], np.float32)
"""The colour models' histograms in L*, a* and b*: their cells, the first one's centre, the cells' width."""

SPREAD = (25.0, 6.0, 6.0)
"""Standard deviations of their kernels: light and shade change L* of one skin most."""

HUES = ((1.0, 0.0, 1.0), (0.5, 0.87, 0.8))
"""Directions in (a*, b*) in which apples differ from leaves, red and yellow, and how much each is trusted."""

WIDE = 0.3
"""Share of the whole image in the surroundings' colours: leaves before an apple may not be seen beside it."""

MIXED = (0.15, 0.9)
"""Share of the surroundings' colours taken out of the apple's, where no hue tells it and where one does."""

BROAD = 0.2
"""Where a hue tells, this share of the surroundings' colours has a wider kernel: leaves in a light not seen there."""

FLOOR = 3e-5
"""Density below which a colour counts as not seen; that of all colours alike is seven times it."""

_LEVELS = np.arange(256) / 255
LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4).astype(np.float32)
TO_XYZ = (
    np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], np.float32)
    / np.array([[0.9505], [1.0], [1.089]], np.float32)
).T


def lab(pixels: Array) -> Array:
    """CIE L*a*b* (D65) of sRGB, float32, by the standards' formulas (CIE 15:2004; IEC 61966-2-1)."""
    xyz = LINEAR[pixels] @ TO_XYZ
    root = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1).astype(np.float32)


def between(ends: tuple[float, float], share: float) -> float:
    """The value at a share of the way from the first end to the second."""
    return ends[0] + (ends[1] - ends[0]) * share


def telling(colours: Array, inner: Array, ring: Array) -> tuple[Array, float]:
    """Which pixels are redder, or yellower, than nearly all of the surroundings, 0 to 1, and how surely that tells.

    It tells where such pixels are a fair part of the box: leaves before such an apple then teach nothing about it.
    """
    best, most = np.zeros(ring.shape, np.float32), 0.0
    for red, yellow, trust in HUES:
        tone = red * colours[..., 1] + yellow * colours[..., 2]
        order = np.argsort(tone, axis=None)
        share = np.cumsum(ring.ravel()[order]) / ring.sum()
        level = tone.ravel()[order][min(int(np.searchsorted(share, 0.9)), tone.size - 1)]
        above = np.clip((tone - max(level, 0) - 5) / 6, 0, 1)
        part = float((above * inner).sum() / inner.sum())
        sure = trust * float(np.clip((part - 0.06) / 0.1, 0, 1))
        if sure > most:
            best, most = above, sure
    return best, most


class Colours:
    """Histograms of an apple's and its surroundings' colours, smoothed. `hue` is how surely a hue tells the apple."""

    def __init__(self, colours: Array, far: Array, hue: float) -> None:
        self.shape, self.hue = colours.shape[:2], hue
        self.cells, self.shares = _cells(colours)
        self.wide = _counts(*_cells(far))

    def ratio(self, fore: Array, back: Array) -> tuple[Array, float]:
        """The log of the two densities' ratio at each pixel, and how far apart they lie (1 - Bhattacharyya's)."""
        own = _smoothed(_counts(self.cells, self.shares * fore.ravel()), 1)
        around = (1 - WIDE) * _counts(self.cells, self.shares * back.ravel()) + WIDE * self.wide
        around = _smoothed(around, 1)
        if self.hue > 0:
            around = around + BROAD * self.hue * (_smoothed(around, 1.7) - around)
        own = np.maximum(own - between(MIXED, self.hue) * around, 0.05 * own)
        own /= own.sum()
        apart = 1 - float(np.sqrt(own * around).sum())
        logs = [np.log((self.shares * density.ravel()[self.cells]).sum(0) + FLOOR) for density in (own, around)]
        return np.clip(logs[0] - logs[1], -4, 4).reshape(self.shape), apart


def _cells(colours: Array) -> tuple[Array, Array]:
    """The eight cells of the histogram that each colour lies between, and its share in each: (8, n) both."""
    place = np.clip((colours.reshape(-1, 3) - LOW) / CELL, 0, np.array(BINS) - 1.001)
    base = place.astype(int)
    part = place - base
    index, share = [], []
    for corner in np.ndindex(2, 2, 2):
        at = base + corner
        index.append((at[:, 0] * BINS[1] + at[:, 1]) * BINS[2] + at[:, 2])
        share.append(np.prod(np.where(np.array(corner) == 1, part, 1 - part), axis=1))
    return np.array(index), np.array(share)


def _counts(cells: Array, shares: Array) -> Array:
    """The histogram, of sum 1."""
    counts = np.bincount(cells.ravel(), shares.ravel(), minlength=int(np.prod(BINS)))
    return counts.reshape(BINS) / max(float(counts.sum()), 1e-9)


def _smoothed(counts: Array, wider: float) -> Array:
    return ndimage.gaussian_filter(counts, wider * np.array(SPREAD) / CELL, mode="constant", truncate=3)
