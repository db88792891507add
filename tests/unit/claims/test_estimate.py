"""Checks by the confidence interval of an estimate or of a paired difference."""

import pytest

from samgap.claims.estimate import check_estimate
from tests.helpers.claims import make_data

VALUE = {"experiment": "boxes", "dataset": "main", "model": "sam2", "prompts": "box", "metric": "iou", "unit": "IoU"}
DIFFERENCE = {**{key: VALUE[key] for key in VALUE if key != "experiment"}, "against": {"prompts": "point"}}


@pytest.mark.parametrize(
    ("bounds", "verdict"),
    [
        ({"at-least": 0.7}, "confirmed"),
        ({"at-least": 0.8}, "open"),  # the point is in the bound, but not the whole interval
        ({"at-least": 0.9}, "refuted"),
        ({"at-least": 0.7, "at-most": 0.9}, "confirmed"),
    ],
)
def test_the_interval_decides_and_not_the_point(bounds, verdict):
    outcome = check_estimate({**VALUE, **bounds}, make_data())
    assert (outcome.verdict, outcome.table) == (verdict, "estimates")
    assert (outcome.value, outcome.ci_low, outcome.ci_high, outcome.n, outcome.unit) == (0.8, 0.75, 0.85, 40, "IoU")
    assert outcome.evidence == "experiment boxes, one with box on orchard: iou = 0.8 [0.75, 0.85] IoU, n = 40 images"


def test_the_row_of_the_stratum_decides():
    data = make_data([{}, {"stratum": "apple", "ci_low": 0.1, "value": 0.2, "ci_high": 0.3}])
    outcome = check_estimate({**VALUE, "stratum": "apple", "at-least": 0.7}, data)
    assert (outcome.verdict, outcome.value) == ("refuted", 0.2)
    assert "on orchard, apple: iou" in outcome.evidence


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dataset": "sequences"}, "this run has no data set in the role sequences"),
        ({"model": "grounded"}, "this run has no model in the role grounded"),
        ({"experiment": "clicks"}, "this run has no experiment clicks"),
        ({"prompts": "point"}, "the experiment boxes has no one with point on orchard"),
        ({"model": "sam3"}, "the experiment boxes has no two with box on orchard"),
        ({"metric": "dice"}, "the experiment boxes does not measure dice"),
        ({"stratum": "pear"}, "the experiment boxes has no stratum “pear” of iou"),
    ],
)
def test_what_the_run_does_not_measure_is_not_testable(change, reason):
    assert check_estimate({**VALUE, "at-least": 0.7, **change}, make_data()).verdict == f"not testable: {reason}"


@pytest.mark.parametrize("note", ["skipped: weights not available (no token)", "not evaluable: no attribute labels"])
def test_notes_of_missing_values_pass_through(note):
    data = make_data([{"value": None, "ci_low": None, "ci_high": None, "note": note}])
    outcome = check_estimate({**VALUE, "at-least": 0.7}, data)
    assert outcome.verdict == f"not testable: {note}" and outcome.value is None


def test_a_value_without_an_interval_decides_nothing():
    data = make_data([{"ci_low": None, "ci_high": None, "warning": "fewer than 2 clusters"}])
    outcome = check_estimate({**VALUE, "at-least": 0.7}, data)
    assert outcome.verdict == "not testable: no confidence interval (fewer than 2 clusters)"


@pytest.mark.parametrize(("check", "rows"), [(VALUE, "estimates"), (DIFFERENCE, "comparisons")])
def test_a_value_that_needs_more_labels_decides_nothing(check, rows):
    for lacks_labels, is_decided in ((True, False), (False, True), (None, True)):
        outcome = check_estimate({**check, "at-least": 0.01}, make_data(**{rows: [{"lacks_labels": lacks_labels}]}))
        assert (outcome.verdict == "confirmed") == is_decided
    assert check_estimate(
        {**check, "at-least": 0.01}, make_data(**{rows: [{"lacks_labels": True}]})
    ).verdict.startswith("not testable: the labels of the data set are not exhaustive")


@pytest.mark.parametrize("key", ["lacks_labels", "baseline_lacks_labels"])
@pytest.mark.parametrize(("pair", "bound"), [({}, {"above": 0}), ({"swapped": True}, {"below": 0})])
def test_a_difference_whose_value_or_baseline_needs_more_labels_decides_nothing(key, pair, bound):
    check = {**DIFFERENCE, **bound}
    if pair:
        check |= {"prompts": "point", "against": {"prompts": "box"}}
    assert check_estimate(check, make_data(comparisons=[{key: False}])).verdict == "confirmed"
    verdict = check_estimate(check, make_data(comparisons=[{key: True}])).verdict
    assert verdict.startswith("not testable: the labels of the data set are not exhaustive")


