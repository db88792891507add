import pandas as pd
import pytest

from samgap import tables
from samgap.matching import measure
from samgap.metrics import evaluate
from samgap.statistics.estimates import Cell, estimates
from tests.helpers.scenes import random_shard

STATISTICS = {"resamples": 300, "confidence": 0.95, "score-threshold": 0.5}
METRICS = ["iou", "precision", "pmf1", "il-mcc", "prompts-per-image"]
PAIRS = measure(*random_shard(3), 0.5)[2]
BOXES = PAIRS[PAIRS["n_truth"] > 0].assign(kind="box", phrase=None)
CELLS = {
    ("set", "sam3", "concepts"): Cell(PAIRS),
    ("set", "sam2", "box"): Cell(BOXES),
    ("set", "away", "box"): Cell(PAIRS.iloc[:0], "weights not available (no access)"),
}
EXPERIMENTS = {
    "concepts": {"datasets": ["set"], "models": ["sam3"], "prompts": ["concepts"], "metrics": METRICS},
    "boxes": {"datasets": ["set"], "models": ["sam2", "away"], "prompts": ["box"], "metrics": METRICS},
    "again": {"datasets": ["set"], "models": ["sam3"], "prompts": ["concepts"], "metrics": ["iou"]},
}


def table(cells=CELLS, experiments=EXPERIMENTS, seed=1):
    return pd.DataFrame(list(estimates(cells, experiments, STATISTICS, seed)))


ROWS = table()


def of(experiment, model, **wanted):
    rows = ROWS[(ROWS["experiment"] == experiment) & (ROWS["model"] == model)]
    for name, value in wanted.items():
        rows = rows[rows[name] == value]
    return rows


def test_every_metric_of_every_cell_has_its_row(tmp_path):
    tables.write(tmp_path / "estimates.parquet", "estimates", ROWS)
    assert len(tables.read(tmp_path / "estimates.parquet", "estimates")) == len(ROWS)
    whole = ROWS[ROWS["stratum"] == "all"]
    assert whole["experiment"].tolist() == ["concepts"] * 5 + ["boxes"] * 10 + ["again"]
    for metric in METRICS:
        row = of("concepts", "sam3", metric=metric, stratum="all").iloc[0]
        assert (
            row["value"] == pytest.approx(evaluate(metric, PAIRS)) and row["ci_low"] <= row["value"] <= row["ci_high"]
        )


def test_phrases_are_strata_of_what_means_anything_for_one():
    phrases = sorted(PAIRS["phrase"].unique())
    for metric in ("iou", "precision", "pmf1"):
        rows = of("concepts", "sam3", metric=metric)
        assert rows["stratum"].tolist() == ["all", *phrases]
        for phrase in phrases[1:]:
            value = rows[rows["stratum"] == phrase]["value"].iat[0]
            assert value == pytest.approx(evaluate(metric, PAIRS[PAIRS["phrase"] == phrase]))
    for metric in ("il-mcc", "prompts-per-image"):
        assert of("concepts", "sam3", metric=metric)["stratum"].tolist() == ["all"]
    # Phrase 0 is absent from every image.
    absent = of("concepts", "sam3", metric="iou", stratum="phrase 0").iloc[0]
    assert pd.isna(absent["value"]) and absent["note"] == "not evaluable: no labelled instance is asked for"


def test_spatial_prompts_have_the_whole_alone():
    rows = of("boxes", "sam2")
    assert rows["stratum"].tolist() == ["all"] * 5
    notes = dict(zip(rows["metric"], rows["note"], strict=True))
    assert notes["pmf1"] == notes["il-mcc"] == "not evaluable: spatial prompts name no concept" and notes["iou"] is None


def test_skipped_cells_say_so():
    rows = of("boxes", "away")
    assert rows["metric"].tolist() == METRICS and rows["value"].isna().all()
    assert set(rows["note"]) == {"skipped: weights not available (no access)"}
    assert (rows[["n_images", "n_instances"]] == 0).all(axis=None)


def test_counts_are_of_what_the_metric_rests_on():
    whole = of("concepts", "sam3", stratum="all").set_index("metric")
    present = PAIRS[PAIRS["n_truth"] > 0]
    assert whole.at["iou", "n_images"] == present["image_id"].nunique() < PAIRS["image_id"].nunique()
    assert whole.at["precision", "n_images"] == PAIRS["image_id"].nunique()
    assert set(whole["n_instances"]) == {PAIRS["n_truth"].sum()}


def test_an_undefined_value_has_a_note_and_its_counts():
    silent = PAIRS.assign(n_predicted=0, tp=[[0] * 10] * len(PAIRS))
    experiment = {"one": {"datasets": ["d"], "models": ["m"], "prompts": ["p"], "metrics": ["precision"]}}
    row = table({("d", "m", "p"): Cell(silent)}, experiment).iloc[0]
    assert row["value"] is None and row["n_images"] > 0
    assert row["note"] == "not evaluable: the value is undefined, as its denominator is 0"


def test_a_number_depends_on_its_cell_and_seed_alone():
    few = {"again": EXPERIMENTS["again"]}
    ours = table(experiments=few).drop(columns="experiment").reset_index(drop=True)
    theirs = of("concepts", "sam3", metric="iou").drop(columns="experiment").reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)
    other = table(experiments=few, seed=2).drop(columns="experiment")
    assert other["value"].iat[0] == ours["value"].iat[0] and other["ci_low"].iat[0] != ours["ci_low"].iat[0]


def test_cells_are_drawn_apart():
    experiment = {"one": {"datasets": ["d"], "models": ["m", "n"], "prompts": ["p"], "metrics": ["iou"]}}
    rows = table({("d", "m", "p"): Cell(BOXES), ("d", "n", "p"): Cell(BOXES)}, experiment)
    assert rows["value"].nunique() == 1 and rows["ci_low"].nunique() == 2


def test_no_prompt_at_all():
    row = table(
        {("d", "m", "p"): Cell(PAIRS.iloc[:0])},
        {"one": {"datasets": ["d"], "models": ["m"], "prompts": ["p"], "metrics": ["iou"]}},
    )
    assert row["note"].tolist() == ["not evaluable: the labels do not say what a right answer is"]


@pytest.mark.parametrize("metric", METRICS)
def test_the_order_of_pairs_hardly_matters(metric):
    experiment = {"one": {"datasets": ["d"], "models": ["m"], "prompts": ["p"], "metrics": [metric]}}
    one, other = (table({("d", "m", "p"): Cell(pairs)}, experiment) for pairs in (PAIRS, PAIRS[::-1]))
    for column in ("value", "ci_low", "ci_high"):
        assert one[column].tolist() == pytest.approx(other[column].tolist(), abs=1e-12, nan_ok=True)
