"""First clicks."""

import numpy as np

from samgap.masks.clicks import find_next_click
from samgap.prompts import clicks, point


def test_clicks_start_at_the_centre_and_state_their_maximum_number(truth, seed):
    rows = list(clicks.generate_prompts(truth, {"clicks": 7}, seed))
    assert [row["points"] for row in rows] == [row["points"] for row in point.generate_prompts(truth, {}, seed)]
    assert [row["clicks"] for row in rows] == [7, 7, 7]
    for row in rows:
        instance = next(item for item in truth.instances_of(1) if item.id == row["truth_ids"][0])
        assert row["points"] == [find_next_click(instance.decode_mask(), np.zeros((20, 30), bool))]
