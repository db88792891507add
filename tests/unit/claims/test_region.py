"""Regions of numbers at which a claim holds, and verdicts on intervals."""

import math

import pytest

from samgap.claims.region import Region, format_number


@pytest.mark.parametrize(
    ("check", "held", "not_held"),
    [
        ({"equals": 3}, [3], [2.999, 4]),
        ({"at-least": 0.9}, [0.9, 5], [0.899]),
        ({"above": 0}, [1e-9], [0, -1]),
        ({"at-most": 2}, [2, -9], [2.001]),
        ({"below": 2}, [1.999], [2]),
        ({"at-least": 0.8, "at-most": 0.88}, [0.8, 0.84, 0.88], [0.79, 0.89]),
        ({"count": 200, "tolerance": 0.05}, [190, 200, 210], [189, 211]),
        ({"count": 200}, [200], [199, 201]),
    ],
)
def test_bounds_make_the_region(check, held, not_held):
    region = Region.from_check(check)
    assert all(region.contains(value) for value in held)
    assert not any(region.contains(value) for value in not_held)


@pytest.mark.parametrize(
    ("check", "interval", "verdict"),
    [
        ({"at-least": 0.5}, (0.5, 0.9), "confirmed"),
        ({"at-least": 0.5}, (0.49, 0.9), "open"),
        ({"at-least": 0.5}, (0.1, 0.5), "open"),
        ({"at-least": 0.5}, (0.1, 0.49), "refuted"),
        # Two cells that are equal in every image have the interval [0, 0].
        ({"above": 0}, (0.0, 0.0), "refuted"),
        ({"at-least": 0}, (0.0, 0.0), "confirmed"),
        ({"below": 0}, (0.0, 0.0), "refuted"),
        ({"above": 0}, (0.0, 0.2), "open"),
        ({"at-most": -0.02}, (-0.1, -0.03), "confirmed"),
        ({"at-least": 0.8, "at-most": 0.88}, (0.81, 0.87), "confirmed"),
        ({"at-least": 0.8, "at-most": 0.88}, (0.7, 0.95), "open"),
        ({"at-least": 0.8, "at-most": 0.88}, (0.89, 0.95), "refuted"),
        ({"at-least": 0.8, "at-most": 0.88}, (0.6, 0.79), "refuted"),
    ],
)
def test_the_whole_interval_decides(check, interval, verdict):
    assert Region.from_check(check).decide(*interval) == verdict


def test_regions_are_described_with_their_unit():
    assert Region(0.8, 0.88).describe("IoU") == "≥ 0.8 and ≤ 0.88 IoU"
    assert Region(200, 200).describe("queries") == "= 200 queries"
    assert Region(low=0, low_open=True).describe() == "> 0"
    assert Region(high=1000000, high_open=True).describe("masks") == "< 1,000,000 masks"


def test_numbers_are_readable():
    numbers = [860055224.0, 0.0863, 5e-06, 12345.6, -0.5]
    assert [format_number(number) for number in numbers] == ["860,055,224", "0.0863", "5e-06", "12,346", "-0.5"]
    assert Region().contains(math.pi)
