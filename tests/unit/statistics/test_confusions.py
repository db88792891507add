"""Confusion matrices of attributes: counts, shares and intervals."""

import numpy as np
import pandas as pd
import pytest

from samgap.statistics import bootstrap
from samgap.statistics.clusters import assign_clusters
from samgap.statistics.confusions import compute_confusions
from samgap.statistics.intervals import compute_interval
from samgap.statistics.strata import Cell
from samgap.tables.statistics import CONFUSIONS
from tests.helpers.reference import ReferenceShard
from tests.helpers.sums import confusion_matrix, evaluate, make_sums

SHARD = ReferenceShard(1, n_images=12, with_extra_errors=True)
PAIRS = SHARD.pairs.reset_index(drop=True)
IMAGES = SHARD.images.assign(strata=None)
SETTINGS = {"resamples": 400, "confidence": 0.95}
CELLS = {
    ("set", "words", "p"): Cell(PAIRS),
    ("set", "unavailable", "p"): Cell(PAIRS.iloc[:0], skip_reason="weights not available (no access)"),
    ("set", "clicks", "p"): Cell(PAIRS[PAIRS["kind"] == "clicks"]),
}


def compute(metrics=("iou", "attribute-accuracy"), models=("words", "unavailable", "clicks")):
    experiment = {"datasets": ["set"], "models": list(models), "prompts": ["p"], "metrics": list(metrics)}
    # Two experiments with the same cells: each cell has its rows once.
    experiments = {"one": experiment, "two": experiment}
    return pd.DataFrame(list(compute_confusions(CELLS.get, {"set": IMAGES}, experiments, SETTINGS, 3)))


ROWS = compute()


def test_counts_are_those_of_the_confusion_matrix(tmp_path):
    CONFUSIONS.write(tmp_path / "c.parquet", ROWS)
    assert len(CONFUSIONS.read(tmp_path / "c.parquet")) == len(ROWS)
    assert set(ROWS["model"]) == {"words"} and set(ROWS["attribute"]) == {"ripeness"}
    counts = confusion_matrix(PAIRS, "ripeness")
    for row in ROWS.itertuples():
        is_counted = row.value in counts.index and row.claimed in counts.columns
        assert row.n_claimed == (counts.at[row.value, row.claimed] if is_counted else 0)
    assert ROWS["n_claimed"].sum() == counts.to_numpy().sum() and (ROWS["n_claimed"] > 0).sum() > 2


def test_shares_of_a_value_sum_to_one_and_the_diagonal_is_the_strict_accuracy():
    assert ROWS.groupby("value")["share"].sum().to_numpy() == pytest.approx(1)
    diagonal = ROWS[ROWS["claimed"] == ROWS["value"]]
    accuracy = diagonal["n_claimed"].sum() / diagonal["n_instances"].sum()
    assert accuracy == pytest.approx(evaluate("attribute-accuracy-strict", PAIRS))


def test_intervals_are_of_the_resampled_images():
    weights = np.concatenate(list(bootstrap.draw_counts(12, 400, bootstrap.seeded_generator(3, "resamples", "set"))))
    image_index = PAIRS["image_id"].to_numpy() - 1
    for row in ROWS.itertuples():
        counts = [
            dict(claimed or ()) if attributes == [("ripeness", row.value)] else {}
            for attributes, claimed in zip(PAIRS["attributes"], PAIRS["claimed"], strict=True)
        ]
        n_claimed = np.bincount(image_index, [count.get(row.claimed, 0) for count in counts], 12)
        n_true = np.bincount(image_index, [sum(count.values()) for count in counts], 12)
        with np.errstate(invalid="ignore"):
            shares = weights @ n_claimed / (weights @ n_true)
        interval = compute_interval(shares, [make_sums(n_claimed, n_true)], assign_clusters(IMAGES), 0.95)
        assert (row.ci_low, row.ci_high) == pytest.approx((interval.low, interval.high), abs=1e-9)
        assert row.ci_low <= row.share <= row.ci_high
        assert row.n_clusters == (n_true > 0).sum() <= row.n_clusters_total == 12


def test_cells_without_the_metric_or_without_phrases_have_no_row():
    assert compute(metrics=["iou"]).empty and compute(models=["unavailable", "clicks"]).empty
