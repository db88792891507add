import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from samgap.paper.figures.estimates import LINE_HEIGHT, MIN_LINE_HEIGHT, fit_cell_height
from samgap.paper.style import MAX_FIGURE_HEIGHT_IN, STAMP_MARGIN_IN
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import (
    PUBLISHED,
    draw,
    estimates_request,
    list_gids,
    list_texts,
    make_estimates,
    save_figure,
)


def test_csv_has_the_rows_drawn_with_all_columns(tmp_path):
    estimates = make_estimates()
    files = save_figure(estimates_request(estimates, tmp_path), tmp_path / "out")
    rows = pd.read_csv(files["rows"], float_precision="round_trip")
    metrics = ["iou", "boundary-f-2px", "pmf1", "il-mcc"]
    expected = estimates[(estimates["stratum"] == "all") & estimates["metric"].isin(metrics)]
    pd.testing.assert_frame_equal(rows, expected.reset_index(drop=True), check_dtype=False, check_exact=True)


def test_each_value_has_an_interval_and_each_cell_its_counts(tmp_path):
    output = draw(estimates_request(make_estimates(), tmp_path))
    assert list_gids(output.figure).count("ci") == output.rows["value"].notna().sum() == 2 * 6 + 1
    texts = list_texts(output.figure)
    assert "SAM2 (demo) · point-box" in texts
    assert "60 images, 312 instances" in texts
    assert "55 of 60 images, 312 instances" in texts  # fewer images carry pmF1


def test_a_metric_has_a_line_for_each_cell_that_reports_it_and_for_no_other(tmp_path):
    figure = draw(estimates_request(make_estimates(), tmp_path)).figure
    panels = {axes.get_title(): round(axes.get_ylim()[0] + 0.5) for axes in figure.axes}
    assert panels == {"IoU ↑": 6, "Boundary F (2 px) ↑": 6, "pmF1 ↑": 1}
    check_texts(figure)


def test_each_data_set_has_panels_of_its_own_and_long_names_are_not_cut(tmp_path):
    estimates = make_estimates()
    other = estimates.assign(dataset="a-data-set-with-a-longer-name", model="a model with a name of many words")
    figure = draw(estimates_request(pd.concat([estimates, other]), tmp_path)).figure
    titles = [axes.get_title().replace("\n", " ") for axes in figure.axes]
    assert titles == ["IoU ↑", "Boundary F (2 px) ↑", "pmF1 ↑"] * 2
    texts = list_texts(figure)
    assert texts.count("orchard-sim-test") == texts.count("a-data-set-with-a-longer-name") == 2
    check_texts(figure)


def test_many_cells_are_lower_so_that_they_fit_on_a_page(tmp_path):
    assert fit_cell_height([6, 1], 0.2) == LINE_HEIGHT
    assert MIN_LINE_HEIGHT < fit_cell_height([16, 14], 0.2) < LINE_HEIGHT
    assert fit_cell_height([90], 0.2) == MIN_LINE_HEIGHT
    estimates = make_estimates()
    many = pd.concat([estimates.assign(dataset=f"data-{number}") for number in range(4)])
    figure = draw(estimates_request(many, tmp_path, metrics=["iou"])).figure
    assert figure.get_size_inches()[1] <= MAX_FIGURE_HEIGHT_IN
    check_texts(figure)


def test_a_missing_value_is_replaced_by_its_note_and_a_metric_without_values_by_a_line_of_text(tmp_path):
    figure = draw(estimates_request(make_estimates(), tmp_path)).figure
    (note,) = (text for text in figure.texts if text.get_gid() == "warnings")
    assert note.get_text() == (
        "IL-MCC has no value: SAM3 (demo) · concepts: not evaluable: no attribute labels in this data set"
    )
    figure = draw(estimates_request(make_estimates(skip_concept=True), tmp_path)).figure
    assert sum(text.startswith("skipped: weights") for text in list_texts(figure)) == 2  # IoU and boundary F
    (note,) = (text for text in figure.texts if text.get_gid() == "warnings")
    first, *_ = note.get_text().splitlines()
    assert first.startswith("pmF1 has no value: SAM3 (demo) · concepts: skipped: weights not available")
    assert "IL-MCC has no value" in note.get_text()


