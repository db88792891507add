from pathlib import Path

import pandas as pd
import pytest

from samgap.paper.figures import FigureRequest
from samgap.tables.matching import PAIRS
from samgap.tables.statistics import ESTIMATES
from tests.helpers.cell_files import write_cell, write_pairs
from tests.helpers.drawn_figures import check_same_bytes_and_stamp
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import MODELS, SKIPPED, draw, list_gids, list_texts, make_estimate, save_figure

CELL = "orchard-sim-test", "sam3-demo", "concepts"
PHRASES = [
    # Of the scores from 0.9 on, 20 of 30 are correct; bit 0 is the match at IoU 0.5, bit 1 that at 0.55.
    {"image_id": 1, "scores": [0.95] * 30, "hits_mask_all": [3] * 20 + [2] * 10, "excused": [False] * 30},
    # One of four predictions is excused, so that three count, of which one is correct.
    {"image_id": 2, "scores": [0.25, 0.24, 0.22, 0.21], "hits_mask_all": [1, 0, 0, 0], "excused": [0, 0, 0, 1]},
    {"image_id": 3, "scores": [0.25] * 9, "hits_mask_all": [1] * 9, "excused": [False] * 9, "evaluable": False},
]


def make_request(folder: Path, paths, lacks_labels=False):
    estimate = make_estimate("concept-prompts", "sam3-demo", "concepts", "precision", 0.5)
    ESTIMATES.write(folder / "estimates.parquet", pd.DataFrame([{**estimate, "lacks_labels": lacks_labels}]))
    inputs = {"estimates": str(folder / "estimates.parquet"), "pairs": [str(path) for path in paths]}
    return FigureRequest("calibration", inputs, {"experiments": ["concept-prompts"]}, MODELS)


def write_phrases(folder, *cell, rows=PHRASES):
    return write_pairs(folder, *cell, [{**row, "excused": [bool(each) for each in row["excused"]]} for row in rows])


def test_csv_has_precision_and_number_of_each_bin(tmp_path):
    path = write_phrases(tmp_path, *CELL)
    rows = pd.read_csv(save_figure(make_request(tmp_path, [path]), tmp_path / "out")["rows"])
    assert len(rows) == 10 and set(rows["n_images"]) == {2} and set(rows["source"]) == {str(path)}
    low, high = rows[rows["bin"] == 3].iloc[0], rows[rows["bin"] == 10].iloc[0]
    assert (low["n"], low["n_correct"], high["n"], high["n_correct"]) == (3, 1, 30, 20)
    assert low["mean_score"] == pytest.approx((0.25 + 0.24 + 0.22) / 3)
    assert (low["precision"], high["precision"]) == pytest.approx((1 / 3, 2 / 3))
    assert rows["n"].sum() == 33
    # The error by hand: |correct − sum of scores| of both bins, over the predictions.
    error = (abs(1 - 0.71) + abs(20 - 28.5)) / 33
    assert rows["ece"].tolist() == pytest.approx([error] * 10)


def test_bins_with_few_predictions_have_an_open_marker(tmp_path):
    figure = draw(make_request(tmp_path, [write_phrases(tmp_path, *CELL)])).figure
    reliability, counts = figure.axes
    points = {line.get_gid(): line.get_xydata().tolist() for line in reliability.lines}
    assert points["few"] == [pytest.approx([0.71 / 3, 1 / 3])]
    assert points["bin"] == [pytest.approx([0.95, 2 / 3])]
    assert [text.get_text() for text in counts.texts] == ["0", "0", "3", "0", "0", "0", "0", "0", "0", "30"]
    assert figure.get_size_inches()[0] == pytest.approx(3.58)
    check_texts(figure)


def test_cells_that_are_skipped_or_lack_labels_are_explained_below(tmp_path):
    paths = [write_phrases(tmp_path, name, *CELL[1:]) for name in ("orchard-sim-test", "minneapple-test", "third")]
    paths.append(write_cell(PAIRS, tmp_path, ("orchard-sim-test", "sam3", "concepts"), [], "weights not available"))
    figure = draw(make_request(tmp_path, paths, lacks_labels=True)).figure
    texts = list_texts(figure)
    assert len(figure.axes) == 6
    assert sum("ECE" in text and "†" in text for text in texts) == 1  # only the data set that lacks labels
    (footnotes,) = (text for text in texts if "SAM3 · orchard-sim-test: no data" in text)
    assert "skipped: weights not available" in footnotes and "† labels are not exhaustive" in footnotes
    check_texts(figure)


def test_without_predictions_the_figure_says_why(tmp_path):
    skipped = write_cell(PAIRS, tmp_path, CELL, [], SKIPPED.removeprefix("skipped: "))
    assert list_texts(draw(make_request(tmp_path, [skipped])).figure) == [f"no data: {SKIPPED}"]
    boxes = write_phrases(tmp_path, *CELL, rows=[{**PHRASES[0], "kind": "box", "phrase": None}])
    (text,) = list_texts(draw(make_request(tmp_path, [boxes])).figure)
    assert text == "no data: no prediction of an evaluable phrase in these experiments"


def test_files_are_byte_identical_when_drawn_again_and_stamped_as_demo(tmp_path):
    request = make_request(tmp_path, [write_phrases(tmp_path, *CELL)])
    check_same_bytes_and_stamp(request, tmp_path)
    assert list_gids(draw(request).figure).count("diagonal") == 1
