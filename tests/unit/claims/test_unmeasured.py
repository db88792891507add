"""Checks of what is not measured."""

import pytest

from samgap.claims.unmeasured import check_unmeasured
from tests.helpers.claims import make_data


@pytest.mark.parametrize(
    ("bounds", "text"),
    [({}, ""), ({"at-least": 2, "at-most": 3, "unit": "hours"}, ", which must be ≥ 2 and ≤ 3 hours")],
)
def test_the_verdict_says_what_would_have_to_be_measured(bounds, text):
    outcome = check_unmeasured({"needs": "a training of a week", **bounds}, make_data())
    assert outcome.verdict == (
        f"not testable: it needs a training of a week{text}, and this workflow does not measure that"
    )
    assert (outcome.value, outcome.bound, outcome.table) == (None, None, "")
