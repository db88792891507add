import pandas as pd


def test_csv_holds_the_rows_drawn_with_all_columns(paper, estimates_path, tmp_path):
    frame = paper.estimates()
    made = paper.draw_estimates(estimates_path(frame), tmp_path / "out")
    rows = pd.read_csv(made["rows"], float_precision="round_trip")
    asked = frame[(frame["stratum"] == "all") & frame["metric"].isin(["iou", "boundary-f-2px", "pmf1", "il-mcc"])]
    pd.testing.assert_frame_equal(rows, asked.reset_index(drop=True), check_dtype=False, check_exact=True)


def test_an_interval_is_drawn_for_each_value(paper, estimates_path, tmp_path):
    made = paper.draw_estimates(estimates_path(paper.estimates()), tmp_path / "out")
    rows, svg = pd.read_csv(made["rows"]), made["svg"].read_text()
    assert svg.count('id="ci"') == rows["value"].notna().sum() == 2 * 6 + 1
    assert "SAM2 (demo) · point + box" in svg
    assert "60 images, 312 instances" in svg
    assert "55–60 images, 312 instances" in svg  # pmF1 rests on fewer


def test_notes_stand_where_the_value_would(paper, estimates_path, tmp_path):
    path = estimates_path(paper.estimates())
    svg = paper.draw_estimates(path, tmp_path / "a")["svg"].read_text()
    assert "not evaluable" in svg
    assert "skipped" not in svg
    path = estimates_path(paper.estimates(skip_concept=True))
    svg = paper.draw_estimates(path, tmp_path / "b")["svg"].read_text()
    assert svg.count("skipped: weights") == 4


def test_a_cell_of_two_experiments_is_drawn_once(paper, estimates_path, tmp_path):
    frame = paper.estimates()
    again = frame[frame["experiment"] == "spatial-prompts"].assign(experiment="box-baselines")
    path = estimates_path(pd.concat([frame, again]))
    rows = pd.read_csv(paper.draw_estimates(path, tmp_path / "out")["rows"])
    assert not rows.duplicated(["dataset", "model", "prompts", "metric"]).any()
    assert len(rows) == 14


def test_no_estimate_at_all_is_told(paper, estimates_path, tmp_path):
    made = paper.draw_estimates(estimates_path(paper.estimates()), tmp_path / "out", metrics=["cgf1"])
    assert len(pd.read_csv(made["rows"])) == 0
    assert "not evaluable: no estimate" in made["svg"].read_text()


def test_same_bytes_twice(paper, estimates_path, tmp_path):
    path = estimates_path(paper.estimates())
    first, second = (paper.draw_estimates(path, tmp_path / name) for name in "ab")
    for form in first:
        assert first[form].read_bytes() == second[form].read_bytes(), form


def test_stamped_where_a_demo_model_is_drawn(paper, estimates_path, tmp_path):
    demo = paper.draw_estimates(estimates_path(paper.estimates()), tmp_path / "a")["svg"].read_text()
    path = estimates_path(paper.estimates(paper.PUBLISHED))
    published = paper.draw_estimates(path, tmp_path / "b")["svg"].read_text()
    assert 'id="demo-stamp"' in demo
    assert "demo" not in published
