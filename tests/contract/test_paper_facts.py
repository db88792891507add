"""The facts of the paper's figures in config/paper: their sources, and the installed packages that they name."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from samgap.config.cells import list_cells
from samgap.config.validate import validate_config
from samgap.metrics import METRIC_REGISTRY
from samgap.paper.cost_estimates import CostModel
from samgap.paper.facts import read_facts
from samgap.paper.figures import FigureRequest
from samgap.tables.inventory import INVENTORY
from samgap.tables.statistics import ESTIMATES
from tests.helpers.claims import make_package_data
from tests.helpers.drawn_texts import check_texts
from tests.helpers.package_verdicts import VERDICTS
from tests.helpers.paper import MODELS, draw, list_texts, make_estimates

ROOT = Path(__file__).parents[2]
FACTS = {name: name for name in ("architectures", "reasons", "timeline", "outlook", "augmentation", "workflows")}
"""File in config/paper -> definition of its schema."""


def list_references(value):
    """Return every value of a key `source` in the content of a file."""
    if isinstance(value, dict):
        own = [value["source"]] if isinstance(value.get("source"), str) else []
        return own + [reference for item in value.values() for reference in list_references(item)]
    return [reference for item in value for reference in list_references(item)] if isinstance(value, list) else []


@pytest.mark.parametrize("name", FACTS)
def test_each_fact_has_a_source_that_exists(name):
    facts = read_facts(name, f"config/paper/{name}.yaml", name)
    sources = yaml.safe_load((ROOT / "config/paper/sources.yaml").read_text(encoding="utf-8"))
    references = list_references(facts)
    assert references
    for reference in references:
        if not re.match(r"sam[23]/", reference):
            assert reference.split(" ")[0] in sources, reference
            continue
        file, _, names = reference.partition(": ")
        package = Path(importlib.util.find_spec(file.split("/")[0]).submodule_search_locations[0])
        code = (package.parent / file).read_text(encoding="utf-8")
        for part in names.split("."):
            assert re.search(rf"^\s*(class|def) {part}\b", code, re.MULTILINE), reference


def test_the_assumed_costs_have_sources_and_are_of_models_and_data_sets_of_the_paper():
    config = validate_config(yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8")), ROOT)
    sources = config["claims"]["sources"]
    for entry in config["costs"]["datasets"].values():
        assert entry["source"].split(" ")[0] in {*sources, "sim"}
    assert config["costs"]["gpu"]["source"].split(" ")[0] in sources
    assert set(config["costs"]["models"]) <= set(config["models"])
    assert set(config["costs"]["datasets"]) <= set(config["datasets"])


def test_the_papers_run_has_an_estimate_of_hours_for_every_cell():
    config = validate_config(yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8")), ROOT)
    costs = CostModel(config)
    assert [cell for cell in list_cells(config) if costs.estimate_hours(cell) is None] == []


def test_the_architectures_of_the_installed_packages(tmp_path):
    """An upgrade of sam2 or sam3 that changes a part fails here; look at the figure before changing the numbers."""
    INVENTORY.write(tmp_path / "inventory.parquet", make_package_data().inventory)
    inputs = {"inventory": str(tmp_path / "inventory.parquet")}
    entry = {"facts": "config/paper/architectures.yaml"}
    output = draw(FigureRequest("architectures", inputs, entry, {}))
    check_texts(output.figure)
    totals = output.rows.groupby("diagram")["n_parameters"].sum()
    assert totals.to_dict() == {"sam2.1-large": 224_446_642, "sam3-video": 860_055_224}  # every parameter is in a block
    assert "308 tensors of the same shapes in both: 11,743,362 parameters" in list_texts(output.figure)


def test_sam3_to_scale_is_drawn_from_the_installed_package(tmp_path):
    INVENTORY.write(tmp_path / "inventory.parquet", make_package_data().inventory)
    inputs = {"inventory": str(tmp_path / "inventory.parquet")}
    output = draw(FigureRequest("sam3-to-scale", inputs, {"facts": "config/paper/architectures.yaml"}, {}))
    check_texts(output.figure)
    values = output.rows.set_index("item")["value"]
    assert (values["SAM2's parts"], values["vision encoder"]) == (11_743_362, 446_237_696)
    assert (values["image tokens"], values["text tokens"], values["queries"]) == (72 * 72, 32, 200)
    assert values["global blocks"] == "7, 15, 23, 31"


def test_the_timeline_names_prompt_sets_and_metrics_that_exist(tmp_path):
    facts = read_facts("timeline", "config/paper/timeline.yaml", "timeline")
    prompts = yaml.safe_load((ROOT / "config/prompts.yaml").read_text(encoding="utf-8"))["prompts"]
    for capability in facts["capabilities"]:
        for test in capability["tested"]:
            assert set(test["prompts"]) <= set(prompts), capability["id"]
            assert set(test.get("metrics", [])) <= set(METRIC_REGISTRY), capability["id"]
            assert (ROOT / "src/samgap/models" / test["family"]).is_dir() or test["family"] == "grounded"
    ESTIMATES.write(tmp_path / "estimates.parquet", make_estimates())
    inputs = {"estimates": str(tmp_path / "estimates.parquet")}
    check_texts(draw(FigureRequest("timeline", inputs, {"facts": "config/paper/timeline.yaml"}, MODELS)).figure)


def test_each_reason_of_a_claim_is_in_a_branch_and_evidence_names_claims_of_its_row():
    facts = read_facts("audit-branches", "config/paper/reasons.yaml", "reasons")
    claims = yaml.safe_load((ROOT / "config/paper/claims.yaml").read_text(encoding="utf-8"))
    reasons = {claim["id"]: claim["reason"] for claim in claims}
    counted = [reason for row in facts["branches"] for reason in row["reasons"]]
    assert sorted(counted) == sorted(set(reasons.values()))  # each claim is counted once
    for row in facts["branches"] + facts["reasons"]:
        for evidence in row["evidence"]:
            assert reasons[evidence["claim"]] in row["reasons"], evidence
            assert evidence["claim"] in VERDICTS[evidence["verdict"]], evidence
            assert len(evidence["text"].split()) <= 12


def test_the_outlook_names_claims_and_figures_that_exist():
    branches = read_facts("outlook", "config/paper/outlook.yaml", "outlook")["branches"]
    claims = yaml.safe_load((ROOT / "config/paper/claims.yaml").read_text(encoding="utf-8"))
    for config in ("config/config.yaml", "config/demo.yaml"):
        figures = yaml.safe_load((ROOT / config).read_text(encoding="utf-8"))["figures"]
        numbers = " ".join(entry["number"] for entry in figures.values())
        for statement in [statement for branch in branches for statement in branch["statements"]]:
            if "claim" in statement:
                assert statement["claim"] in {claim["id"] for claim in claims}
                assert statement["shown-in"] == "claims" or statement["shown-in"].split()[1] in numbers


def test_the_workflows_have_a_lane_for_each_role_and_each_configuration_measures_them():
    lanes = read_facts("workflows", "config/paper/workflows.yaml", "workflows")["lanes"]
    schema = yaml.safe_load((ROOT / "config/schema.yaml").read_text(encoding="utf-8"))
    assert [lane["id"] for lane in lanes] == schema["$defs"]["drawn-lanes"]["propertyNames"]["enum"]
    for config in ("config/config.yaml", "config/demo.yaml"):
        content = yaml.safe_load((ROOT / config).read_text(encoding="utf-8"))
        entry = content["figures"]["workflows"]
        assert list(entry["lanes"]) == [lane["id"] for lane in lanes]
        for lane, cell in entry["lanes"].items():
            measured = {
                metric
                for experiment in (content["experiments"][name] for name in entry["experiments"])
                if cell["model"] in experiment["models"] and cell["prompts"] in experiment["prompts"]
                for metric in experiment["metrics"]
            }
            assert {*entry["metrics"], "prompts-per-image"} <= measured, (config, lane)
