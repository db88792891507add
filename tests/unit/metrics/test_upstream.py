"""Metrics of the published code."""

from samgap.matching.shard import match_shard
from tests.helpers.matching import phrase_tables
from tests.helpers.scenes import square_mask
from tests.helpers.sums import evaluate

APPLE = square_mask(2, 2, 6)


def test_the_greedy_matching_of_the_published_code_skips_left_out_masks():
    # Ranked first: a mask inside `ignore`; second: a match.
    _, _, pairs = match_shard(*phrase_tables([(0.9, square_mask(14, 14, 8)), (0.8, APPLE)]), 0.5)
    assert pairs["n_predicted"].tolist() == [1]
    assert evaluate("upstream-greedy-precision", pairs) == 1 and evaluate("upstream-greedy-recall", pairs) == 1 / 2
