from dataclasses import replace

import pandas as pd
import pytest
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox

from samgap.tables.predictions import TIMING
from tests.helpers.drawn_texts import check_texts, measure_texts
from tests.helpers.lane_run import lanes_request, make_lane_estimates
from tests.helpers.paper import draw, list_texts, save_figure

SKIPPED = "weights not available (facebook/sam3 is gated: ask for access)"


def check_blocks(figure):
    """Fail if a text lies partly in a block: it must be in it or outside."""
    to_inches = figure.dpi_scale_trans.inverted()
    blocks = [
        patch.get_window_extent().transformed(to_inches)
        for patch in figure.findobj(Rectangle)
        if patch.get_height() == pytest.approx(0.4) and patch.get_width() > 0.5
    ]
    assert len(blocks) == 7
    for text, box in measure_texts(figure):
        inside = [Bbox.intersection(block, box) for block in blocks]
        for block, shared in zip(blocks, inside, strict=True):
            is_inside = block.x0 <= box.x0 and box.x1 <= block.x1 and block.y0 <= box.y0 and box.y1 <= block.y1
            assert shared is None or is_inside or min(shared.width, shared.height) < 0.01, text.get_text()


def test_the_arrows_have_the_prompts_the_masks_and_the_time_with_its_share(tmp_path):
    figure = draw(lanes_request(tmp_path)).figure
    texts = list_texts(figure)
    # Images 1 and 2 take the same time; the longer time of the third does not move the median.
    expected = ["6.9 [5.9, 8.0] prompts an image", "60 ms, 60 %", "4.0 masks an image", "40 ms, 40 %", "10 ms a prompt"]
    expected += ["9.0 prompts an image", "0.10 s, 10 %", "6.0 masks an image", "0.90 s, 90 %", "0.45 s a prompt"]
    expected += ["24.0 boxes an image", "0.16 s, 8 %", "8.0 masks an image", "1.4 s, 69 %", "0.46 s, 23 %"]
    for text in expected:
        assert text in texts
    assert not any("no data" in text for text in texts)
    # Boxes are between a detector and SAM2 alone.
    assert sum("boxes an image" in text for text in texts) == 1
    assert not any("timed together" in text for text in texts)


def test_a_detector_that_was_not_timed_is_timed_with_the_decoder(tmp_path):
    request = lanes_request(tmp_path)
    for path in request.inputs["grounded_timing"]:
        TIMING.write(path, TIMING.read(path).assign(detect_ms=None))
    texts = list_texts(draw(request).figure)
    assert "1.8 s, 92 %" in texts and "0.92 s a prompt" in texts
    assert any("In c, the detector and the mask decoder are timed together." in text for text in texts)


def test_the_results_have_intervals_and_the_time_of_an_image_relative_to_the_first_lane(tmp_path):
    texts = list_texts(draw(lanes_request(tmp_path)).figure)
    for text in ("0.81 [0.78, 0.83]", "0.93 [0.90, 0.95]", "0.40 [0.37, 0.42]", "0.50 [0.47, 0.52]"):
        assert text in texts
    totals = [text for text in texts if " an image on " in text]
    assert totals == ["0.10 s an image on cpu", "1.0 s an image on cpu, 10 × a", "2.0 s an image on cpu, 20 × a"]


def test_times_of_different_devices_have_no_ratio(tmp_path):
    texts = list_texts(draw(lanes_request(tmp_path, devices={"concept": "cuda"})).figure)
    assert "1.0 s an image on cuda" in texts and "2.0 s an image on cpu, 20 × a" in texts


def test_rows_have_the_value_the_interval_and_the_source_of_each_number(tmp_path):
    request = lanes_request(tmp_path)
    rows = draw(request).rows
    measurements = rows[rows["item"] == "measurement"].set_index(["lane", "quantity"])
    assert measurements["value"].notna().all() and measurements["source"].notna().all()
    iou = measurements.loc[("concept", "iou")]
    assert iou[["value", "low", "high"]].tolist() == pytest.approx([0.4, 0.37, 0.42])
    assert iou[["spread", "experiment", "model", "n_images"]].tolist() == [
        "confidence interval",
        "concept-prompts",
        "sam3-demo",
        60,
    ]
    seconds = measurements.loc[("spatial", "seconds")]
    # Quartiles of 0.1, 0.1 and 1.0 s.
    assert seconds[["value", "low", "high"]].tolist() == pytest.approx([0.1, 0.1, 0.55])
    assert seconds[["device", "n_images"]].tolist() == ["cpu", 3]
    assert seconds["source"] == ";".join(request.inputs["spatial_timing"])
    assert rows.loc[rows["item"] == "block", "source"].notna().all()


