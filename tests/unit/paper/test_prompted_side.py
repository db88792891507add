import pandas as pd
import pytest

from samgap.paper.prompted_side import compute_f1, compute_seconds, select_prompts_of
from tests.helpers.metric_pairs import PAIRS, make_pair
from tests.helpers.sums import make_table


def test_f1_is_that_of_the_statistics():
    # 2 of 3 apples matched, 1 missed in image 2, no pear in either, 2 pears found: 2 · 2 / (5 + 4).
    assert compute_f1(PAIRS) == pytest.approx(4 / 9)
    assert compute_f1(PAIRS[PAIRS["image_id"] == 1]) == pytest.approx(4 / 6)


def test_f1_without_instances_and_predictions_is_undefined():
    assert compute_f1(make_table("pairs", [make_pair()])) is None
    assert compute_f1(PAIRS.iloc[:0]) is None


def test_seconds_are_those_of_the_encoder_and_the_share_of_the_prompts():
    timing = pd.DataFrame([{"image_id": 1, "n_prompts": 4, "read_ms": 9.0, "encode_ms": 200.0, "decode_ms": 400.0}])
    assert compute_seconds(timing, 1) == pytest.approx(0.3)
    assert compute_seconds(timing, 4) == pytest.approx(0.6)
    assert compute_seconds(timing.iloc[:0], 1) is None
    assert compute_seconds(timing.assign(n_prompts=0), 1) is None


def test_prompts_of_instances_are_those_with_one_of_them():
    prompts = pd.DataFrame({"prompt_id": ["a", "b", "c", "d"], "truth_ids": [[1], [2, 3], [], None]})
    assert select_prompts_of(prompts, [1, 3])["prompt_id"].tolist() == ["a", "b"]
    assert select_prompts_of(prompts, []).empty
