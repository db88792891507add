"""Small, medium and large are the area ranges of COCO."""

import numpy as np
import pytest
from pycocotools.cocoeval import Params

from samgap.masks.area_ranges import AREA_RANGES, is_in_area_range
from samgap.matching import coco
from samgap.tables.matching import AREA_LABELS

LIMITS_PX = np.array([1, 1023, 1024, 1025, 9215, 9216, 9217, 10**6])


def test_ranges_are_those_of_pycocotools():
    params = Params(iouType="segm")
    assert {name: list(limits) for name, limits in coco.AREA_RANGES.items()} == dict(
        zip(params.areaRngLbl, params.areaRng, strict=True)
    )
    assert (*AREA_RANGES,) == AREA_LABELS == ("small", "medium", "large")


@pytest.mark.parametrize("name", AREA_RANGES)
def test_both_limits_are_included(name):
    low, high = AREA_RANGES[name]
    assert is_in_area_range(LIMITS_PX, name).tolist() == [not (area < low or area > high) for area in LIMITS_PX]
    assert is_in_area_range(np.array([1024, 9216]), "medium").all()