def test_values_that_lack_labels_have_a_dagger_with_a_note_and_those_left_out_a_count(tmp_path):
    estimates = make_estimates().astype({"n_left_out": "Int64", "labelled_distance": float})
    unmarked = draw(estimates_request(estimates, tmp_path)).figure
    assert not any("†" in text or "left out" in text for text in list_texts(unmarked))
    estimates.loc[0, "lacks_labels"] = True
    estimates.loc[1, ["n_left_out", "labelled_distance"]] = 1234, 0.1
    figure = draw(estimates_request(estimates, tmp_path)).figure
    texts = list_texts(figure)
    assert texts.count("0.91†") == 1 and texts.count("0.89 (1,234 left out)") == 1
    assert texts.count("† labels are not exhaustive: background objects count as false positives") == 1
    # The note is in the margin at the bottom, and the count does not leave its panel.
    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = {text.get_text(): text.get_window_extent(renderer) for text in figure.findobj(Text)}
    (note,) = (box for text, box in boxes.items() if text.startswith("†"))
    assert 0 <= note.y0 < note.y1 <= STAMP_MARGIN_IN * figure.dpi and note.x0 >= 0
    count, panel = boxes["0.89 (1,234 left out)"], figure.axes[1].get_window_extent(renderer)
    assert panel.x0 - 1 <= count.x0 and count.x1 <= panel.x1 + 1


def test_a_warning_is_a_letter_at_its_value_with_the_text_at_the_bottom(tmp_path):
    estimates = make_estimates()
    plain = draw(estimates_request(estimates, tmp_path)).figure
    reason = "no interval: too few groups for an interval (2; at least 4)"
    estimates.loc[[0, 3], "warning"] = reason
    estimates.loc[[0, 3], ["ci_low", "ci_high"]] = None
    estimates.loc[1, "warning"] = "without 4 image-phrase pairs, " + "of which labels were lost; " * 8
    figure = draw(estimates_request(estimates, tmp_path)).figure
    texts = list_texts(figure)
    assert texts.count("0.91 (a)") == 1 and sum(text.endswith(" (a)") for text in texts) == 2
    assert sum(text.endswith(" (b)") for text in texts) == 1
    assert list_gids(figure).count("ci") == list_gids(plain).count("ci") - 2
    (note,) = (text for text in figure.findobj(Text) if text.get_gid() == "warnings")
    first_line, *other_lines = note.get_text().splitlines()
    assert (
        first_line == f"(a) {reason}"
        and other_lines[0].startswith("(b) without 4 image-phrase pairs")
        and len(other_lines) > 1
    )
    # The text is between the panels and the margin of the stamp, and inside the figure.
    box = note.get_window_extent(FigureCanvasAgg(figure).get_renderer())
    lowest_axis = min(axes.get_tightbbox().y0 for axes in figure.axes)
    assert STAMP_MARGIN_IN * figure.dpi - 1 <= box.y0 < box.y1 <= lowest_axis
    assert box.x0 >= 0 and box.x1 <= figure.get_size_inches()[0] * figure.dpi


def test_a_cell_of_two_experiments_is_drawn_once(tmp_path):
    estimates = make_estimates()
    repeated = estimates[estimates["experiment"] == "spatial-prompts"].assign(experiment="box-baselines")
    rows = draw(estimates_request(pd.concat([estimates, repeated]), tmp_path)).rows
    assert not rows.duplicated(["dataset", "model", "prompts", "metric"]).any()
    assert len(rows) == 14


def test_without_estimates_the_figure_says_so(tmp_path):
    output = draw(estimates_request(make_estimates(), tmp_path, metrics=["cgf1"]))
    assert len(output.rows) == 0
    assert list_texts(output.figure) == ["not evaluable: no estimate of these experiments and metrics"]


def test_files_are_byte_identical_when_drawn_again(tmp_path):
    request = estimates_request(make_estimates(), tmp_path)
    first, second = (save_figure(request, tmp_path / name) for name in "ab")
    for file_format in first:
        assert first[file_format].read_bytes() == second[file_format].read_bytes(), file_format


def test_the_figure_is_stamped_if_a_demo_model_is_drawn(tmp_path):
    demo = save_figure(estimates_request(make_estimates(), tmp_path), tmp_path / "a")["svg"].read_text(encoding="utf-8")
    request = estimates_request(make_estimates(PUBLISHED), tmp_path)
    published = save_figure(request, tmp_path / "b")["svg"].read_text(encoding="utf-8")
    assert 'id="demo-stamp"' in demo
    assert "demo" not in published


def test_the_figure_looks_like_its_reference_image(tmp_path, check_image):
    check_image(draw(estimates_request(make_estimates(), tmp_path)).figure, "estimates")
