"""Rows of the table `claims`."""

from samgap.claims.decide import CHECKS, decide_claims
from samgap.tables.claims import CLAIMS
from tests.helpers.claims import PATHS, make_claim, make_data
from tests.unit.claims.test_estimate import VALUE

LAYERS = {"check": "attribute", "model": "sam9", "path": "encoder.layers", "unit": "layers"}
CLASS = {"check": "attribute", "model": "sam9", "path": "encoder", "equals": "ViT"}
MASKS = {"check": "probe", "probe": "count-masks", "quantity": "masks", "unit": "masks"}
QUOTED = {"check": "fact", "statements": [{"value": "so it is", "agrees": True, "source": "A §3"}]}
IOU = {"check": "estimate", **VALUE}


def decide(*checks, **settings):
    """Return the row of a claim with these checks."""
    (row,) = decide_claims([make_claim(*checks, sources=["B"])], make_data(**settings), PATHS, "try")
    return row


def test_a_claim_of_one_check_has_its_evidence(tmp_path):
    row = decide({**LAYERS, "equals": 6})
    assert row["evidence"] == ["sam9 9.0, sam9, sam9/model.py: encoder.layers = 6 layers (claimed: = 6 layers)"]
    assert (row["verdict"], row["value"], row["unit"], row["bound"]) == ("confirmed", 6.0, "layers", "= 6 layers")
    assert (row["source"], row["run"], row["demo"], row["sources"]) == (PATHS["inventory"], "try", False, ["paper B"])
    CLAIMS.write(tmp_path / "claims.parquet", [row])
    (read,) = CLAIMS.read(tmp_path / "claims.parquet").to_dict("records")
    assert read["wording"] == "One is one." and list(read["checks"]) == ["attribute"]


def test_partly_needs_a_part_that_holds_and_one_that_does_not():
    row = decide(CLASS, {**LAYERS, "equals": 7})
    assert row["verdict"] == "partly"
    assert [text.split(":")[0] for text in row["evidence"]] == ["confirmed", "refuted"]
    assert [row[key] for key in ("value", "unit", "bound", "n")] == [None] * 4, "no single number decided"
    assert row["evidence"][1].endswith("encoder.layers = 6 layers (claimed: = 7 layers)")


def test_sources_that_differ_leave_no_number():
    statements = [{"value": 7, "source": "A §1"}, {"value": 3, "source": "B"}]
    row = decide({"check": "fact", "at-least": 5, "unit": "videos", "statements": statements})
    assert (row["verdict"], row["value"], row["bound"]) == ("partly", None, None)
    assert row["evidence"] == ["paper A, §1: 7 videos; paper B: 3 videos; the sources differ (claimed: ≥ 5 videos)"]


def test_the_number_is_that_of_the_check_with_the_verdict_of_the_claim():
    row = decide({**LAYERS, "equals": 6}, {**IOU, "at-least": 0.8})
    assert (row["verdict"], row["value"], row["unit"], row["n"]) == ("open", 0.8, "IoU", 40)
    row = decide({**LAYERS, "equals": 6}, {"check": "unmeasured", "needs": "a training"})
    assert row["verdict"].startswith("not testable: it needs a training") and row["value"] is None


def test_the_tables_that_decided_are_listed_once():
    row = decide({**LAYERS, "equals": 6}, CLASS, {**MASKS, "equals": 3}, {**IOU, "at-least": 0.7})
    assert row["source"] == ";".join(PATHS[name] for name in ("inventory", "probes", "estimates"))
    assert row["verdict"] == "confirmed"
    assert row["checks"] == ["attribute", "attribute", "probe", "estimate"]


def test_a_source_that_agrees_leaves_the_claim_to_the_source():
    row = decide(QUOTED, {**LAYERS, "equals": 6})
    assert row["verdict"] == "as the source says"
    assert decide(QUOTED)["source"] == ""


def test_an_estimate_has_its_interval_and_its_demo_mark():
    row = decide({**IOU, "at-least": 0.7}, demo_models=["one"])
    assert (row["value"], row["ci_low"], row["ci_high"], row["n"], row["demo"]) == (0.8, 0.75, 0.85, 40, True)
    row = decide({**IOU, "at-least": 0.7}, {**IOU, "metric": "dice", "at-least": 0.7}, demo_models=["one"])
    assert (row["verdict"].split(":")[0], row["demo"]) == ("not testable", False), "no model decided"


def test_every_kind_of_check_of_the_schema_is_made():
    assert set(CHECKS) == {"parameters", "attribute", "absent", "probe", "fact", "estimate", "unmeasured"}