@pytest.mark.parametrize(("bounds", "verdict"), [({"above": 0}, "confirmed"), ({"at-least": 0.1}, "open")])
def test_a_difference_is_the_paired_one(bounds, verdict):
    outcome = check_estimate({**DIFFERENCE, **bounds}, make_data())
    assert (outcome.verdict, outcome.value, outcome.n, outcome.table) == (verdict, 0.1, 38, "comparisons")
    assert outcome.evidence == (
        "comparison box-or-point, one with box against one with point on orchard: "
        "iou = +0.1 [0.05, 0.15] IoU, n = 38 images"
    )


def test_a_difference_in_the_other_direction_is_negated():
    check = {**DIFFERENCE, "prompts": "point", "against": {"prompts": "box"}, "at-most": -0.05}
    outcome = check_estimate(check, make_data())
    assert (outcome.verdict, outcome.value, outcome.ci_low, outcome.ci_high) == ("confirmed", -0.1, -0.15, -0.05)


def test_a_difference_between_models_has_the_same_prompts_by_default():
    data = make_data(comparisons=[{"model": "two", "prompts": "box", "baseline_prompts": "box"}])
    check = {**DIFFERENCE, "model": "sam3", "against": {"model": "sam2"}, "above": 0}
    assert check_estimate(check, data).verdict == "confirmed"
    check = {**check, "against": {"model": "detector"}}
    assert check_estimate(check, data).verdict == "not testable: this run has no model in the role detector"


def test_a_difference_that_the_run_does_not_compare_is_not_testable():
    outcome = check_estimate({**DIFFERENCE, "metric": "dice", "above": 0}, make_data())
    assert outcome.verdict == (
        "not testable: this run does not compare one with box against one with point on orchard in dice"
    )


@pytest.mark.parametrize(("demo_models", "is_demo"), [([], False), (["one"], True), (["two"], False)])
def test_a_demo_model_is_marked(demo_models, is_demo):
    data = make_data(demo_models=demo_models)
    assert check_estimate({**VALUE, "at-least": 0.7}, data).demo == is_demo


def test_a_difference_with_a_demo_model_is_marked():
    data = make_data(comparisons=[{"baseline_model": "two", "baseline_prompts": "box"}], demo_models=["two"])
    assert check_estimate({**DIFFERENCE, "against": {"model": "sam3"}, "above": 0}, data).demo


HIDDEN, VISIBLE = "occlusion: heavy", "occlusion: visible"


@pytest.mark.parametrize(
    "change",
    [{"stratum": HIDDEN, "baseline_stratum": HIDDEN}, {"baseline_stratum": HIDDEN}, {"baseline_dataset": "other"}],
)
def test_a_difference_of_other_strata_or_data_sets_does_not_decide(change):
    outcome = check_estimate({**DIFFERENCE, "above": 0}, make_data(comparisons=[change]))
    assert (
        outcome.verdict
        == "not testable: this run does not compare one with box against one with point on orchard in iou"
    )


def test_a_difference_in_a_stratum_is_of_both_sides_in_it():
    rows = [{}, {"stratum": HIDDEN, "baseline_stratum": HIDDEN, "difference": 0.3, "ci_low": 0.2, "ci_high": 0.4}]
    outcome = check_estimate({**DIFFERENCE, "stratum": HIDDEN, "above": 0}, make_data(comparisons=rows))
    assert (outcome.verdict, outcome.value) == ("confirmed", 0.3)
    assert "one with box against one with point on orchard, occlusion: heavy: iou = +0.3" in outcome.evidence


@pytest.mark.parametrize("is_swapped", [False, True])
def test_a_difference_of_two_strata_is_of_one_cell(is_swapped):
    row = {"prompts": "box", "baseline_prompts": "box", "stratum": HIDDEN, "baseline_stratum": VISIBLE}
    row |= {"difference": -0.3, "ci_low": -0.4, "ci_high": -0.2}
    first, second = (VISIBLE, HIDDEN) if is_swapped else (HIDDEN, VISIBLE)
    bound = {"at-least": 0.2} if is_swapped else {"at-most": -0.2}
    check = {**DIFFERENCE, "stratum": first, "against": {"stratum": second}, **bound}
    outcome = check_estimate(check, make_data(comparisons=[{"prompts": "box", "baseline_prompts": "box"}, row]))
    assert (outcome.verdict, outcome.value) == ("confirmed", 0.3 if is_swapped else -0.3)
    assert f"one with box in {first} against one with box in {second} on orchard: iou" in outcome.evidence


def test_a_difference_of_two_data_sets_is_of_their_roles():
    row = {"prompts": "box", "baseline_prompts": "box", "baseline_dataset": "other", "clusters": "image or group"}
    data = make_data(comparisons=[row], datasets={"main": "orchard", "shifted": "other"})
    check = {**DIFFERENCE, "against": {"dataset": "shifted"}, "above": 0}
    outcome = check_estimate(check, data)
    assert outcome.verdict == "confirmed"
    assert "one with box on orchard against one with box on other: iou = +0.1" in outcome.evidence
    check = {**check, "against": {"dataset": "ripe"}}
    assert check_estimate(check, data).verdict == "not testable: this run has no data set in the role ripe"
