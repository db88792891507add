"""The rows of the paper's tables: the file, its faults, and the ids of a run instead of roles."""

import copy

import pytest
import yaml

from samgap.config.claims import load_claims
from samgap.config.table_rows import load_table_rows
from samgap.errors import UserError
from tests.helpers.claims import ROOT

CONFIG = load_claims(
    yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8")), ROOT
)  # fmt: skip
BOX = {"dataset": "main", "model": "sam2", "prompts": "box"}
ROW = {
    **{"id": "one", "title": "One", "place": "Table 2, row 1"},
    "sam2": {"paper": "yes", "claims": ["sam2-takes-no-text"]},
    "sam3": {"paper": "no", "undecided": "why"},
    "measured": [{"metric": "iou", "sam2": BOX, "sam3": {**BOX, "model": "sam3-no-presence"}}],
}
FACT = {"fact": "5", "source": "S3P §C.4"}
PROBE = {"probe": "winner-take-all", "quantity": "masks"}


def load(folder, rows, table="architecture"):
    (folder / "rows.yaml").write_text(yaml.safe_dump({table: rows}), encoding="utf-8")
    entry = {"number": "Table 2", "title": "T", "rows": str(folder / "rows.yaml")}
    return load_table_rows({**CONFIG, "tables": {"architecture": entry}}, ROOT)["tables"]["architecture"]["rows"]


def test_roles_become_ids_or_a_reason(tmp_path):
    (row,) = load(tmp_path, [ROW])
    (quantity,) = row["measured"]
    assert quantity["sam2"] == {"dataset": "orchard-sim-test", "model": "sam2-demo", "prompts": "box"}
    assert quantity["sam3"] == {"none": "this run has no model in the role sam3-no-presence"}


def test_sources_have_their_names_and_rows_without_values_none(tmp_path):
    quoted = {"quantity": "q", "sam2": PROBE, "sam3": FACT}
    unmeasured = {key: value for key, value in ROW.items() if key != "measured"} | {"id": "two", "unmeasured": "why"}
    first, second = load(tmp_path, [{**ROW, "measured": [quoted]}, unmeasured])
    assert first["measured"][0]["sam3"] == {"fact": "5", "source": "SAM3 paper §C.4"}
    assert first["measured"][0]["sam2"] == PROBE and second["measured"] == []


def change(**changes):
    return {**copy.deepcopy(ROW), **changes}


def change_value(**keys):
    return change(measured=[{"metric": "iou", "sam2": {**BOX, **keys}, "sam3": {"none": "why"}}])


def change_quantity(value, **keys):
    return change(measured=[{**keys, "sam2": value, "sam3": {"none": "why"}}])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (change(sam2={"paper": "yes", "claims": ["sam2-takes-txt"]}), "row 'one' names the claim 'sam2-takes-txt'"),
        (change_quantity(BOX, metric="iuo"), "row 'one' names the metric 'iuo', which does not exist"),
        (change_value(prompts="boks"), "row 'one' names the prompt set 'boks', which does not exist"),
        (change_value(against="pont"), "row 'one' names the prompt set 'pont', which does not exist"),
        (change_value(model="sam4"), "measured.0.sam2.model is 'sam4', not one of sam2"),
        (change_value(dataset="all"), "measured.0.sam2.dataset is 'all', not one of main"),
        (change_quantity({**PROBE, "probe": "winner"}, quantity="q"), "row 'one' names the probe 'winner'"),
        (change_quantity({**FACT, "source": "S9 §1"}, quantity="q"), "row 'one' names the source 'S9'"),
        (change_quantity({"fact": "5"}, quantity="q"), "measured.0.sam2 has the key 'fact', which needs 'source'"),
        (change_quantity(FACT, metric="iou"), "row 'one', sam2 has a metric, but no estimate"),
        (change_quantity(BOX, quantity="q"), "row 'one', sam2 has an estimate, but no metric"),
        (change(place="Table 5, row 1"), "place is 'Table 5, row 1', which does not match"),
        (change(sam2={"paper": "yes"}), "sam2 has none of 'claims', 'undecided'; name exactly one"),
        (change(unmeasured="why"), "has 'measured', 'unmeasured' of 'measured', 'unmeasured'; name exactly one"),
        (change(tile="One"), "unknown key 'tile' in architecture.0; did you mean 'title'?"),
    ],
)  # fmt: skip
def test_a_faulty_row_is_one_line(tmp_path, row, message):
    with pytest.raises(UserError) as caught:
        load(tmp_path, [row])
    text = str(caught.value)
    assert message in text and "\n" not in text and str(tmp_path / "rows.yaml") in text


def test_an_id_occurs_once_and_a_table_has_rows(tmp_path):
    with pytest.raises(UserError, match="row 'one' occurs twice"):
        load(tmp_path, [ROW, ROW])
    with pytest.raises(UserError, match="no rows for the table 'architecture'; there is objectives"):
        load(tmp_path, [ROW], table="objectives")


def test_a_configuration_without_such_tables_is_unchanged():
    config = {**CONFIG, "tables": {"claims": {"number": "1", "title": "C"}}}
    assert load_table_rows(config, ROOT) == config
