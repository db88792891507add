"""Estimates: rows, strata, counts, notes and determinism."""

import numpy as np
import pandas as pd
import pytest

from samgap.metrics import load_metric
from samgap.statistics.estimates import compute_estimates
from samgap.statistics.strata import Cell
from samgap.tables.statistics import ESTIMATES
from tests.helpers.sums import evaluate, images_table, make_table, random_results, to_box_prompts

SETTINGS = {"resamples": 300, "confidence": 0.95, "score-threshold": 0.5}
METRICS = ["iou", "precision", "pmf1", "il-mcc", "prompts-per-image"]
IMAGES = images_table(12)
PAIRS, INSTANCES = random_results(3, IMAGES)
BOXES = to_box_prompts(PAIRS)
LIGHTINGS = ["lighting: dusk", "lighting: sun"]
INSTANCE_STRATA = ["area: small", "area: medium", "area: large", "ripeness: ripe", "ripeness: unripe"]
CELLS = {
    ("set", "sam3", "concepts"): Cell(PAIRS, INSTANCES),
    ("set", "sam2", "box"): Cell(BOXES),
    ("set", "unavailable", "box"): Cell(PAIRS.iloc[:0], skip_reason="weights not available (no access)"),
}
EXPERIMENTS = {
    "concepts": {"datasets": ["set"], "models": ["sam3"], "prompts": ["concepts"], "metrics": METRICS},
    "boxes": {"datasets": ["set"], "models": ["sam2", "unavailable"], "prompts": ["box"], "metrics": METRICS},
    "again": {"datasets": ["set"], "models": ["sam3"], "prompts": ["concepts"], "metrics": ["iou"]},
}


def compute(cells=CELLS, experiments=EXPERIMENTS, seed=1, images=IMAGES):
    return pd.DataFrame(list(compute_estimates(cells.get, {"set": images}, experiments, SETTINGS, seed)))


def compute_single(cell, metric, models=("m",), **changed):
    """Compute an experiment with one metric, on the same cell for each model."""
    experiment = {"datasets": ["set"], "models": list(models), "prompts": ["p"], "metrics": [metric]}
    return compute({("set", model, "p"): cell for model in models}, {"one": experiment}, **changed)


ROWS = compute()


def select(experiment, model, **values):
    rows = ROWS[(ROWS["experiment"] == experiment) & (ROWS["model"] == model)]
    for name, value in values.items():
        rows = rows[rows[name] == value]
    return rows


def test_every_metric_of_every_cell_has_a_row(tmp_path):
    ESTIMATES.write(tmp_path / "estimates.parquet", ROWS)
    assert len(ESTIMATES.read(tmp_path / "estimates.parquet")) == len(ROWS)
    all_rows = ROWS[ROWS["stratum"] == "all"]
    assert all_rows["experiment"].tolist() == ["concepts"] * 5 + ["boxes"] * 10 + ["again"]
    for metric in METRICS:
        row = select("concepts", "sam3", metric=metric, stratum="all").iloc[0]
        assert row["value"] == pytest.approx(evaluate(metric, PAIRS))
        if metric == "prompts-per-image":
            assert pd.isna(row["ci_low"]) and row["warning"].endswith(
                "the 12 images that carry the value do not differ"
            )
        else:
            assert row["ci_low"] <= row["value"] <= row["ci_high"] and row["warning"] is None


def test_strata_depend_on_the_flags_of_the_metric():
    phrases = sorted(PAIRS["phrase"].unique())
    assert select("concepts", "sam3", metric="iou")["stratum"].tolist() == [
        "all",
        *phrases,
        *LIGHTINGS,
        *INSTANCE_STRATA,
    ]
    for metric in ("precision", "pmf1"):
        assert select("concepts", "sam3", metric=metric)["stratum"].tolist() == ["all", *phrases, *LIGHTINGS]
    for metric in ("il-mcc", "prompts-per-image"):
        assert select("concepts", "sam3", metric=metric)["stratum"].tolist() == ["all", *LIGHTINGS]
    # Phrase 0 is absent from every image.
    absent = select("concepts", "sam3", metric="iou", stratum="phrase 0").iloc[0]
    assert pd.isna(absent["value"]) and absent["note"] == "not evaluable: no labelled instance is prompted"


