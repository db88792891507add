import pytest

from samgap.paper import labels


def test_a_metric_has_a_label():
    assert labels.metric_label("iou") == "IoU"


def test_a_model_has_the_label_of_its_entry_or_its_id():
    assert labels.model_label({"a": {"label": "A"}}, "a") == "A"
    assert labels.model_label({}, "b") == "b"


def test_equal_numbers_are_printed_once_and_different_ones_as_a_range():
    assert labels.format_range([60, 60]) == "60"
    assert labels.format_range([1200, 57]) == "57–1,200"


@pytest.mark.parametrize(
    ("metric", "heading"),
    [("iou", "IoU ↑"), ("calibration", "ECE ↓"), ("count-error-bias", "Count bias (instances)")],
)
def test_a_heading_has_the_direction_that_the_metric_declares(metric, heading):
    assert labels.metric_heading(metric) == heading


def test_the_directions_are_explained_if_they_occur():
    assert labels.explain_direction([]) == []
    assert labels.explain_direction(["iou", "dice"]) == ["↑ higher is better."]
    assert labels.explain_direction(["noc-90", "count-error-bias", "iou"]) == [
        "↑ higher is better; ↓ lower is better; without an arrow 0 is best."
    ]


def test_numbers_that_carry_values_are_printed_with_the_number_asked_for_if_that_is_larger():
    assert labels.format_carriers([60, 60], [60, 60]) == "60"
    assert labels.format_carriers([2, 58], [60, 60]) == "2–58 of 60"
    assert labels.format_carriers([1200], [1300]) == "1,200 of 1,300"
