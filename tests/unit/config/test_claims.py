"""The section `claims`: the file of claims and its faults, each one line."""

import copy

import pytest
import yaml

from samgap.config.claims import SCHEMA_FILE, list_known_ids, load_claims, validate_claims
from samgap.errors import UserError
from tests.helpers.claims import ROOT, SOURCES, make_claim

SCHEMA = yaml.safe_load((ROOT / SCHEMA_FILE).read_text(encoding="utf-8"))
LAYERS = {"check": "attribute", "model": "sam3-image", "path": "hidden_dim", "equals": 256, "unit": "channels"}
COUNT = {"check": "parameters", "model": "sam3-video", "count": 848e6, "tolerance": 0.01, "unit": "parameters"}
ABSENT = {"check": "absent", "model": "sam3-video", "pattern": "expert"}
PROBE = {"check": "probe", "probe": "winner-take-all", "quantity": "masks", "equals": 3, "unit": "masks"}
QUOTED = {"check": "fact", "statements": [{"value": "so it is", "agrees": True, "source": "A §5"}]}
NUMBER = {"check": "fact", "at-least": 5, "unit": "videos", "statements": [{"value": 7, "source": "A §5"}]}
CELL = {"check": "estimate", "dataset": "main", "model": "sam2", "prompts": "box", "metric": "iou", "unit": "IoU"}
IOU = {**CELL, "experiment": "spatial-prompts", "at-least": 0.8}
BETTER = {**CELL, "against": {"prompts": "point"}, "above": 0}


KNOWN = list_known_ids({"experiments": {"my-boxes": {}}, "prompts": {"my-box": {}}}, SCHEMA, ROOT)
UNMEASURED = {"check": "unmeasured", "needs": "a training", "at-most": 3, "unit": "hours"}


def check_claims(*claims):
    validate_claims(claims, SOURCES, SCHEMA, "claims.yaml", KNOWN)


@pytest.mark.parametrize(
    "check", [LAYERS, COUNT, ABSENT, PROBE, QUOTED, NUMBER, IOU, BETTER, UNMEASURED], ids=lambda check: check["check"]
)
def test_valid_checks_are_accepted(check):
    check_claims(make_claim(check, sources=["B README"]))


def test_a_claim_may_name_what_the_configuration_has_of_its_own():
    check_claims(make_claim({**IOU, "experiment": "my-boxes", "prompts": "my-box"}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "odd"}, "kind is 'odd', not one of structural"),
        ({"reason": "luck"}, "reason is 'luck', not one of prompts"),
        ({"section": "section 2"}, "section is 'section 2', which does not match"),
        ({"wording": ""}, "wording is '', but must not be empty"),
        ({"sources": "S3P §5"}, "sources is 'S3P §5', not of type array"),
        ({"wording": 5}, "wording is 5, not of type string"),
        ({"sources": ["C"]}, "refers to the source 'C', which is not in the sources"),
        ({"verdict": "confirmed"}, "unknown key 'verdict' in its top level"),
        ({"id": "Not an id"}, "id is 'Not an id', which does not match"),
    ],
)
def test_a_faulty_claim_is_refused(change, message):
    with pytest.raises(UserError, match="claims.yaml") as caught:
        check_claims(make_claim(LAYERS, **change))
    assert message in str(caught.value)


def test_a_claim_without_checks_or_id_and_two_of_one_id_are_refused():
    with pytest.raises(UserError, match="checks is .*, fewer than 1 of them"):
        check_claims(make_claim())
    with pytest.raises(UserError, match="claims.yaml: claim 'one' occurs twice"):
        check_claims(make_claim(LAYERS), make_claim(COUNT))
    with pytest.raises(UserError, match="claims.yaml: claim 2 is no mapping with an id"):
        check_claims(make_claim(LAYERS), ["one"])
    with pytest.raises(UserError, match="checks.0 is 'absent', not of type object"):
        check_claims({**make_claim(), "checks": ["absent"]})


def demo_config():
    return yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8"))


def test_the_section_gets_the_content_of_its_files():
    config = load_claims(demo_config(), ROOT)["claims"]
    assert len(config["statements"]) >= 120 and config["sources"]["P"]["name"] == "the paper"
    assert config["models"]["sam2"] == "sam2-demo"


def test_a_faulty_source_is_refused(tmp_path):
    config = demo_config()
    config["claims"]["sources"] = str(tmp_path / "sources.yaml")
    (tmp_path / "sources.yaml").write_text("X: {name: x, title: t}", encoding="utf-8")
    with pytest.raises(UserError, match="source 'X': its top level lacks the key 'where'"):
        load_claims(config, ROOT)


def test_a_table_of_claims_needs_the_section():
    config = copy.deepcopy(demo_config())
    del config["claims"]
    config["tables"], config["figures"] = {"claims": config["tables"]["claims"]}, {}
    with pytest.raises(UserError, match="tables.claims shows the claims, but there is no section 'claims'"):
        load_claims(config, ROOT)
    del config["tables"]["claims"]
    assert "claims" not in load_claims(config, ROOT)
