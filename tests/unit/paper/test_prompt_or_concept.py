import re

import pandas as pd
import pytest
from PIL import Image

from samgap.tables.predictions import MASKS
from samgap.tables.prompts import PROMPTS


def images_of(rows):
    return list(dict.fromkeys(rows["image_id"]))


def test_images_are_quantiles_of_the_instance_count(scene, paper, tmp_path):
    rows = pd.read_csv(scene.draw(tmp_path)["rows"])
    # Ranked by discs: 1 (1), 3 (2), 5 (2), 4 (3), 0 (4), 6 (6); image 2 has none. Quantiles 1/6, 3/6, 5/6.
    assert images_of(rows) == [3, 4, 6]
    middle = pd.read_csv(scene.draw(tmp_path / "one", images=1)["rows"])
    assert images_of(middle) == [4]
    everything = pd.read_csv(scene.draw(tmp_path / "all", images=20)["rows"])
    assert images_of(everything) == [1, 3, 5, 4, 0, 6]


def test_rows_are_what_is_drawn(scene, tmp_path):
    rows = pd.read_csv(scene.draw(tmp_path)["rows"])
    masks = pd.concat([MASKS.read(path) for path in scene.spatial_masks + scene.concept_masks])
    for row in rows.itertuples():
        same = masks[(masks["prompt_id"] == row.prompt_id) & (masks["prediction_id"] == row.prediction_id)]
        assert same["area_px"].tolist() == [row.area_px]
        parquet = row.source.split(";")
        assert row.prompt_id in set(PROMPTS.read(parquet[0])["prompt_id"])
        assert row.prompt_id in set(MASKS.read(parquet[1])["prompt_id"])
    spatial, concept = (rows[rows["side"] == side] for side in ("spatial", "concept"))
    assert len(spatial) == 2 + 3 + 6  # one mask a box, though its score of 0.3 is below the threshold
    assert len(concept) == 2 + 3 + 5  # scores 0.9 down to 0.5: the sixth, 0.4, is left out
    assert set(concept["phrase"]) == {"apple"}
    assert concept["score"].min() >= 0.5


def test_missing_weights_are_told_and_nothing_is_drawn_for_them(paper, tmp_path):
    scene = paper.Scene(tmp_path / "scene", skipped="weights not available (no network)")
    made = scene.draw(tmp_path, models=paper.PUBLISHED)
    rows = pd.read_csv(made["rows"])
    assert set(rows["note"]) == {"skipped: weights not available (no network)"}
    assert rows["prediction_id"].isna().all()
    assert len(rows) == (2 + 3 + 6) + 3  # the prompts are drawn all the same
    svg = made["svg"].read_text()
    assert svg.count("skipped: weights not") == 6
    assert len(re.findall(r'id="(Quad)?[Cc]ontour', svg)) == 0


def test_a_phrase_without_truth_gives_a_figure_that_says_so(scene, tmp_path):
    made = scene.draw(tmp_path, phrase="ripe apple")
    rows = pd.read_csv(made["rows"])
    (note,) = rows["note"]
    assert note == "not evaluable: no image of discs has a prompt and known instances of “ripe apple”"
    assert rows["source"].tolist() == [str(scene.concepts)]
    assert "not evaluable: no image of discs" in made["svg"].read_text()


def test_a_phrase_that_is_not_asked_is_refused_in_one_line(scene, tmp_path):
    with pytest.raises(SystemExit):
        scene.draw(tmp_path, phrase="plum")
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert "“plum” is no phrase of the prompts concepts; name one of ['apple', 'pear', 'ripe apple']" in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log"]


def test_an_unreadable_photograph_is_refused_in_one_line(paper, tmp_path):
    scene = paper.Scene(tmp_path / "scene")
    (tmp_path / "scene/images/tree-4.png").write_bytes(b"no image")
    with pytest.raises(SystemExit):
        scene.draw(tmp_path / "out", images=1)
    (line,) = (tmp_path / "out/log").read_text().splitlines()
    assert "tree-4.png: not a readable image" in line


def test_same_bytes_twice_and_no_date(scene, tmp_path):
    first, second = scene.draw(tmp_path / "a"), scene.draw(tmp_path / "b")
    for form, path in first.items():
        assert path.read_bytes() == second[form].read_bytes(), form
    assert b"CreationDate" not in first["pdf"].read_bytes()
    assert "dc:date" not in first["svg"].read_text()
    assert Image.open(first["png"]).info.keys() <= {"Software", "dpi"}


def test_stamped_where_a_demo_model_is_drawn(scene, paper, tmp_path):
    demo = scene.draw(tmp_path / "demo")["svg"].read_text()
    published = scene.draw(tmp_path / "published", models=paper.PUBLISHED)["svg"].read_text()
    assert 'id="demo-stamp"' in demo
    assert "demo models: not the published checkpoints" in demo
    assert "demo" not in published
