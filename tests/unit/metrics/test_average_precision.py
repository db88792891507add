"""Average precision of equal scores: the same for every order of the rows and number of shards."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from tests.helpers.metric_pairs import make_pair
from tests.helpers.sums import evaluate, make_table

HITS = [f"hits_{shape}_{size}" for shape in ("mask", "box") for size in ("all", "small", "medium", "large")]


def pairs_of_equal_scores():
    """Make three images with one instance and one prediction of score 0.5 each: right, false, right."""
    rows = [
        {**make_pair(image, truth=1, predicted=1), "scores": [0.5], **{key: [hit] for key in HITS}}
        for image, hit in ((1, 1023), (2, 0), (3, 1023))
    ]
    return make_table("pairs", rows)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("metric", ["map", "map-50", "box-map"])
def test_equal_scores_are_ranked_by_image_id(metric, order):
    # Precision 1 up to a recall of 1/3 (34 of the 101 recalls), then 2/3 up to 2/3 (33); the third instance is missed.
    expected = (34 * 1 + 33 * 2 / 3) / 101
    pairs = pairs_of_equal_scores().iloc[list(order)]
    assert evaluate(metric, pairs) == pytest.approx(expected, abs=1e-12)


def test_equal_scores_of_one_image_are_ranked_by_prompt_and_prediction():
    pairs = pairs_of_equal_scores().assign(image_id=1, prompt_id=["b", "a", "c"])
    # The false one is first: precision 1/2 at the first match and 2/3 at the second, which counts for both recalls.
    (value,) = {evaluate("map-50", pairs.sample(frac=1, random_state=seed)) for seed in range(5)}
    assert value == pytest.approx(67 * (2 / 3) / 101, abs=1e-12)


def test_more_rows_of_equal_scores_do_not_depend_on_their_order():
    rng = np.random.default_rng(3)
    rows = []
    for image in range(40):
        hits = (1023 * rng.integers(0, 2, 6)).tolist()
        row = make_pair(image, truth=6, predicted=6)
        rows.append({**row, "scores": [0.9] * 3 + [0.5] * 3, **dict.fromkeys(HITS, hits)})
    pairs = make_table("pairs", rows)
    shuffled = [pairs.sample(frac=1, random_state=seed) for seed in range(6)]
    by_shards = pd.concat([pairs.iloc[start::3] for start in range(3)])
    assert len({evaluate("map", table) for table in (pairs, by_shards, *shuffled)}) == 1
