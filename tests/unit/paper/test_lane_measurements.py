import pandas as pd
import pytest

from samgap.paper.lane_measurements import COLUMNS, LaneInputs, measure_lane
from tests.helpers.lane_run import CELLS, lanes_request


def measure(request, lane, metrics=("iou",), **changes):
    """Return the measurements of a lane by quantity."""
    inputs, experiments = request.inputs, request.entry["experiments"]
    tables = inputs[f"{lane}_timing"], inputs[f"{lane}_pairs"]
    values = {"lane": lane, "cell": CELLS[lane], "estimates": inputs["estimates"], "experiments": experiments}
    values |= dict(zip(("timing", "pairs"), tables, strict=True)) | changes
    rows = measure_lane(LaneInputs(**values), metrics)
    return pd.DataFrame(rows, columns=COLUMNS).set_index("quantity")


def test_numbers_of_predictions_are_means_over_images(tmp_path):
    rows = measure(lanes_request(tmp_path), "grounded")
    # Two prompts of each of three images, with 12 predictions each, of which 4 reach the score threshold.
    assert rows.loc["predictions", ["value", "n_images"]].tolist() == [24, 3]
    assert rows.loc["masks", ["value", "n_images"]].tolist() == [8, 3]


def test_times_are_medians_over_images_with_quartiles_and_shares_of_the_whole(tmp_path):
    rows = measure(lanes_request(tmp_path), "concept")
    expected = {
        "seconds": 1.0,
        "encoder-seconds": 0.1,
        "encoder-share": 0.1,
        "prompts-seconds": 0.9,
        "prompts-share": 0.9,
        "seconds-a-prompt": 0.45,
    }
    for quantity, value in expected.items():
        assert rows.loc[quantity, "value"] == pytest.approx(value), quantity
    assert rows.loc["seconds", ["low", "high"]].tolist() == pytest.approx([1.0, 5.5])
    assert set(rows["device"].dropna()) == {"cpu"}


def test_estimates_are_those_of_the_experiments_given(tmp_path):
    request = lanes_request(tmp_path)
    assert measure(request, "concept").loc["iou", "value"] == pytest.approx(0.4)
    row = measure(request, "concept", experiments=["spatial-prompts"]).loc["iou"]
    assert pd.isna(row["value"])
    assert row["note"] == "none of the figure's experiments measures iou in the lane concept"


def test_skipped_predictions_have_the_reason_in_place_of_times_and_numbers(tmp_path):
    request = lanes_request(tmp_path, skipped={"spatial": "no weights"})
    rows = measure(request, "spatial").drop(["iou", "prompts-per-image"])
    assert rows["value"].isna().all() and set(rows["note"]) == {"skipped: no weights"}


def test_a_lane_without_a_cell_has_no_value_and_reads_no_file(tmp_path):
    request = lanes_request(tmp_path)
    rows = measure(request, "spatial", cell=None, estimates="not-there", timing=(), pairs=())
    assert rows["value"].isna().all() and set(rows["note"]) == {"this run has no model in the lane spatial"}
