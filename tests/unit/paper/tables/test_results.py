"""The table of main results: one block for each data set, at most twelve columns."""

import re

import pandas as pd
import pytest
import yaml

from samgap.config.validate import validate_config
from samgap.errors import UserError
from tests.helpers.claims import ROOT
from tests.helpers.paper import make_estimates, save_table
from tests.helpers.result_tables import results_request

METRICS = ["iou", "recall", "pmf1"]
CONFIG = yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8"))


def read_markdown(estimates, folder, **entry):
    request = results_request(estimates, folder, table="results", **{"metrics": METRICS, **entry})
    return save_table(request, folder / "out")["md"].read_text(encoding="utf-8")


def list_rows(text):
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ") and "---" not in line]


def test_all_experiments_of_a_data_set_are_in_one_block(tmp_path):
    estimates = make_estimates()
    other = estimates[estimates["model"] == "ellipse"].assign(dataset="minneapple-test")
    text = read_markdown(pd.concat([estimates, other]), tmp_path)
    assert re.findall("^## (.*)", text, re.M) == ["orchard-sim-test", "minneapple-test"]
    header, *rows = list_rows(text)
    assert header == ["model", "prompts", "images", "instances", "IoU ↑", "Recall@50 ↑", "pmF1 ↑"]
    names = [row[:2] for row in rows if row[0] != "model"]
    assert names == [
        *(["SAM2 (demo)", prompts] for prompts in ("box", "point", "point-box")),
        *([label, "box"] for label in ("box itself", "ellipse in box")),
        ["SAM3 (demo)", "concepts"],
        ["ellipse in box", "box"],
    ]
    assert rows[0][4:] == ["0.912 [0.882, 0.932]", "0.876 [0.846, 0.896]", "–"]


def test_the_csv_has_the_shown_estimates_with_their_sources(tmp_path):
    request = results_request(make_estimates(), tmp_path, table="results", metrics=["iou"])
    rows = pd.read_csv(save_table(request, tmp_path / "out")["csv"])
    assert set(rows["stratum"]) == {"all"} and set(rows["metric"]) == {"iou"}
    sources = dict(zip(zip(rows["model"], rows["prompts"], strict=True), rows["source"], strict=True))
    path = str(tmp_path / "estimates.parquet")
    pairs = "results/test/matching/dataset=orchard-sim-test/model=sam2-demo/prompts=box/pairs.parquet"
    assert sources["sam2-demo", "box"] == f"{path};{pairs}"
    assert sources["sam2-demo", "point"] == path


def test_a_cell_of_two_experiments_is_one_row(tmp_path):
    estimates = make_estimates()
    again = estimates[estimates["model"] == "filled-box"].assign(experiment="concept-prompts")
    rows = list_rows(read_markdown(pd.concat([estimates, again]), tmp_path))
    assert [row[0] for row in rows].count("box itself") == 1


def make_config(**entry):
    table = {**CONFIG["tables"]["results"], **entry}
    return {**CONFIG, "tables": {**CONFIG["tables"], "results": table}}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {"metrics": ["iou", "leakage"]},
            "config: tables.results.metrics names 'leakage', which none of its experiments",
        ),
        ({"metrics": [f"f1-iou-{number}" for number in range(50, 95, 5)]}, "tables.results.metrics is "),
    ],
)
def test_faulty_metrics_are_refused(entry, message):
    with pytest.raises(UserError) as caught:
        validate_config(make_config(**entry), ROOT)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["demo", "config", "own-data"])
def test_the_main_results_have_at_most_twelve_columns(name):
    config = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))
    assert len(config["tables"]["results"]["metrics"]) + 4 <= 12
    assert {"results-all", "results-strata"} <= config["tables"].keys()
