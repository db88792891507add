"""The table of strata: one block for each experiment and data set, and a few metrics in each."""

import re
from dataclasses import replace

import pandas as pd

from samgap.paper.tables.results_strata import MAX_METRICS
from tests.helpers.paper import EXPERIMENTS, make_estimate, make_estimates, save_table
from tests.helpers.result_tables import results_request
from tests.helpers.tex import compile_tex, needs_tex


def make_request(estimates, folder):
    return results_request(estimates, folder, table="results-strata")


def test_strata_alone_are_shown(tmp_path):
    files = save_table(make_request(make_estimates(), tmp_path), tmp_path / "out")
    text = files["md"].read_text(encoding="utf-8")
    assert re.findall("^## (.*)", text, re.M) == ["Noun phrases, orchard-sim-test"]
    assert "| model | prompts | stratum | images | instances | pmF1 ↑ |" in text
    assert "| SAM3 (demo) | concepts | phrase=50%_ripe\\|apple |" in text  # a bare pipe would end the cell
    assert set(pd.read_csv(files["csv"])["stratum"]) == {"phrase=apple", "phrase=50%_ripe|apple"}


def test_data_sets_and_many_metrics_have_blocks_of_their_own(tmp_path):
    metrics = [f"f1-iou-{number}" for number in range(55, 80, 5)]
    assert len(metrics) == MAX_METRICS + 1
    rows = [make_estimate("concept-prompts", "sam3-demo", "concepts", metric, 0.5, "apple") for metric in metrics]
    estimates = pd.concat([pd.DataFrame(rows), pd.DataFrame(rows[:2]).assign(dataset="minneapple-test")])
    experiments = {"concept-prompts": {"title": "Noun phrases", "metrics": metrics}}
    request = replace(make_request(estimates, tmp_path), experiments=experiments)
    text = save_table(request, tmp_path / "out")["md"].read_text(encoding="utf-8")
    assert re.findall("^## (.*)", text, re.M) == [
        "Noun phrases, orchard-sim-test (1 of 2)",
        "Noun phrases, orchard-sim-test (2 of 2)",
        "Noun phrases, minneapple-test",
    ]
    columns = [line.count("|") - 1 for line in text.splitlines() if line.startswith("| model")]
    assert columns == [7, 8, 7]


@needs_tex
def test_long_names_fit_on_the_page(tmp_path):
    rows = [
        make_estimate(
            "concept-prompts", "sam3-demo", "concepts", metric, 0.5, f"occlusion: heavy {number}", n_images=59
        )
        for metric in EXPERIMENTS["concept-prompts"]["metrics"]
        for number in range(70)
    ]
    table = save_table(make_request(pd.DataFrame(rows), tmp_path), tmp_path / "out")["tex"]
    log = compile_tex(table, tmp_path)
    assert "(2 pages" in log or "(3 pages" in log or "(4 pages" in log
