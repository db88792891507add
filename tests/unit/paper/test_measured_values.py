"""Values beside the cells of the paper's tables, or why there is none."""

import pytest

from samgap.paper.measured_values import ValueReader
from samgap.paper.notes import Footnotes
from tests.helpers.claims import make_data
from tests.helpers.table_rows import BOX, MODELS, make_request

METRIC = {"metric": "iou"}
QUANTITY = {"quantity": "what it has"}


def read(folder, value, quantity=METRIC, **data):
    """Return the value and the text of its footnote."""
    footnotes = Footnotes()
    request = make_request(folder, [], make_data(demo_models=["one"], **data))
    measured = ValueReader(request.inputs, MODELS, footnotes).read(quantity, value)
    notes = dict(footnotes.entries())
    return measured, notes.get(measured.cell.footnote, "")


def test_an_estimate_has_its_interval_and_model(tmp_path):
    measured, note = read(tmp_path, BOX)
    assert (measured.cell.text, measured.cell.interval, note) == ("0.800", "0.750, 0.850", "")
    assert measured.model == "one" and measured.columns["value"] == 0.8 and measured.columns["n_images"] == 40


@pytest.mark.parametrize(("show", "text"), [("images", "40"), ("instances", "200")])
def test_the_number_behind_an_estimate(tmp_path, show, text):
    measured, _ = read(tmp_path, BOX, {**METRIC, "show": show})
    assert (measured.cell.text, measured.cell.interval, measured.columns["unit"]) == (text, "", show)


@pytest.mark.parametrize(
    ("value", "quantity", "reason"),
    [
        ({**BOX, "model": "two"}, METRIC, "no experiment of this run has Model two with box on orchard"),
        ({**BOX, "prompts": "point"}, METRIC, "no experiment of this run has Model one with point on orchard"),
        (BOX, {"metric": "dice"}, "no experiment of this run measures Dice of Model one with box on orchard"),
        ({**BOX, "stratum": "a: b"}, METRIC, "this run has no stratum “a: b” of Model one with box on orchard"),
        (
            {**BOX, "against": "mask"},
            METRIC,
            "this run does not compare box with mask for Model one in IoU on orchard",
        ),
        ({"published": "sam9", "modules": ["tail"]}, QUANTITY, "the inventory has no tail in sam9"),
        ({"published": "sam9", "path": "tail"}, QUANTITY, "the inventory has no tail in sam9"),
        ({"probe": "count-masks", "quantity": "holes"}, QUANTITY, "the probe count-masks does not measure holes"),
    ],
)
def test_what_the_run_does_not_have_is_stated(tmp_path, value, quantity, reason):
    measured, note = read(tmp_path, value, quantity)
    assert (measured.cell.text, note, measured.model) == ("not measured", reason, None)
    assert measured.columns["note"] == reason


def test_a_missing_value_has_the_reason_of_the_estimate(tmp_path):
    row = {"value": None, "ci_low": None, "ci_high": None, "note": "not evaluable: no labels"}
    measured, note = read(tmp_path, BOX, estimates=[row])
    assert (measured.cell.text, note) == ("not evaluable", "not evaluable: no labels")


@pytest.mark.parametrize(
    ("prompts", "text", "interval"),
    [(("box", "point"), "+0.100", "+0.050, +0.150"), (("point", "box"), "-0.100", "-0.150, -0.050")],
)
def test_a_difference_is_that_of_its_comparison_in_either_direction(tmp_path, prompts, text, interval):
    measured, _ = read(tmp_path, {**BOX, "prompts": prompts[0], "against": prompts[1]})
    assert (measured.cell.text, measured.cell.interval, measured.model) == (text, interval, "one")


def test_a_difference_without_a_value_has_its_reason(tmp_path):
    row = {"difference": None, "note": "skipped: no weights", "ci_low": None, "ci_high": None}
    measured, note = read(tmp_path, {**BOX, "against": "point"}, comparisons=[row])
    assert (measured.cell.text, note) == ("skipped", "skipped: no weights")


@pytest.mark.parametrize(
    "row", [{"baseline_dataset": "other"}, {"stratum": "area: small"}, {"baseline_stratum": "area: small"}]
)
def test_differences_of_strata_and_of_data_sets_are_not_read(tmp_path, row):
    _, note = read(tmp_path, {**BOX, "against": "point"}, comparisons=[row])
    assert note.startswith("this run does not compare box with point")


def test_a_difference_in_a_stratum_is_that_of_both_sides_in_it(tmp_path):
    value = {**BOX, "against": "point", "stratum": "area: small"}
    strata = {"stratum": "area: small", "baseline_stratum": "area: small", "difference": 0.3}
    measured, _ = read(tmp_path, value, comparisons=[{}, strata])
    assert (measured.cell.text, measured.columns["stratum"]) == ("+0.300", "area: small")
    _, note = read(tmp_path, value, comparisons=[{}])
    assert note.endswith("in IoU on orchard, area: small")


def test_what_the_packages_have(tmp_path):
    assert read(tmp_path, {"published": "sam9", "modules": ["head", "encoder"]}, QUANTITY)[0].cell.text == "120"
    assert read(tmp_path, {"published": "sam9", "path": "encoder"}, QUANTITY)[0].cell.text == "ViT"
    probe = {"probe": "count-masks", "quantity": "masks"}
    assert read(tmp_path, probe, QUANTITY)[0].cell.text == "3 masks"
    # A unit that the name of the quantity has is not repeated.
    measured, _ = read(tmp_path, probe, {"quantity": "masks of a prompt"})
    assert (measured.cell.text, measured.columns["unit"]) == ("3", "masks")
    assert measured.columns["source"].endswith("probes.parquet")


def test_a_fact_is_marked_as_not_measured(tmp_path):
    measured, note = read(tmp_path, {"fact": "0.1", "source": "paper A §5"}, QUANTITY)
    assert (measured.cell.text, note) == ("0.1", "as paper A §5 says, which was not measured")