def test_a_lane_without_a_model_says_no_data_on_each_arrow(tmp_path):
    output = draw(lanes_request(tmp_path, lanes=("spatial", "concept")))
    texts = list_texts(output.figure)
    # Prompts, time of the encoders, boxes, masks, time of the prompts, three metrics, time of an image.
    assert texts.count("no data¹") == 9
    assert "¹ no data: this run has no model in the lane grounded" in texts
    assert (
        output.rows.loc[(output.rows["lane"] == "grounded") & (output.rows["item"] == "measurement"), "note"]
        .notna()
        .all()
    )
    assert list(output.model_ids) == ["sam2-demo", "sam3-demo"]
    check_texts(output.figure)


def test_without_weights_the_reason_is_below_the_lanes_and_no_number_is_drawn(tmp_path):
    estimates = make_lane_estimates()
    is_skipped = estimates["model"] == "sam3-demo"
    estimates.loc[is_skipped, ["value", "ci_low", "ci_high"]] = None
    estimates.loc[is_skipped, "note"] = f"skipped: {SKIPPED}"
    output = draw(lanes_request(tmp_path, estimates=estimates, skipped={"concept": SKIPPED}))
    texts = list_texts(output.figure)
    assert texts.count("no data¹") == 8 and f"¹ no data: skipped: {SKIPPED}" in texts
    rows = output.rows[(output.rows["lane"] == "concept") & (output.rows["item"] == "measurement")]
    assert rows["value"].isna().all() and set(rows["note"]) == {f"skipped: {SKIPPED}"}
    check_texts(output.figure)


def test_a_metric_that_no_experiment_measures_is_no_data(tmp_path):
    estimates = make_lane_estimates()
    estimates = estimates[(estimates["model"] != "grounded-demo") | (estimates["metric"] != "prompts-per-image")]
    output = draw(lanes_request(tmp_path, estimates=estimates))
    texts = list_texts(output.figure)
    assert texts.count("no data¹") == 1
    assert "¹ no data: none of the figure's experiments measures prompts-per-image in the lane grounded" in texts


def test_estimates_of_other_cells_strata_and_experiments_are_not_drawn(tmp_path):
    estimates = make_lane_estimates()
    wrong = [
        estimates.assign(stratum="area: small"),
        estimates.assign(experiment="another"),
        estimates.assign(dataset="another"),
        estimates.assign(prompts="point"),
    ]
    wrong = pd.concat(wrong).assign(value=0.123, ci_low=0.12, ci_high=0.13)
    rows = draw(lanes_request(tmp_path, estimates=pd.concat([wrong, estimates]))).rows
    assert not (rows["value"] == 0.123).any()


def test_values_that_lack_labels_are_marked_and_explained(tmp_path):
    estimates = make_lane_estimates()
    estimates.loc[estimates["metric"] == "f1-50", "lacks_labels"] = True
    texts = list_texts(draw(lanes_request(tmp_path, estimates=estimates)).figure)
    assert "0.56† [0.53, 0.58]" in texts and any(text.startswith("† labels are not exhaustive") for text in texts)


def test_no_text_overlaps_another_or_a_block_or_is_cut(tmp_path):
    figure = draw(lanes_request(tmp_path)).figure
    check_texts(figure)
    check_blocks(figure)


def test_a_model_composed_of_a_demo_model_stamps_the_figure(tmp_path):
    request = lanes_request(tmp_path / "in", lanes=("grounded",))
    published = {"label": "published", "family": "grounded", "detector": "sam3"}
    for name, models in (("demo", request.models), ("published", {**request.models, "grounded-demo": published})):
        svg = save_figure(replace(request, models=models), tmp_path / name)["svg"].read_text(encoding="utf-8")
        assert ("demo-stamp" in svg) == (name == "demo")


def test_the_figure_looks_like_its_reference_image(tmp_path, check_image):
    check_image(draw(lanes_request(tmp_path)).figure, "workflows")


def test_missing_measurements_look_like_their_reference_image(tmp_path, check_image):
    check_image(draw(lanes_request(tmp_path, lanes=("spatial",))).figure, "workflows-no-data")