@pytest.mark.parametrize("metric", METRICS)
def test_value_of_a_stratum_is_the_metric_of_its_rows(metric):
    for stratum, pairs in CELLS["set", "sam3", "concepts"].iter_strata(load_metric(metric)):
        value = select("concepts", "sam3", metric=metric, stratum=stratum)["value"].iat[0]
        assert value == pytest.approx(evaluate(metric, pairs), nan_ok=True)


def test_spatial_prompts_have_no_strata_of_phrases():
    rows = select("boxes", "sam2")
    assert set(rows["stratum"]) == {"all", *LIGHTINGS}
    all_rows = rows[rows["stratum"] == "all"]
    notes = dict(zip(all_rows["metric"], all_rows["note"], strict=True))
    assert notes["pmf1"] == notes["il-mcc"] == "not evaluable: spatial prompts name no concept" and notes["iou"] is None


def test_skipped_cells_have_a_note():
    rows = select("boxes", "unavailable")
    assert rows["metric"].tolist() == METRICS and rows["value"].isna().all()
    assert set(rows["note"]) == {"skipped: weights not available (no access)"}
    assert (rows[["n_images", "n_instances"]] == 0).all(axis=None)


def test_counts_are_of_the_rows_that_the_metric_counts():
    all_rows = select("concepts", "sam3", stratum="all").set_index("metric")
    present = PAIRS[PAIRS["n_truth"] > 0]
    assert all_rows.at["iou", "n_images"] == present["image_id"].nunique() < PAIRS["image_id"].nunique()
    assert all_rows.at["precision", "n_images"] == PAIRS["image_id"].nunique()
    assert set(all_rows["n_instances"]) == {PAIRS["n_truth"].sum()}


def test_undefined_value_has_a_note_and_counts():
    row = compute_single(Cell(PAIRS.assign(n_predicted=0, tp=[[0] * 10] * len(PAIRS))), "precision").iloc[0]
    assert row["value"] is None and (row["n_images"], row["n_images_total"], row["n_clusters_total"]) == (0, 12, 12)
    assert row["note"] == "not evaluable: the value is undefined, as its denominator is 0"


def test_value_depends_on_cell_and_seed_only():
    experiments = {"again": EXPERIMENTS["again"]}
    rows = compute(experiments=experiments).drop(columns="experiment").reset_index(drop=True)
    expected = select("concepts", "sam3", metric="iou").drop(columns="experiment").reset_index(drop=True)
    pd.testing.assert_frame_equal(rows, expected, check_dtype=False)
    other_seed = compute(experiments=experiments, seed=2).drop(columns="experiment")
    assert other_seed["value"].iat[0] == rows["value"].iat[0] and other_seed["ci_low"].iat[0] != rows["ci_low"].iat[0]


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name, rows in (("one", ROWS), ("two", compute())):
        ESTIMATES.write(tmp_path / name, rows)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_cells_of_a_data_set_share_the_resamples():
    rows = compute_single(Cell(BOXES), "iou", models=["m", "n"])
    assert len(rows) == 6 and rows.drop_duplicates(["stratum", "value", "ci_low", "ci_high"]).shape[0] == 3


def test_groups_are_resampled():
    cell = Cell(PAIRS)
    by_image = compute_single(cell, "iou").iloc[0]
    assert (by_image["clusters"], by_image["warning"]) == ("image", None)
    assert by_image["n_clusters"] == by_image["n_images"] == 11  # one of twelve images has no instance
    images_of_20_groups = images_table(40, make_group=lambda image: f"video {image % 20}")
    row = compute_single(Cell(random_results(1, images_of_20_groups)[0]), "iou", images=images_of_20_groups).iloc[0]
    assert (row["clusters"], row["n_clusters"], row["n_images"], row["warning"]) == ("group", 20, 39, None)
    four_groups, three_groups = (
        compute_single(
            cell, "iou", images=images_table(12, make_group=lambda image, n=n_groups: f"video {image % n}")
        ).iloc[0]
        for n_groups in (4, 3)
    )
    assert (four_groups["clusters"], four_groups["n_clusters"], four_groups["warning"]) == ("group", 4, None)
    assert four_groups["ci_low"] < four_groups["value"] < four_groups["ci_high"]
    assert three_groups["clusters"] == "group" and three_groups["value"] == by_image["value"]
    assert three_groups["ci_low"] is None and three_groups["ci_high"] is None
    assert three_groups["warning"] == "no interval: too few groups for an interval (3; at least 4)"


