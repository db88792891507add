import numpy as np
import pandas as pd
import pytest

from samgap.matching.score_thresholds import read_chosen_score
from samgap.paper.figures import FigureRequest
from samgap.tables.score_thresholds import THRESHOLDS
from samgap.tables.statistics import ESTIMATES
from tests.helpers.drawn_figures import check_no_data, check_same_bytes_and_stamp
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import MODELS, SKIPPED, draw, list_gids, list_texts, make_estimate, save_figure

SCORES = [round(0.05 * step, 2) for step in range(1, 20)]
STUDIED = {"scores": [0.15, 0.5], "source": "arXiv 2512.11884"}


def make_sweep(model, dataset="orchard-sim-test", note=None):
    """Precision rises, recall falls; no mask reaches 0.90, so precision has no value there."""
    rows = []
    for score in SCORES:
        precision = score if score < 0.9 else None
        values = {"precision-score": precision, "recall-score": 1 - score, "f1-score": 0.5}
        for measure, value in values.items():
            reason = note or (None if value is not None else "not evaluable: the denominator is 0")
            cell = "score-sweep", model, "concepts", f"{measure}-{round(100 * score):02d}"
            row = make_estimate(*cell, None if note else value, note=reason)
            rows.append({**row, "dataset": dataset})
            rows.append({**row, "dataset": dataset, "stratum": "phrase=apple"})
    return rows


def make_request(rows, folder, studied=STUDIED, official=0.5, chosen=0.4):
    ESTIMATES.write(folder / "estimates.parquet", pd.DataFrame(rows))
    table = pd.DataFrame({"score": SCORES, "is_chosen": np.isclose(SCORES, chosen or 2.0)}).assign(
        dataset="calibration", model="sam3-demo", prompts="concepts", official_score=official, criterion="f1-50",
        n_images=24, n_truth=200, tp=100, n_predicted=150,
    )  # fmt: skip
    THRESHOLDS.write(folder / "sam3-demo.parquet", table)
    assert read_chosen_score(table) == chosen
    inputs = {"estimates": str(folder / "estimates.parquet"), "score_thresholds": [str(folder / "sam3-demo.parquet")]}
    entry = {"experiments": ["score-sweep"], **({"studied": studied} if studied else {})}
    return FigureRequest("threshold-sweep", inputs, entry, MODELS)


def test_csv_has_each_estimate_drawn_with_its_threshold_and_those_of_the_model(tmp_path):
    request = make_request(make_sweep("sam3-demo"), tmp_path)
    rows = pd.read_csv(save_figure(request, tmp_path / "out")["rows"])
    assert len(rows) == 57 and set(rows["stratum"]) == {"all"}
    recall = rows[rows["measure"] == "recall-score"]
    assert recall["score"].tolist() == SCORES
    assert recall["value"].tolist() == pytest.approx([1 - score for score in SCORES])
    assert recall["ci_low"].tolist() == pytest.approx([0.97 - score for score in SCORES])
    assert set(rows["official_score"]) == {0.5} and set(rows["chosen_score"]) == {0.4}
    assert set(rows["source"]) == {str(tmp_path / "estimates.parquet")}


def test_circles_are_on_the_line_at_the_official_and_at_the_chosen_threshold(tmp_path):
    figure = draw(make_request(make_sweep("sam3-demo"), tmp_path)).figure
    precision, recall, _ = figure.axes
    marks = {line.get_gid(): line for line in recall.lines if line.get_gid() in ("official_score", "chosen_score")}
    assert list(marks["official_score"].get_xydata()[0]) == pytest.approx([0.5, 0.5])
    assert list(marks["chosen_score"].get_xydata()[0]) == pytest.approx([0.4, 0.6])
    assert [line.get_xdata()[0] for line in recall.lines if line.get_gid() == "studied"] == [0.15, 0.5]
    # The line of precision ends where no mask reaches the score.
    (line,) = (line for line in precision.lines if len(line.get_xdata()) == 19)
    assert np.isfinite(line.get_ydata()).sum() == 17
    assert "SAM3 (demo): official threshold 0.5, chosen 0.4" in list_texts(figure)
    assert "thresholds of studies: 0.15 and 0.5 (arXiv 2512.11884)" in list_texts(figure)


def test_a_model_without_a_chosen_threshold_and_a_run_without_studies_have_no_mark_for_them(tmp_path):
    figure = draw(make_request(make_sweep("sam3-demo"), tmp_path, studied=None, chosen=None)).figure
    assert "studied" not in list_gids(figure)
    assert "SAM3 (demo): official threshold 0.5, chosen: none" in list_texts(figure)
    assert not any("studies" in text for text in list_texts(figure))


def test_texts_of_many_models_and_data_sets_neither_overlap_nor_are_cut(tmp_path):
    rows = [
        row
        for dataset in ("orchard-sim-test", "a-data-set-with-a-rather-long-name-of-a-field")
        for model in ("sam3-demo", "sam3", "sam2-large")
        for row in make_sweep(model, dataset)
    ]
    rows[0]["lacks_labels"] = True
    figure = draw(make_request(rows, tmp_path)).figure
    assert len(figure.axes) == 6
    assert "† labels are not exhaustive: background objects count as false positives." in list_texts(figure)
    check_texts(figure)


def test_a_skipped_model_has_its_reason_in_the_legend_and_no_line(tmp_path):
    figure = draw(make_request([*make_sweep("sam3-demo"), *make_sweep("sam3", note=SKIPPED)], tmp_path)).figure
    assert f"SAM3: no data: {SKIPPED}" in list_texts(figure)
    check_texts(figure)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (make_sweep("sam3-demo", note=SKIPPED), SKIPPED),
        ([make_estimate("other", "sam3-demo", "concepts", "iou", 0.5)], "no experiment of the figure measures"),
    ],
)
def test_without_values_the_figure_says_why(rows, reason, tmp_path):
    check_no_data(draw(make_request(rows, tmp_path)).figure, reason)


def test_files_are_byte_identical_when_drawn_again_and_stamped_as_demo(tmp_path):
    request = make_request(make_sweep("sam3-demo"), tmp_path)
    check_same_bytes_and_stamp(request, tmp_path)
