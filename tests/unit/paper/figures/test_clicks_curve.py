import pandas as pd
import pytest

from samgap.paper.figures import FigureRequest
from samgap.tables.statistics import ESTIMATES
from tests.helpers.drawn_figures import check_same_bytes_and_stamp
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import MODELS, SKIPPED, draw, list_gids, list_texts, make_estimate, save_figure

CLICKS = (10, 1, 5, 2, 3)
"""Not in order, as metrics of an experiment may be."""


def make_curve(model, start, dataset="orchard-sim-test", note=None):
    return [
        {
            **make_estimate("clicks", model, "clicks-sample", f"iou-after-clicks-{clicks}", value, note=note),
            "dataset": dataset,
        }
        for clicks in CLICKS
        for value in [None if note else start + 0.03 * clicks]
    ]


def make_request(rows, folder):
    other = make_estimate("clicks", "sam2-demo", "clicks-sample", "iou", 0.1)
    stratum = make_estimate("clicks", "sam2-demo", "clicks-sample", "iou-after-clicks-1", 0.9, "area: small")
    ESTIMATES.write(folder / "estimates.parquet", pd.DataFrame([*rows, other, stratum]))
    inputs = {"estimates": str(folder / "estimates.parquet")}
    return FigureRequest("clicks-curve", inputs, {"experiments": ["clicks"]}, MODELS)


def test_csv_has_the_iou_after_each_number_of_clicks_in_order(tmp_path):
    rows = pd.read_csv(save_figure(make_request(make_curve("sam2-demo", 0.5), tmp_path), tmp_path / "out")["rows"])
    assert rows["clicks"].tolist() == [1, 2, 3, 5, 10]
    assert rows["value"].tolist() == pytest.approx([0.53, 0.56, 0.59, 0.65, 0.8])
    assert rows["ci_high"].tolist() == pytest.approx([0.55, 0.58, 0.61, 0.67, 0.82])
    assert set(rows["source"]) == {str(tmp_path / "estimates.parquet")}


def test_each_model_has_a_line_with_its_intervals_over_the_clicks(tmp_path):
    rows = [*make_curve("sam2-demo", 0.5), *make_curve("sam3", 0.3)]
    rows[0].update(ci_low=None, ci_high=None)  # 10 clicks of the first model
    figure = draw(make_request(rows, tmp_path)).figure
    (axes,) = figure.axes
    lines = [line.get_xydata().tolist() for line in axes.lines if line.get_gid() == "line"]
    assert [[x for x, _ in line] for line in lines] == [[1, 2, 3, 5, 10]] * 2
    assert [line[-1][1] for line in lines] == pytest.approx([0.8, 0.6])
    bars = [artist for artist in axes.collections if artist.get_gid() == "ci"]
    assert [len(bar.get_segments()) for bar in bars] == [4, 5]
    assert "orchard-sim-test · n = 312 objects in 60 images" in list_texts(figure)


def test_texts_of_several_data_sets_neither_overlap_nor_are_cut(tmp_path):
    rows = [row for name in ("orchard-sim-test", "minneapple-test") for row in make_curve("sam2-demo", 0.5, name)]
    rows += make_curve("sam3", 0.2, note=SKIPPED)
    figure = draw(make_request(rows, tmp_path)).figure
    assert len(figure.axes) == 2
    assert f"SAM3 · clicks-sample: no data: {SKIPPED}" in list_texts(figure)
    check_texts(figure)


@pytest.mark.parametrize(("rows", "reason"), [(make_curve("sam3", 0.5, note=SKIPPED), SKIPPED), ([], "no experiment")])
def test_without_values_the_figure_says_why(rows, reason, tmp_path):
    output = draw(make_request(rows, tmp_path))
    (text,) = list_texts(output.figure)
    assert text.startswith("no data: ") and reason in text


def test_files_are_byte_identical_when_drawn_again_and_stamped_as_demo(tmp_path):
    request = make_request(make_curve("sam2-demo", 0.5), tmp_path)
    check_same_bytes_and_stamp(request, tmp_path)
    assert "demo-stamp" not in list_gids(draw(make_request(make_curve("sam3", 0.5), tmp_path)).figure)
