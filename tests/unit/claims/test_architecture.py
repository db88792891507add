"""Checks of parameters, constants and names in the inventory."""

import pytest

from samgap.claims.architecture import check_absent, check_attribute, check_parameters
from samgap.errors import UserError
from tests.helpers.claims import make_data

DATA = make_data()


@pytest.mark.parametrize(
    ("check", "verdict", "value"),
    [
        ({"count": 120}, "confirmed", 120),
        ({"modules": ["encoder"], "count": 100}, "confirmed", 100),
        ({"modules": ["encoder", "head"], "count": 120}, "confirmed", 120),
        ({"modules": ["encoder.text"], "count": 78, "tolerance": 0.05}, "confirmed", 80),
        ({"modules": ["encoder.text"], "count": 75, "tolerance": 0.05}, "refuted", 80),
        ({"modules": ["head"], "equals": 0}, "refuted", 20),
        ({"modules": ["head"], "above": 20}, "refuted", 20),
    ],
)
def test_parameters_are_those_of_the_modules_together(check, verdict, value):
    outcome = check_parameters({"model": "sam9", "unit": "parameters", **check}, DATA)
    assert (outcome.verdict, outcome.value, outcome.unit) == (verdict, value, "parameters")
    assert outcome.table == "inventory" and not outcome.demo
    assert outcome.evidence.startswith("sam9 9.0, sam9: ") and f"{value} parameters" in outcome.evidence


@pytest.mark.parametrize(
    ("path", "bounds", "verdict"),
    [
        ("encoder.layers", {"equals": 6, "unit": "layers"}, "confirmed"),
        ("encoder.layers", {"equals": 5, "unit": "layers"}, "refuted"),
        ("encoder.layers", {"at-least": 7, "unit": "layers"}, "refuted"),
        ("encoder.mode", {"equals": "log"}, "confirmed"),
        ("encoder.mode", {"equals": "linear"}, "refuted"),
        ("encoder.ids", {"equals": [7, 15]}, "confirmed"),
        ("encoder.ids", {"equals": [7]}, "refuted"),
        ("encoder.refine", {"equals": True}, "confirmed"),
        ("encoder.refine", {"equals": False}, "refuted"),
        ("encoder", {"equals": "ViT"}, "confirmed"),
        ("encoder", {"equals": "Hiera"}, "refuted"),
        ("encoder.text.weight", {"equals": [8, 10]}, "confirmed"),
        ("encoder.text.weight", {"equals": [10, 8]}, "refuted"),
    ],
)
def test_an_attribute_is_a_constant_a_class_or_a_shape(path, bounds, verdict):
    outcome = check_attribute({"model": "sam9", "path": path, **bounds}, DATA)
    assert outcome.verdict == verdict
    # Not the file of torch's class: it says nothing of the model.
    assert outcome.evidence.startswith(f"sam9 9.0, sam9, sam9/model.py: {path} = ")
    assert outcome.evidence.endswith(" layers") == ("unit" in bounds)


@pytest.mark.parametrize(
    ("path", "bounds"),
    [
        ("encoder.layers", {"equals": "6"}),
        ("encoder.layers", {"equals": True}),
        ("encoder.mode", {"at-least": 3, "unit": "modes"}),
        ("encoder.refine", {"equals": 1, "unit": "switches"}),
        ("encoder", {"above": 0, "unit": "parameters"}),
        ("encoder.text.weight", {"equals": 8, "unit": "rows"}),
    ],
)
def test_a_bound_of_another_type_than_the_constant_is_an_error_and_no_verdict(path, bounds):
    with pytest.raises(UserError, match=f"^claims: {path} of sam9 is .*, (a|no) number; write a check with a bound"):
        check_attribute({"model": "sam9", "path": path, **bounds}, DATA)


@pytest.mark.parametrize(
    ("pattern", "claimed", "verdict", "count"),
    [
        ("expert|moe", "absent", "confirmed", 0),
        ("expert|moe", "present", "refuted", 0),
        ("text", "absent", "refuted", 2),  # the module and its weight
        ("text", "present", "confirmed", 2),
        ("^text", "absent", "confirmed", 0),
        ("layers|mode", "absent", "confirmed", 0),  # attributes are no parts
    ],
)
def test_absent_counts_modules_and_tensors_whose_names_match(pattern, claimed, verdict, count):
    outcome = check_absent({"model": "sam9", "pattern": pattern, "claimed": claimed}, DATA)
    assert (outcome.verdict, outcome.value) == (verdict, count)
    assert f"{count} names match “{pattern}”" in outcome.evidence
    assert ("as encoder.text" in outcome.evidence) == (count > 0)


def test_a_path_or_model_that_is_not_listed_is_not_testable():
    assert check_parameters({"model": "sam9", "modules": ["gate"], "unit": "parameters", "count": 1}, DATA).verdict == (
        "not testable: the inventory has no gate in sam9"
    )
    # An attribute is not a module.
    assert (
        "no encoder.mode"
        in check_parameters(
            {"model": "sam9", "modules": ["encoder.mode"], "unit": "parameters", "count": 1}, DATA
        ).verdict
    )
    assert check_attribute({"model": "sam9", "path": "a.b", "equals": "X"}, DATA).verdict == (
        "not testable: the inventory has no a.b in sam9"
    )
    assert (
        check_absent({"model": "sam7", "pattern": "x"}, DATA).verdict == "not testable: the inventory has no model sam7"
    )
