"""Metrics of the published code."""

import numpy as np
import pytest

from samgap.matching.shard import match_shard
from tests.helpers.matching import phrase_tables
from tests.helpers.scenes import square_mask
from tests.helpers.sums import evaluate

APPLE = square_mask(2, 2, 6)
COLUMNS = np.arange(APPLE.shape[1])


def test_the_greedy_matching_of_the_published_code_skips_left_out_masks():
    # Ranked first: a mask inside `ignore`; second: a match.
    _, _, pairs = match_shard(*phrase_tables([(0.9, square_mask(14, 14, 8)), (0.8, APPLE)]), 0.5)
    assert pairs["n_predicted"].tolist() == [1]
    assert evaluate("upstream-greedy-precision", pairs) == 1 and evaluate("upstream-greedy-recall", pairs) == 1 / 2


@pytest.mark.parametrize("is_covered_by_two", [False, True])
def test_one_rule_for_ignored_instances_holds_in_every_metric(is_covered_by_two):
    # The second mask lies half in `ignore` instances: in their union, or in one of them.
    halves = [(3, square_mask(14, 14, 8) & (COLUMNS < 16), True), (4, square_mask(14, 14, 8) & (COLUMNS >= 20), True)]
    ignored = halves if is_covered_by_two else [(3, square_mask(14, 14, 8) & (COLUMNS < 18), True)]
    instances = {1: [(1, APPLE, False), *ignored]}
    _, _, pairs = match_shard(*phrase_tables([(0.9, square_mask(14, 14, 8)), (0.8, APPLE)], [1], instances), 0.5)
    (row,) = pairs.to_dict("records")
    assert row["n_predicted"] == row["box_predicted"] == row["greedy_predicted"] == 1
    assert row["sweep_predicted"][:2] == [1, 1] and list(row["excused"]) == [True, False]
    assert evaluate("upstream-greedy-f1", pairs) == evaluate("f1-50", pairs) == evaluate("f1-score-50", pairs) == 1
    assert evaluate("calibration", pairs) == pytest.approx(0.2)


def test_the_greedy_matching_has_the_score_threshold():
    _, _, pairs = match_shard(
        *phrase_tables([(0.4, APPLE), (0.6, square_mask(2, 14, 6)), (0.7, square_mask(18, 0, 4))]), 0.5
    )
    assert evaluate("upstream-greedy-precision", pairs) == 1 / 2
    assert evaluate("upstream-greedy-recall", pairs) == 1 / 2
