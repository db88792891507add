"""The figure of training curves: losses, scores with intervals, the weights that are kept, and the cost."""

import pandas as pd
import pytest

from samgap.paper.figures import FigureRequest
from samgap.tables.training import HISTORY
from tests.helpers.drawn_figures import check_same_bytes_and_stamp
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import MODELS, draw, list_texts, save_figure

COST = {"hours": 1.234, "peak_memory_gb": 17.9}


def write_history(folder, training, provenance, scores=((0.3, 0.2, 0.4), (0.6, 0.5, 0.7), (0.5, None, None))):
    path = folder / training / "history.parquet"
    path.parent.mkdir()
    rows = []
    for number, (value, lower, upper) in enumerate(scores, start=1):
        common = {"step": 100 * number, "learning_rate": 1e-4}
        rows.append({**common, "term": "total", "value": 8.0 / number, "lower": None, "upper": None, "n": None})
        rows.append({**common, "term": "val_box_iou", "value": value, "lower": lower, "upper": upper, "n": 40})
    HISTORY.write(path, rows, provenance)
    return str(path)


@pytest.fixture
def request_of(tmp_path):
    """Function that returns the request of a figure of the given histories."""

    def make(*paths):
        inputs = {"estimates": str(tmp_path / "estimates.parquet"), "history": list(paths)}
        return FigureRequest("training-curves", inputs, {}, MODELS)

    return make


def write_tuned(folder, name="sam2-tuned"):
    return write_history(folder, name, {"options": {"model": "sam2-demo"}, "kept_step": 200, "cost": COST})


def test_panels_have_losses_scores_intervals_and_the_kept_step(tmp_path, request_of):
    figure = draw(request_of(write_tuned(tmp_path))).figure
    loss, scores = figure.axes
    assert loss.get_ylim() == pytest.approx((0, 8.4))
    assert loss.lines[0].get_xydata().tolist() == [[100, 8], [200, 4], [300, pytest.approx(8 / 3)]]
    lines = {line.get_gid(): line for line in scores.lines}
    assert lines["score"].get_xydata().tolist() == [[100, 0.3], [200, 0.6], [300, 0.5]]
    assert list(lines["kept"].get_xdata()) == [200, 200]
    (intervals,) = (item for item in scores.collections if item.get_gid() == "ci")
    assert [segment.tolist() for segment in intervals.get_segments()] == [
        [[100, 0.2], [100, 0.4]],
        [[200, 0.5], [200, 0.7]],
    ]
    texts = list_texts(figure)
    assert any("sam2-tuned" in text and "300 steps" in text and "1.2 h, at most 17.9 GB" in text for text in texts)
    assert any("n = 40" in text for text in texts) and any("box iou" in text for text in texts)
    check_texts(figure)


def test_csv_has_every_value_with_its_source(tmp_path, request_of):
    paths = [write_tuned(tmp_path), write_tuned(tmp_path, "second")]
    rows = pd.read_csv(save_figure(request_of(*paths), tmp_path / "out")["rows"])
    assert len(rows) == 12 and set(rows["source"]) == set(paths) and set(rows["model"]) == {"sam2-demo"}
    assert rows[rows["lower"].notna()]["value"].tolist() == [0.3, 0.6] * 2


def test_a_skipped_training_is_explained(tmp_path, request_of):
    skipped = write_history(
        tmp_path, "sam3-tuned", {"options": {"model": "sam3"}, "skipped": "weights not available"}, scores=()
    )
    texts = list_texts(draw(request_of(skipped)).figure)
    assert any("no data: skipped: weights not available" in text for text in texts)
    both = list_texts(draw(request_of(skipped, write_tuned(tmp_path))).figure)
    assert any("sam3-tuned: no data: skipped: weights not available" in text for text in both)


def test_a_run_without_trainings_says_so(request_of):
    assert any("no data: the run has no training" in text for text in list_texts(draw(request_of()).figure))


def test_the_figure_has_the_same_bytes_each_time(tmp_path, request_of):
    check_same_bytes_and_stamp(request_of(write_tuned(tmp_path)), tmp_path)
