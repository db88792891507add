import pandas as pd
import pytest

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
    assert "SAM2 (demo) · point + box" in texts
    assert "60 images, 312 instances" in texts
    assert "55–60 images, 312 instances" in texts  # pmF1 has fewer images


@pytest.mark.parametrize(("skip_concept", "n_skipped", "n_not_evaluable"), [(False, 0, 1), (True, 4, 0)])
def test_a_missing_value_is_replaced_by_its_note(tmp_path, skip_concept, n_skipped, n_not_evaluable):
    texts = list_texts(draw(estimates_request(make_estimates(skip_concept=skip_concept), tmp_path)).figure)
    assert sum(text.startswith("skipped: weights") for text in texts) == n_skipped
    assert sum(text.startswith("not evaluable") for text in texts) == n_not_evaluable


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
    demo = save_figure(estimates_request(make_estimates(), tmp_path), tmp_path / "a")["svg"].read_text()
    request = estimates_request(make_estimates(PUBLISHED), tmp_path)
    published = save_figure(request, tmp_path / "b")["svg"].read_text()
    assert 'id="demo-stamp"' in demo
    assert "demo" not in published