def test_counts_are_of_images_that_carry_the_value():
    # Precision of a phrase with predictions on 3 or 6 of twelve images: the others have the denominator 0.
    for n_predicting in (3, 6):
        has_predictions = PAIRS["image_id"] <= n_predicting
        pairs = PAIRS.assign(
            n_predicted=np.where(has_predictions, 2, 0),
            tp=[[1] * 10 if found else [0] * 10 for found in has_predictions],
        )
        row = compute_single(Cell(pairs[pairs["phrase"] == "phrase 0"]), "precision").iloc[0]
        assert row["value"] == 0.5 and (row["n_images"], row["n_images_total"]) == (n_predicting, 12)
        assert (row["n_clusters"], row["n_clusters_total"]) == (n_predicting, 12)
        # None of the drawn images has predictions with the probability (1 - k/12)^12: 3.2 % and 0.02 %.
        assert row["undefined_resamples"] == pytest.approx((1 - n_predicting / 12) ** 12, abs=0.03)
        reason = "no interval: 3 of 12 images carry the value (at least 4)"
        assert (row["warning"], row["ci_low"] is None) == ((reason, True) if n_predicting == 3 else (None, False))


def test_similar_images_of_a_video_widen_the_interval():
    videos = images_table(60, make_group=lambda image: f"video {image % 12}")
    first = random_results(5, images_table(12))[0]
    copies = [first.assign(image_id=first["image_id"] + 12 * times) for times in range(5)]
    cell = Cell(pd.concat(copies, ignore_index=True))
    by_video, by_image = (compute_single(cell, "iou", images=images).iloc[0] for images in (videos, images_table(60)))
    assert by_video["value"] == by_image["value"]
    ratio = (by_video["ci_high"] - by_video["ci_low"]) / (by_image["ci_high"] - by_image["ci_low"])
    assert 1.6 < ratio < 3.0  # the root of 5, within sampling error


def test_one_image_has_a_value_but_no_interval():
    row = compute_single(Cell(PAIRS[PAIRS["image_id"] == 4]), "f1-50").iloc[0]
    assert row["n_clusters"] == 1 and row["value"] > 0 and row["ci_low"] is None and row["ci_high"] is None
    assert row["warning"] == "no interval: 1 of 1 image carries the value (at least 4)"


def test_cell_without_prompts_has_a_note():
    row = compute_single(Cell(make_table("pairs", []), make_table("instances", [])), "iou")
    assert row["note"].tolist() == ["not evaluable: the labels do not determine the correct prediction"]


@pytest.mark.parametrize("metric", METRICS)
def test_order_of_pairs_does_not_matter(metric):
    first, second = (compute_single(Cell(pairs), metric) for pairs in (PAIRS, PAIRS[::-1]))
    for column in ("value", "ci_low", "ci_high"):
        assert first[column].tolist() == pytest.approx(second[column].tolist(), abs=1e-12, nan_ok=True)


def test_pairs_of_lost_labels_are_counted_in_the_warning():
    is_lost = PAIRS["image_id"].isin([3, 4]) & (PAIRS["phrase"] != "phrase 0")
    lost = PAIRS.assign(evaluable=~is_lost, lost_labels=is_lost, n_truth=PAIRS["n_truth"].where(~is_lost, 0))
    row = compute_single(Cell(lost), "precision").iloc[0]
    assert row["value"] == pytest.approx(evaluate("precision", PAIRS[~is_lost]))
    assert row["warning"] == "without 6 image-phrase pairs, of which labels were lost"
    # A phrase of things without labels counts in the leakage alone.
    leaves = lost[is_lost & (lost["phrase"] == "phrase 1")].assign(
        kind="other", phrase="leaf", prompt_id="leaf", n_truth=0
    )
    rows = compute_single(Cell(pd.concat([lost, leaves], ignore_index=True)), "precision").set_index("stratum")
    assert rows.at["all", "warning"] == row["warning"]
    assert rows.at["leaf", "note"] == "not evaluable: the labels do not determine the correct prediction"
    boxes = compute_single(Cell(BOXES), "iou").iloc[0]
    assert boxes["warning"] is None
    [phrase] = compute_single(Cell(lost[is_lost & (lost["phrase"] == "phrase 1")]), "precision")["note"].unique()
    assert phrase == "not evaluable: every image lost labels of the phrases"
