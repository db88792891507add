"""docs/reference/experiments.md: the experiments of both configurations, their metrics, and the claims they decide."""

import re
from pathlib import Path

import pytest
import yaml

from samgap.config.cells import iter_cells
from samgap.config.validate import validate_config
from samgap.metrics import load_metric

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/experiments.md").read_text(encoding="utf-8")
COLUMNS = ("number", "question", "demo", "config", "metrics", "comparisons", "claims")
ROWS = [
    dict(zip(COLUMNS, (cell.strip() for cell in line.strip("|").split("|")), strict=True))
    for line in PAGE.splitlines()
    if re.match(r"\| D\d+ ", line)
]
NOT_EXPERIMENTS = {"thresholds", "config/demo-models.yaml", "language"}
TRAINING = {"D23", "D24"}
"""Questions of trainings."""
OPTIONAL = {"D22"}
"""A question that nothing measures."""
DRAWN_ALONE = {"clicks"}
"""Prompt sets of the catalog that a figure draws and no experiment uses; `clicks-sample` is its part."""


def load_config(name):
    text = (ROOT / f"config/{name}.yaml").read_text(encoding="utf-8")
    return validate_config(yaml.safe_load(text), ROOT)


CONFIGS = {name: load_config(name) for name in ("demo", "config")}


def list_ids(text):
    """Return the ids in a cell; those that end with an ellipsis stand for several."""
    return {id for id in re.findall(r"`([^`]+)`", text) if id not in NOT_EXPERIMENTS}


def test_every_question_has_a_row():
    assert [row["number"] for row in ROWS] == [f"D{number}" for number in range(1, 26)]


@pytest.mark.parametrize("name", CONFIGS)
def test_the_page_has_all_experiments_of_a_configuration_and_no_others(name):
    named = set().union(*(list_ids(row[name]) for row in ROWS))
    assert named == set(CONFIGS[name]["experiments"])


def test_a_question_without_an_experiment_says_why():
    for row in ROWS:
        for name in CONFIGS:
            has_reason = re.match(r"(no|not possible|not measured|trainings)\b", row[name])
            assert list_ids(row[name]) or has_reason, (row["number"], name)


def test_the_papers_configuration_has_an_experiment_for_each_question():
    lacking = {row["number"] for row in ROWS if not list_ids(row["config"])}
    assert lacking == TRAINING | OPTIONAL


def test_experiments_measure_the_metrics_of_their_row():
    for row in ROWS:
        experiments = [CONFIGS["config"]["experiments"][id] for id in list_ids(row["config"])]
        measured = {metric for experiment in experiments for metric in experiment["metrics"]}
        for id in list_ids(row["metrics"]):
            if id.endswith("…"):
                assert any(metric.startswith(id[:-1]) for metric in measured), (row["number"], id)
            elif "…" not in id:
                assert load_metric(id).id in measured, (row["number"], id)


def test_comparisons_and_claims_exist():
    config = CONFIGS["config"]
    families = config["comparisons"].keys() | config["rank-correlations"].keys()
    claims = {claim["id"] for claim in config["claims"]["statements"]}
    for row in ROWS:
        assert list_ids(row["comparisons"]) <= families, row["number"]
        assert list_ids(row["claims"]) <= claims, row["number"]


def test_every_behavioural_claim_of_an_estimate_is_in_a_row():
    named = set().union(*(list_ids(row["claims"]) for row in ROWS))
    decided = {
        claim["id"]
        for claim in CONFIGS["config"]["claims"]["statements"]
        if any(check["check"] == "estimate" for check in claim["checks"])
    }
    assert decided <= named


def test_every_prompt_set_of_the_catalog_is_used_by_the_papers_configuration():
    catalog = yaml.safe_load((ROOT / "config/prompts.yaml").read_text(encoding="utf-8"))["prompts"]
    used = {prompts for _, (_, _, prompts) in iter_cells(CONFIGS["config"])}
    assert set(catalog) - used == DRAWN_ALONE
    drawn = {id for figure in CONFIGS["config"]["figures"].values() for id in figure.get("prompts", [])}
    assert drawn >= DRAWN_ALONE


def test_training_images_are_used_for_training_alone():
    for config in CONFIGS.values():
        assert not {dataset for _, (dataset, _, _) in iter_cells(config) if dataset.endswith("-train")}
