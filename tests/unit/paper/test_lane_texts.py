import pandas as pd
import pytest

from samgap.paper.lane_measurements import COLUMNS
from samgap.paper.lane_texts import LaneTexts, format_number, format_seconds


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0621, "0.062"), (0.1, "0.10"), (1.0, "1.0"), (9.94, "9.9"), (9.96, "10"), (10.6, "11"), (123.4, "123")],
)
def test_numbers_have_two_digits_or_those_of_their_whole_part(value, text):
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.00634, "6.3 ms"), (0.0377, "38 ms"), (0.112, "0.11 s"), (1.04, "1.0 s"), (75.2, "75 s")]
)
def test_short_times_are_in_milliseconds(seconds, text):
    assert format_seconds(seconds) == text


def make_texts(*rows):
    return LaneTexts(pd.DataFrame([{"lane": "a", **row} for row in rows], columns=COLUMNS))


def test_a_large_number_of_prompts_has_no_decimals():
    texts = make_texts(
        {"quantity": "few", "value": 99.94, "low": 90.0, "high": 110.0}, {"quantity": "many", "value": 1024.0}
    )
    assert texts.format_count("a", "few", "points") == "99.9 [90.0, 110.0] points an image"
    assert texts.format_count("a", "many", "points") == "1024 points an image"


def test_the_decimals_of_a_metric_are_at_most_two():
    row = {"value": 0.8083, "low": 0.7899, "high": 0.8275}
    assert make_texts({"quantity": "iou", **row}).format_result("a", "iou") == "0.81 [0.79, 0.83]"
    row = {"value": 4.26, "low": 3.91, "high": 4.58}
    text = make_texts({"quantity": "prompts-per-image", **row}).format_result("a", "prompts-per-image")
    assert text == "4.3 [3.9, 4.6]"


def test_equal_reasons_have_one_footnote_and_other_reasons_another():
    texts = make_texts(
        {"quantity": "iou", "note": "skipped: no weights"},
        {"quantity": "recall", "note": "skipped: no weights"},
        {"quantity": "f1-50", "note": "not evaluable: no label"},
    )
    assert [texts.format_result("a", metric) for metric in ("iou", "f1-50", "recall")] == [
        "no data¹",
        "no data²",
        "no data¹",
    ]
    assert texts.list_footnotes() == ["¹ no data: skipped: no weights", "² no data: not evaluable: no label"]


def test_a_time_is_compared_with_that_of_the_same_device_and_data_set():
    row = {"quantity": "seconds", "value": 2.0, "device": "cpu", "dataset": "d"}
    rows = [row, {**row, "lane": "b", "value": 3.0}, {**row, "lane": "c", "device": "cuda"}]
    texts = LaneTexts(pd.DataFrame([{"lane": "a", **each} for each in [*rows, {**row, "lane": "d", "dataset": "e"}]]))
    assert [texts.format_total(lane, "a", "x") for lane in "abcd"] == [
        "2.0 s an image on cpu",
        "3.0 s an image on cpu, 1.5 × x",
        "2.0 s an image on cuda",
        "2.0 s an image on cpu",
    ]
