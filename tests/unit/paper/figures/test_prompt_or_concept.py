import pandas as pd
import pytest
from PIL import Image

from samgap.errors import UserError
from samgap.tables.matching import PAIRS
from samgap.tables.predictions import MASKS, TIMING
from samgap.tables.prompts import PROMPTS
from tests.helpers.disc_run import DiscRun
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import PUBLISHED, draw, list_gids, list_texts, save_figure


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return DiscRun(tmp_path_factory.mktemp("run"))


@pytest.mark.parametrize(("count", "expected"), [(3, [3, 4, 6]), (1, [4]), (20, [1, 3, 5, 4, 0, 6])])
def test_images_are_quantiles_of_the_instance_count(run, count, expected):
    # Ranked by discs: 1 (1), 3 (2), 5 (2), 4 (3), 0 (4), 6 (6); image 2 has none. Quantiles of three: 1/6, 3/6, 5/6.
    assert list(dict.fromkeys(draw(run.request(images=count)).rows["image_id"])) == expected


def test_rows_are_the_prompts_and_masks_drawn(run):
    rows = draw(run.request()).rows
    masks = pd.concat([MASKS.read(path) for path in run.spatial_masks + run.concept_masks])
    for row in rows.itertuples():
        mask_rows = masks[(masks["prompt_id"] == row.prompt_id) & (masks["prediction_id"] == row.prediction_id)]
        assert mask_rows["area_px"].tolist() == [row.area_px]
        prompts_path, masks_path, pairs_path, timing_path = row.source.split(";")
        assert row.prompt_id in set(PAIRS.read(pairs_path)["prompt_id"])
        assert row.image_id in set(TIMING.read(timing_path)["image_id"])
        assert row.prompt_id in set(PROMPTS.read(prompts_path)["prompt_id"])
        assert row.prompt_id in set(MASKS.read(masks_path)["prompt_id"])
    spatial, concept = (rows[rows["side"] == side] for side in ("spatial", "concept"))
    assert len(spatial) == 2 + 3 + 6  # one mask for each box, although its score of 0.3 is below the threshold
    assert len(concept) == 2 + 3 + 5  # scores from 0.9 to 0.5; the sixth, 0.4, is below the threshold
    assert set(concept["phrase"]) == {"apple"}
    assert concept["score"].min() >= 0.5


def test_below_the_images_are_prompts_masks_f1_and_time(run):
    texts = list_texts(draw(run.request(images=1)).figure)  # image 4: three discs
    assert [text for text in texts if text[0] in "13"] == [
        "3 prompts",
        "3 masks · F1 1.00 · 0.08 s",  # 50 ms of the encoder, and 10 ms for each of 3 boxes
        "1 prompt for 3 instances",
        "3 masks · F1 0.86 · 0.08 s",  # 3 of 4 predictions match; 50 ms, and 30 ms for one of 3 phrases
    ]


def test_both_sides_show_the_same_objects(run):
    rows = draw(run.request(images=20)).rows
    assert 0 in set(rows["image_id"]) and "0-leaf" not in set(rows["prompt_id"])
    (f1,) = rows.loc[(rows["image_id"] == 0) & (rows["side"] == "spatial"), "f1_50"].unique()
    assert f1 == 1  # with the wrong mask of the leaf it would be 0.8
    axes = draw(run.request(images=1)).figure.axes
    # Outlines of masks are two artists each, those of the ground truth one: none on the image with the prompts.
    assert [len(panel.collections) for panel in axes] == [0, 2 * 3 + 3, 3, 2 * 3 + 3]


def test_no_text_overlaps_or_is_cut(run):
    check_texts(draw(run.request(images=3)).figure)


def test_without_weights_the_note_replaces_the_masks(tmp_path):
    request = DiscRun(tmp_path / "run", skipped="weights not available (no network)").request(models=PUBLISHED)
    output = draw(request)
    assert set(output.rows["note"]) == {"skipped: weights not available (no network)"}
    assert output.rows["prediction_id"].isna().all()
    assert len(output.rows) == (2 + 3 + 6) + 3  # a row for each prompt
    assert sum(text.startswith("skipped: weights not") for text in list_texts(output.figure)) == 6
    assert not any(axes.collections for axes in output.figure.axes[1::2])  # no mask


def test_a_phrase_without_ground_truth_gives_a_figure_that_says_so(run):
    output = draw(run.request(phrase="ripe apple"))
    note = "not evaluable: no image of discs has spatial prompts and ground-truth instances of “ripe apple”"
    assert output.rows["note"].tolist() == [note]
    assert output.rows["source"].tolist() == [str(run.phrase_prompts)]
    assert list_texts(output.figure) == [note]


def test_an_unknown_phrase_is_an_error_that_names_the_known_ones(run):
    message = r"phrase: “plum” is no phrase of the prompts concepts; name one of \['apple', 'pear', 'ripe apple'\]"
    with pytest.raises(UserError, match=message):
        draw(run.request(phrase="plum"))


def test_an_unreadable_image_is_an_error_that_names_it(tmp_path):
    run = DiscRun(tmp_path / "run")
    (tmp_path / "run/images/tree-4.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"tree-4.png: not a readable image"):
        draw(run.request(images=1))


def test_files_are_byte_identical_when_drawn_again_and_have_no_date(run, tmp_path):
    first, second = save_figure(run.request(), tmp_path / "a"), save_figure(run.request(), tmp_path / "b")
    for file_format, path in first.items():
        assert path.read_bytes() == second[file_format].read_bytes(), file_format
    assert b"CreationDate" not in first["pdf"].read_bytes()
    assert "dc:date" not in first["svg"].read_text(encoding="utf-8")
    assert Image.open(first["png"]).info.keys() <= {"Software", "dpi"}


def test_the_figure_is_stamped_if_a_demo_model_is_drawn(run, tmp_path):
    demo = save_figure(run.request(images=1), tmp_path / "demo")["svg"].read_text(encoding="utf-8")
    published = save_figure(run.request(images=1, models=PUBLISHED), tmp_path / "published")["svg"].read_text(
        encoding="utf-8"
    )
    assert 'id="demo-stamp"' in demo
    assert "demo models: not the published checkpoints" in demo
    assert "demo" not in published
    assert "demo-stamp" not in list_gids(draw(run.request(images=1)).figure)  # only the saved file is stamped


def test_the_figure_looks_like_its_reference_image(run, check_image):
    check_image(draw(run.request(images=1)).figure, "prompt-or-concept")
