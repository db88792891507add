"""Checks by a measured number of a probe."""

import pytest

from samgap.claims.probe import check_probe
from samgap.errors import UserError
from tests.helpers.claims import make_data

CHECK = {"probe": "count-masks", "quantity": "masks", "unit": "masks"}


@pytest.mark.parametrize(("bounds", "verdict"), [({"equals": 3}, "confirmed"), ({"at-most": 1}, "refuted")])
def test_the_measured_number_decides(bounds, verdict):
    outcome = check_probe({**CHECK, **bounds}, make_data())
    assert (outcome.verdict, outcome.value, outcome.unit, outcome.table) == (verdict, 3.0, "masks", "probes")
    assert outcome.evidence == "sam9 9.0, sam9/head.py: predict: masks of the probe count-masks = 3 masks (one prompt)"


def test_bounds_in_another_unit_are_an_error_and_no_verdict():
    with pytest.raises(UserError, match="bounds masks in %, but it is measured in masks; write the bound in masks"):
        check_probe({**CHECK, "unit": "%", "at-least": 50}, make_data())


def test_a_quantity_that_no_probe_measured_is_not_testable():
    outcome = check_probe({**CHECK, "quantity": "boxes", "equals": 1}, make_data())
    assert outcome.verdict == "not testable: no probe count-masks measured boxes"
