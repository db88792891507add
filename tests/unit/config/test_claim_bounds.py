"""The keys of a check that bound a number."""

import pytest

from samgap.config.claim_bounds import is_number, list_bounds


def test_the_bounds_of_a_check_are_in_one_order():
    assert list_bounds({"at-most": 3, "unit": "m", "above": 0}) == ["above", "at-most"]
    assert list_bounds({"check": "absent", "pattern": "x"}) == []


@pytest.mark.parametrize(("value", "expected"), [(3, True), (0.5, True), (True, False), ("3", False), ([3], False)])
def test_a_truth_value_is_no_number(value, expected):
    assert is_number(value) == expected
