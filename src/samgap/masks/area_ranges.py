"""Area ranges of instances: small, medium and large as in COCO."""

import numpy as np

AREA_RANGES = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}
"""Lowest and highest area in px by name, both inclusive: an instance of exactly 32² px is small and medium.

Source: `areaRng` of pycocotools' `COCOeval`.
"""


def is_in_area_range(area_px: np.ndarray, name: str) -> np.ndarray:
    """Return whether each area is in the range `name` of `AREA_RANGES`, bool (N,)."""
    low, high = AREA_RANGES[name]
    return (area_px >= low) & (area_px <= high)
