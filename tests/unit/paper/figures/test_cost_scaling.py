import pandas as pd
import pytest

from samgap.errors import UserError
from samgap.paper.figures import FigureRequest
from samgap.tables.matching import INSTANCES
from samgap.tables.predictions import TIMING
from tests.helpers.cell_files import write_cell
from tests.helpers.drawn_figures import check_same_bytes_and_stamp
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import MODELS, draw, list_texts, save_figure

BOX, WORDS = ("discs", "sam2-demo", "box"), ("discs", "sam3-demo", "concepts")
N_OBJECTS = {1: 1, 2: 2, 3: 4, 4: 6, 5: 8, 6: 12, 7: 0}


def write_run(folder, box=BOX, words=WORDS, device="cpu", skipped=None):
    """Boxes take 10 ms for an image and 2 ms for each prompt, five phrases 100 ms; image 7 has no object."""
    times = {
        box: [(id, n, 10.0, 2.0 * n) for id, n in N_OBJECTS.items()],
        words: [(id, 5, 60.0, 40.0) for id in N_OBJECTS],
    }
    timing, instances = [], []
    for cell, rows in times.items():
        is_skipped = skipped is not None and cell == words
        names = ("image_id", "n_prompts", "encode_ms", "decode_ms")
        images = [] if is_skipped else [{**dict(zip(names, row, strict=True)), "device": device} for row in rows]
        timing.append(write_cell(TIMING, folder, cell, images, skipped if is_skipped else None))
        # With phrases, an object has a row for each phrase; false positives have none.
        found = [
            {"image_id": id, "truth_id": 100 * id + each, "outcome": "missed"}
            for id, n in N_OBJECTS.items()
            for each in [*range(n), *range(n if cell == words else 0)]
        ]
        instances.append(write_cell(INSTANCES, folder, cell, [*found, {"image_id": 7, "outcome": "false"}]))
    return {"timing": timing, "instances": instances}


def make_request(inputs, **entry):
    paths = {name: [str(path) for path in files] for name, files in inputs.items()}
    return FigureRequest(
        "cost-scaling", paths, {"experiments": ["all"], "prompt-sets": ["box", "concepts"], **entry}, MODELS
    )


def test_csv_has_objects_prompts_and_time_ratio_of_each_image(tmp_path):
    rows = pd.read_csv(save_figure(make_request(write_run(tmp_path)), tmp_path / "out")["rows"])
    assert len(rows) == 12 and 7 not in set(rows["image_id"])
    boxes = rows[rows["prompts"] == "box"].set_index("image_id")
    assert boxes["n_objects"].to_dict() == boxes["n_prompts"].to_dict() == {1: 1, 2: 2, 3: 4, 4: 6, 5: 8, 6: 12}
    # The median of 12, 14, 18, 22, 26 and 34 ms is 20 ms.
    assert boxes["time_ratio"].tolist() == pytest.approx([0.6, 0.7, 0.9, 1.1, 1.3, 1.7])
    words = rows[rows["prompts"] == "concepts"].set_index("image_id")
    assert words["time_ratio"].tolist() == pytest.approx([5.0] * 6)
    assert words.loc[6, "time_ratio_per_object"] == pytest.approx(5 / 12)
    assert set(words["n_prompts"]) == {5} and words.loc[3, "n_objects"] == 4


def test_the_legend_has_prompts_and_time_an_object_and_milliseconds_on_a_gpu_alone(tmp_path):
    texts = list_texts(draw(make_request(write_run(tmp_path / "a"))).figure)
    # 126 ms of boxes are 6.3 medians, of 33 objects; the 30 phrases take 600 ms.
    assert "SAM2 (demo) · box: 1.00 prompts an object, relative time 0.19 an object, device cpu" in texts
    assert "SAM3 (demo) · concepts: 0.91 prompts an object, relative time 0.91 an object, device cpu" in texts
    texts = list_texts(draw(make_request(write_run(tmp_path / "b", device="cuda"))).figure)
    assert any("0.91 an object (18.2 ms), device cuda" in text for text in texts)


def test_panels_have_a_point_for_each_image_and_a_line_of_means(tmp_path):
    figure = draw(make_request(write_run(tmp_path))).figure
    prompts = figure.axes[0]
    for axes in figure.axes:
        assert [len(line.get_xdata()) for line in axes.lines if line.get_gid() == "image"] == [6, 6]
    means = [line.get_xydata() for line in prompts.lines if line.get_gid() == "mean"]
    assert means[0][:, 0] == pytest.approx(means[0][:, 1])  # a box for each object
    assert set(means[1][:, 1]) == {5.0}
    check_texts(figure)


def test_a_skipped_cell_has_its_reason_in_the_legend(tmp_path):
    first, second = write_run(tmp_path, skipped="weights not available"), write_run(tmp_path / "b", ("other", *BOX[1:]))
    figure = draw(make_request({name: [*first[name], *second[name]] for name in first})).figure
    assert "SAM3 (demo) · concepts · discs: no data: skipped: weights not available" in list_texts(figure)
    assert len(figure.axes) == 6
    check_texts(figure)


def test_without_times_the_figure_says_why_and_an_unknown_prompt_set_is_refused(tmp_path):
    words = ("discs", "sam3-demo", "concepts")
    inputs = {
        "timing": [write_cell(TIMING, tmp_path, words, [], "weights not available")],
        "instances": [write_cell(INSTANCES, tmp_path, words, [], "weights not available")],
    }
    (text,) = list_texts(draw(make_request(inputs, **{"prompt-sets": ["concepts"]})).figure)
    assert text == "no data: skipped: weights not available"
    with pytest.raises(UserError, match="have no prompt set 'bax'; name some of \\['box', 'concepts'\\]"):
        draw(make_request(write_run(tmp_path / "b"), **{"prompt-sets": ["bax"]}))


def test_files_are_byte_identical_when_drawn_again_and_stamped_as_demo(tmp_path):
    request = make_request(write_run(tmp_path))
    check_same_bytes_and_stamp(request, tmp_path)
