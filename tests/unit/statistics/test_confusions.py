"""Confusion matrices of attributes: counts, shares and intervals."""

import numpy as np
import pandas as pd
import pytest

from samgap.statistics import bootstrap
from samgap.statistics.clusters import assign_clusters
from samgap.statistics.confusions import compute_confusions, summarize_shares
from samgap.statistics.intervals import compute_interval
from samgap.statistics.strata import Cell
from samgap.tables.statistics import CONFUSIONS
from tests.helpers.reference import ReferenceShard
from tests.helpers.sums import confusion_matrix, evaluate, images_table, make_sums, make_table

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
        interval = compute_interval(shares, [make_sums(n_claimed, n_true)], [assign_clusters(IMAGES)], 0.95)
        assert (row.ci_low, row.ci_high) == pytest.approx((interval.low, interval.high), abs=1e-9)
        assert row.ci_low <= row.share <= row.ci_high
        assert row.n_clusters == (n_true > 0).sum() <= row.n_clusters_total == 12


def test_cells_without_the_metric_or_without_phrases_have_no_row():
    assert compute(metrics=["iou"]).empty and compute(models=["unavailable", "clicks"]).empty


def compute_phrases(rows, n_images=12):
    """Compute the confusions of phrases for one attribute, from the columns of their pairs."""
    fields = {"kind": "phrase", "phrase": "apple", "evaluable": True, "exhaustive": True}
    pairs = make_table("pairs", [{**fields, "prompt_id": str(k), **row} for k, row in enumerate(rows)])
    cells = {("set", "m", "p"): Cell(pairs)}
    experiment = {"datasets": ["set"], "models": ["m"], "prompts": ["p"], "metrics": ["attribute-accuracy"]}
    images = {"set": images_table(n_images)}
    return pd.DataFrame(list(compute_confusions(cells.get, images, {"e": experiment}, SETTINGS, 3))), pairs


@pytest.mark.parametrize("n_values", [2, 3, 6, 7, 10])
def test_instances_are_counted_whole_where_scores_are_equal(n_values):
    # The shares 1/k of k values do not add up to 1 in floating point: six times 1/6 is 0.9999999999999999.
    values = [f"value {number}" for number in range(n_values)]
    rows = [
        {
            "image_id": image,
            "attributes": [("ripeness", value)],
            "n_truth": image,
            "claimed": [(claimed, sum([1 / n_values] * image)) for claimed in values],
        }
        for image in range(1, 13)
        for value in values
    ]
    table, pairs = compute_phrases(rows)
    assert table["n_instances"].tolist() == [sum(range(1, 13))] * len(table) and len(table) == n_values * (n_values + 1)
    assert table.groupby("value")["n_claimed"].sum().to_numpy() == pytest.approx(sum(range(1, 13)))
    assert table.groupby("value")["share"].sum().to_numpy() == pytest.approx(1)
    assert evaluate("attribute-accuracy-found", pairs) == 1


def test_pairs_of_lost_labels_are_counted_in_the_warning():
    rows = []
    for image in range(1, 11):
        for value in ("ripe", "unripe"):
            is_lost = image <= 2 or (image == 3 and value == "ripe")
            row = {"image_id": image, "attributes": [("ripeness", value)], "lost_labels": is_lost}
            row |= {"evaluable": not is_lost, "n_truth": 0 if is_lost else 2}
            rows.append({**row, "claimed": None if is_lost else [("ripe", 1.0), ("unripe", 1.0)]})
    table, _ = compute_phrases(rows, n_images=10)
    warnings = dict(zip(table["value"], table["warning"], strict=True))
    assert warnings["ripe"].endswith("without 3 image-phrase pairs, of which labels were lost")
    assert warnings["unripe"].endswith("without 2 image-phrase pairs, of which labels were lost")
    assert table.groupby("value")["n_instances"].first().to_dict() == {"ripe": 14, "unripe": 16}


def test_images_that_carry_a_share_are_counted_and_not_their_groups():
    rows = [
        {"image_id": image, "attributes": [("ripeness", "ripe")], "n_truth": 1, "claimed": [("ripe", 1.0)]}
        for image in range(1, 9)
    ]
    _, pairs = compute_phrases(rows)
    clustering = assign_clusters(images_table(12, make_group=lambda image: str(image // 2)))
    (share, _) = summarize_shares(pairs, clustering).values()
    assert (share.n_images, share.n_images_total, share.n_clusters) == (8, 8, 5)
