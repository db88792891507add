"""The score threshold that is chosen on validation images."""

import pytest

from samgap.metrics import load_metric
from samgap.statistics.strata import Cell
from samgap.statistics.thresholds import choose_threshold
from samgap.tables.matching import SCORE_THRESHOLDS
from tests.helpers.metric_pairs import PAIRS, make_pair
from tests.helpers.sums import evaluate, make_table

INDEX = {score: index for index, score in enumerate(SCORE_THRESHOLDS)}


def make_cell(counts, truth=4, skip_reason=None, exhaustive=True, **columns):
    """Make a cell of one phrase: `counts` has (tp, predicted) by the score from which on they hold."""
    tp, predicted, current = [], [], (0, 0)
    for score in SCORE_THRESHOLDS:
        current = counts.get(score, current)
        tp.append(current[0])
        predicted.append(current[1])
    row = make_pair(truth=truth) | {"sweep_tp": tp, "sweep_predicted": predicted, **columns}
    return Cell(make_table("pairs", [row]), None, skip_reason, exhaustive)


def find_chosen(cell, official=0.5):
    rows = list(choose_threshold(cell, official))
    assert [row["score"] for row in rows] == list(SCORE_THRESHOLDS)
    return [row["score"] for row in rows if row["is_chosen"]], rows


def test_the_threshold_with_the_highest_f1_is_chosen():
    # F1: 8 / 14, then 8 / 8, then 4 / 6.
    chosen, rows = find_chosen(make_cell({0.05: (4, 10), 0.3: (4, 4), 0.35: (2, 2)}))
    assert chosen == [0.3]
    row = rows[INDEX[0.05]]
    assert (row["precision"], row["recall"], row["f1"], row["note"]) == (0.4, 1.0, pytest.approx(8 / 14), None)
    assert row["criterion"] == "f1-50" and row["n_left_out"] is None and row["n_images"] == 1


@pytest.mark.parametrize(("official", "score"), [(0.1, 0.2), (0.33, 0.35), (0.5, 0.4), (0.3, 0.3), (0.325, 0.35)])
def test_of_equal_values_the_nearest_to_the_official_threshold_is_chosen(official, score):
    assert find_chosen(make_cell({0.05: (1, 9), 0.2: (4, 4), 0.45: (1, 1)}), official)[0] == [score]


def test_without_exhaustive_labels_far_predictions_do_not_count():
    counts = {0.05: (4, 10), 0.3: (3, 3)}
    assert find_chosen(make_cell(counts))[0][0] >= 0.3
    far = [6] * INDEX[0.3] + [0] * (len(SCORE_THRESHOLDS) - INDEX[0.3])
    chosen, rows = find_chosen(make_cell(counts, exhaustive=False, sweep_far=far))
    assert chosen == [0.25]
    assert (rows[0]["precision"], rows[0]["f1"], rows[0]["n_left_out"]) == (1.0, 1.0, 6)
    assert rows[0]["criterion"] == "f1-50-near-labels"


@pytest.mark.parametrize(
    ("cell", "note"),
    [
        (make_cell({0.05: (0, 3)}), "not evaluable: no prediction matches an instance at any score"),
        (make_cell({}, truth=0), "not evaluable: no phrase is present in a validation image"),
        (make_cell({}, skip_reason="no access"), "skipped: no access"),
    ],
)
def test_where_there_is_no_best_threshold_none_is_chosen(cell, note):
    chosen, rows = find_chosen(cell)
    assert chosen == [] and {row["note"] for row in rows} == {note} and rows[0]["f1"] is None


def test_a_skipped_cell_has_no_rows_and_no_threshold():
    cell = make_cell({})
    chosen, _ = find_chosen(Cell(cell.pairs.iloc[:0], None, "no access"))
    assert chosen == []


def test_f1_is_that_of_the_metric_at_the_same_score():
    _, rows = find_chosen(Cell(PAIRS, None, None))
    for row in rows:
        assert row["f1"] == pytest.approx(evaluate(f"f1-score-{round(100 * row['score']):02d}", PAIRS))


def test_metrics_at_the_chosen_score_need_one():
    reason = load_metric("f1-50-chosen").not_evaluable_reason(PAIRS.assign(chosen_score=None))
    assert reason == "not evaluable: no score threshold was chosen for the model on other images"


def test_the_best_and_the_mean_f1_of_the_sweep():
    pairs = make_cell({0.05: (4, 10), 0.3: (4, 4), 0.35: (0, 0)}).pairs
    assert evaluate("f1-sweep-best", pairs) == 1
    assert evaluate("f1-sweep-mean", pairs) == pytest.approx((5 * 8 / 14 + 1) / 19)
