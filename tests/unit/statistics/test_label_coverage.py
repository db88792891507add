"""What the labels do not cover, for each value of tables `estimates` and `comparisons`."""

import pandas as pd
import pytest

from samgap.statistics.comparisons import compute_comparisons
from samgap.statistics.estimates import compute_estimates
from samgap.statistics.strata import Cell
from samgap.tables.statistics import COMPARISONS, ESTIMATES
from tests.helpers.comparing import declare_pair
from tests.helpers.sums import images_table, make_table, random_results, to_box_prompts

IMAGES = images_table(12)
PHRASES, INSTANCES = random_results(3, IMAGES)
BOXES = to_box_prompts(PHRASES)
METRICS = ["iou", "recall", "precision", "f1-50", "pmf1", "false-alarms", "precision-near-labels", "f1-50-near-labels"]
NEED_LABELS = {"precision", "f1-50", "pmf1", "false-alarms"}
SETTINGS = {"resamples": 50, "confidence": 0.95}
FAR = PHRASES.assign(n_far=(PHRASES["image_id"] % 2) * (PHRASES["n_predicted"] > 0), labelled_distance=0.25)
CELLS = {
    ("open", "sam3", "concepts"): Cell(FAR, INSTANCES, exhaustive=False),
    ("open", "sam2", "box"): Cell(BOXES.assign(labelled_distance=0.25), exhaustive=False),
    ("open", "absent", "concepts"): Cell(make_table("pairs", []), skip_reason="weights not available"),
    ("closed", "sam3", "concepts"): Cell(PHRASES, INSTANCES),
}


@pytest.fixture(scope="module")
def estimates(tmp_path_factory):
    experiments = {
        str(number): {"datasets": [dataset], "models": [model], "prompts": [prompts], "metrics": METRICS}
        for number, (dataset, model, prompts) in enumerate(CELLS)
    }
    images = dict.fromkeys(["open", "closed"], IMAGES)
    path = tmp_path_factory.mktemp("estimates") / "estimates.parquet"
    ESTIMATES.write(path, compute_estimates(CELLS.get, images, experiments, SETTINGS, 1))
    return ESTIMATES.read(path)


def select(estimates, dataset, model):
    return estimates[(estimates["dataset"] == dataset) & (estimates["model"] == model)]


def test_values_of_phrases_that_need_exhaustive_labels_lack_them(estimates):
    rows = select(estimates, "open", "sam3")
    rows = rows[rows["value"].notna()]
    assert (rows["stratum"] != "all").any()
    assert rows["lacks_labels"].tolist() == [metric in NEED_LABELS for metric in rows["metric"]]


@pytest.mark.parametrize(("dataset", "model"), [("open", "sam2"), ("open", "absent"), ("closed", "sam3")])
def test_values_of_spatial_prompts_of_skipped_cells_and_of_exhaustive_labels_do_not(estimates, dataset, model):
    rows = select(estimates, dataset, model)
    assert len(rows) >= len(METRICS) and not rows["lacks_labels"].any()


def test_metrics_near_labels_have_the_number_left_out_and_the_distance(estimates):
    rows = select(estimates, "open", "sam3")
    is_near = rows["metric"].str.endswith("-near-labels")
    assert rows.loc[~is_near, ["n_left_out", "labelled_distance"]].isna().all(axis=None)
    assert (rows.loc[is_near, "labelled_distance"] == 0.25).all()
    whole = rows[is_near & (rows["stratum"] == "all")]
    assert whole["n_left_out"].tolist() == [FAR["n_far"].sum()] * 2 and FAR["n_far"].sum() > 5
    phrase = rows[is_near & (rows["stratum"] == "phrase 1")]
    assert phrase["n_left_out"].tolist() == [FAR.loc[FAR["phrase"] == "phrase 1", "n_far"].sum()] * 2
    boxes = select(estimates, "open", "sam2")
    boxes = boxes[boxes["metric"].str.endswith("-near-labels")]
    assert (boxes["n_left_out"] == 0).all()


def test_a_comparison_has_both_values(tmp_path):
    metrics = ["precision", "recall", *METRICS[-2:]]
    pair = declare_pair("c", "sam3", "sam2", metrics, prompts="concepts", baseline_prompts="box", dataset="open")
    skipped = {**pair, "model": "absent"}
    rows = compute_comparisons(CELLS.get, {"open": IMAGES}, [pair, skipped], SETTINGS, 1)
    COMPARISONS.write(tmp_path / "comparisons.parquet", rows)
    rows = COMPARISONS.read(tmp_path / "comparisons.parquet")
    compared, missing = rows.iloc[:4], rows.iloc[4:]
    assert compared["lacks_labels"].tolist() == [True, False, False, False]
    assert not rows["baseline_lacks_labels"].any() and not missing["lacks_labels"].any()
    n_far = FAR["n_far"].sum()
    left_out = compared[["n_left_out", "baseline_n_left_out", "labelled_distance"]].astype(object)
    left_out = left_out.where(pd.notna(left_out), None).to_numpy().tolist()
    assert left_out == [[None] * 3] * 2 + [[n_far, 0, 0.25]] * 2
    assert missing["n_left_out"].isna().all()
