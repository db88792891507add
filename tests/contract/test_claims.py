"""The claims of the paper: how many there are, that each can be decided, and the verdicts that the packages decide."""

import copy
import shutil

import pytest
import yaml

from samgap.claims.decide import CHECKS, decide_claims
from samgap.config import claims as config_claims
from samgap.config.validate import validate_config
from samgap.errors import UserError
from samgap.inventory.models import PUBLISHED
from samgap.tables.claims import KINDS, REASONS, get_verdict_kind
from tests.helpers.claims import PATHS, ROOT, load_run_claims, make_claim, make_package_data
from tests.helpers.package_verdicts import VERDICTS

CLAIMS = load_run_claims()["statements"]
SCHEMA = yaml.safe_load((ROOT / config_claims.SCHEMA_FILE).read_text(encoding="utf-8"))
CONFIGS = {
    name: validate_config(yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text(encoding="utf-8")), ROOT)
    for name in ("config", "demo")
}
KNOWN = config_claims.list_known_ids(CONFIGS["config"], SCHEMA, ROOT)
UNDECIDED = {"estimate", "unmeasured"}
"""Checks that the packages and sources alone do not decide."""


def list_checks(kind):
    """Return the checks of a kind with the ids of their claims."""
    return [(claim["id"], check) for claim in CLAIMS for check in claim["checks"] if check["check"] == kind]


def test_there_are_at_least_120_claims_with_different_ids_and_wordings():
    assert len(CLAIMS) >= 120
    for key in ("id", "wording"):
        assert len({claim[key] for claim in CLAIMS}) == len(CLAIMS), key
    assert {claim["kind"] for claim in CLAIMS} == set(SCHEMA["properties"]["kind"]["enum"])
    assert {claim["reason"] for claim in CLAIMS} == set(SCHEMA["properties"]["reason"]["enum"])


def test_the_schema_names_the_checks_and_models_that_exist():
    assert set(SCHEMA["properties"]["checks"]["items"]["properties"]["check"]["enum"]) == set(CHECKS)
    assert set(SCHEMA["$defs"]["listed-model"]["enum"]) == set(PUBLISHED)


def test_the_table_has_the_kinds_and_reasons_of_the_schema():
    assert SCHEMA["properties"]["kind"]["enum"] == list(KINDS)
    assert SCHEMA["properties"]["reason"]["enum"] == list(REASONS)


@pytest.mark.parametrize(("section", "role_kind"), [("datasets", "dataset-role"), ("models", "model-role")])
def test_the_configuration_has_the_roles_of_the_schema(section, role_kind):
    schema = yaml.safe_load((ROOT / "config/schema.yaml").read_text(encoding="utf-8"))
    roles = schema["properties"]["claims"]["properties"][section]["propertyNames"]["enum"]
    assert roles == SCHEMA["$defs"][role_kind]["enum"]
    for config in CONFIGS.values():
        assert set(config["claims"][section]) <= set(roles)


def test_every_path_and_quantity_exists_in_the_installed_packages():
    data = make_package_data()
    for claim, check in [pair for kind in ("parameters", "attribute") for pair in list_checks(kind)]:
        for path in check.get("modules", [check.get("path", "")]):
            assert path in data.get_items(check["model"]), f"{claim}: no {path} in {check['model']}"
    measured = {(row.probe, row.quantity): row.unit for row in data.probes.itertuples()}
    for claim, check in list_checks("probe"):
        key = (check["probe"], check["quantity"])
        assert key in measured, f"{claim}: the probe {key[0]} does not measure {key[1]}"
        assert check["unit"] == measured[key], f"{claim}: {key} is in {measured[key]}"


def test_the_verdicts_that_packages_and_sources_decide_are_the_checked_ones():
    """An upgrade of sam2 or sam3 that changes a verdict fails here; look at the evidence before changing the list."""
    decided = [claim for claim in CLAIMS if not UNDECIDED & {check["check"] for check in claim["checks"]}]
    rows = decide_claims(decided, make_package_data(), PATHS, "test")
    expected = {claim: verdict for verdict, claims in VERDICTS.items() for claim in claims}
    found = {row["id"]: row["verdict"] for row in rows}
    differences = {row["id"]: row["evidence"] for row in rows if row["verdict"] != expected.get(row["id"])}
    assert not differences and found.keys() == expected.keys(), differences
    assert len(found) >= 100


def test_a_publication_alone_confirms_nothing():
    facts = [claim for claim in CLAIMS if {check["check"] for check in claim["checks"]} == {"fact"}]
    rows = decide_claims(facts, make_package_data(), PATHS, "test")
    assert len(facts) >= 30
    assert {row["verdict"] for row in rows} == {"as the source says", "partly", "refuted"}


def test_claims_about_a_run_without_its_estimates_are_not_testable():
    estimated = [claim for claim in CLAIMS if UNDECIDED & {check["check"] for check in claim["checks"]}]
    rows = decide_claims(estimated, make_package_data(), PATHS, "test")
    assert {get_verdict_kind(row["verdict"]) for row in rows} == {"not testable"}
    assert len(rows) >= 30


@pytest.mark.parametrize("name", CONFIGS)
def test_both_configurations_have_the_same_claims(name):
    assert CONFIGS[name]["claims"]["statements"] == CLAIMS
    assert "claims" in CONFIGS[name]["tables"]


def test_a_new_claim_is_one_entry(tmp_path):
    for folder in ("config", "src"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "*.pt"))
    file = tmp_path / "config/paper/claims.yaml"
    added = make_claim(
        {"check": "attribute", "model": "sam3-image", "path": "hidden_dim", "equals": 256, "unit": "channels"},
        id="added",
        wording="SAM3 has 256 channels.",
    )
    file.write_text(file.read_text(encoding="utf-8") + yaml.safe_dump([added]), encoding="utf-8")
    config = yaml.safe_load((tmp_path / "config/demo.yaml").read_text(encoding="utf-8"))
    statements = config_claims.load_claims({**copy.deepcopy(CONFIGS["demo"]), "claims": config["claims"]}, tmp_path)
    (*others, last) = statements["claims"]["statements"]
    assert others == CLAIMS and last == added
    (row,) = decide_claims([last], make_package_data(), PATHS, "test")
    assert (row["verdict"], row["value"]) == ("confirmed", 256)


def test_every_claim_of_the_file_is_refused_with_a_fault(tmp_path):
    """A misspelt key in any check is found, wherever it is."""
    for claim in CLAIMS:
        for number, check in enumerate(claim["checks"]):
            changed = copy.deepcopy(claim)
            changed["checks"][number]["chek"] = check["check"]
            with pytest.raises(UserError, match=f"claim '{claim['id']}'.* unknown key 'chek' in checks.{number}"):
                config_claims.validate_claims([changed], load_run_claims()["sources"], SCHEMA, "claims.yaml", KNOWN)
