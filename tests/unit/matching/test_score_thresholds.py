"""The counts of phrases at a chosen score threshold, and far predictions in the sweep."""

import pandas as pd
import pytest

from samgap.errors import UserError
from samgap.matching.score_thresholds import read_chosen_score
from samgap.matching.shard import match_shard
from samgap.tables.matching import SCORE_THRESHOLDS
from tests.helpers.matching import make_tables, phrase_tables
from tests.helpers.scenes import square_mask

FIRST, SECOND = square_mask(2, 2, 6), square_mask(2, 14, 6)
FAR = square_mask(20, 28, 3)
PREDICTIONS = [(0.9, FIRST), (0.45, SECOND), (0.35, FAR)]


@pytest.mark.parametrize(
    ("chosen", "counts"), [(0.3, (3, 1, 2)), (0.4, (2, 0, 2)), (0.5, (1, 0, 1)), (0.95, (0, 0, 0))]
)
def test_counts_at_the_chosen_score(chosen, counts):
    pairs = match_shard(*phrase_tables(PREDICTIONS), 0.5, chosen_score=chosen)[2]
    row = pairs.iloc[0]
    assert (row["chosen_predicted"], row["chosen_far"], row["chosen_tp"][0]) == counts
    assert row["chosen_score"] == chosen and row["n_predicted"] == 1


def test_the_chosen_score_changes_no_other_column():
    tables = phrase_tables(PREDICTIONS)
    with_choice, without = (match_shard(*tables, 0.5, chosen_score=score) for score in (0.3, None))
    chosen = [name for name in without[2].columns if name.startswith("chosen_")]
    assert len(chosen) == 4 and without[2][chosen].isna().all(axis=None)
    for first, second in zip(with_choice, without, strict=True):
        pd.testing.assert_frame_equal(
            first.drop(columns=chosen, errors="ignore"), second.drop(columns=chosen, errors="ignore")
        )


def test_spatial_prompts_have_no_chosen_score():
    tables = make_tables([("p", 1, "box", None, [1])], [("p", 1, 1, 0.2, FIRST)])
    pairs = match_shard(*tables, 0.5, chosen_score=0.3)[2]
    assert pd.isna(pairs["chosen_score"].iat[0]) and pairs["n_predicted"].iat[0] == 1


def test_the_sweep_counts_far_predictions():
    far = match_shard(*phrase_tables(PREDICTIONS), 0.5)[2]["sweep_far"].iat[0]
    assert far == [int(score <= 0.35) for score in SCORE_THRESHOLDS]


def test_the_chosen_score_of_a_table():
    table = pd.DataFrame({"score": [0.2, 0.4], "is_chosen": [False, True]})
    assert read_chosen_score(table) == 0.4
    assert read_chosen_score(table.assign(is_chosen=False)) is None
    with pytest.raises(UserError, match="2 thresholds are chosen instead of one"):
        read_chosen_score(table.assign(is_chosen=True))
