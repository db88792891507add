"""Statistics of prompts of any kind: clicks."""

import pytest

from samgap.matching.shard import match_shard
from tests.helpers.matching import make_tables
from tests.helpers.scenes import square_mask
from tests.helpers.sums import evaluate


def make_click_tables(masks):
    predictions = [("p", k, 1, 1 - k / 9, mask) for k, mask in enumerate(masks)]
    return make_tables([("p", 1, "clicks", None, [1])], predictions)


def test_the_iou_after_each_click_is_in_the_order_of_the_clicks():
    masks, *inputs = make_click_tables([square_mask(2, 2, 6), square_mask(2, 5, 6)])
    _, _, pairs = match_shard(masks.assign(clicks=[2, 1]), *inputs, 0.5)
    assert pairs["click_iou"].iat[0] == pytest.approx([1 / 3, 1]) and pairs["sum_iou"].tolist() == [1]


def test_the_mask_after_the_last_click_counts():
    masks, *inputs = make_click_tables([square_mask(2, left, 6) for left in (9, 5, 3, 2)])
    _, _, pairs = match_shard(masks.assign(clicks=[1, 2, 3, 4]), *inputs, 0.5)
    assert pairs["sum_iou"].tolist() == [1] and pairs["click_iou"].iat[0] == pytest.approx([0, 1 / 3, 30 / 42, 1])
    assert evaluate("noc-90", pairs) == 4 and evaluate("noc-90-failures", pairs) == 0
    assert evaluate("iou-after-clicks-3", pairs) == pytest.approx(30 / 42) and evaluate("prompts-per-image", pairs) == 4
    _, _, pairs = match_shard(masks.iloc[:3].assign(clicks=[1, 2, 3]), *inputs, 0.5)
    assert evaluate("noc-80", pairs) == 20 and evaluate("noc-80-failures", pairs) == 1
    assert evaluate("iou-after-clicks-20", pairs) == pytest.approx(30 / 42)
