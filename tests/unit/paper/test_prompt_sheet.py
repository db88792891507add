"""The prompt sheet: which images and prompts are drawn, what is written beside them, and that each is in the CSV."""

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samgap.annotations import ground_truth
from samgap.datasets import AnnotatedImage, Annotation
from samgap.datasets.write import write_dataset
from samgap.masks import rle
from samgap.prompts import box, clicks, exemplar, grid, mask, phrases, point, track
from samgap.prompts import write as _write
from samgap.prompts.seed import Seed
from samgap.tables.prompts import PROMPTS

SIZE = 64
PHRASES = [
    {"phrase": "apple", "noun": "apple"},
    {"phrase": "pear", "noun": "pear"},
    {"phrase": "shiny apple", "noun": "apple", "attributes": {"gloss": "high"}},
]
APPLE = PHRASES[:1]
SETS = {
    "box": (box, {"jitter": 0.1}),
    "points": (point, {"points": 2, "negatives": 1}),
    "mask": (mask, {"coarse": "dilated"}),
    "clicks": (clicks, {"clicks": 9}),
    "grid": (grid, {"side": 4}),
    "words": (phrases, {"phrases": PHRASES}),
    "unknown": (phrases, {"phrases": PHRASES[2:]}),
    "examples": (exemplar, {"phrases": APPLE, "positives": 2, "negatives": 1}),
}


def square(place, side=10):
    found = np.zeros((SIZE, SIZE), bool)
    y, x = divmod(place, 3)
    found[4 + 20 * y : 4 + 20 * y + side, 4 + 20 * x : 4 + 20 * x + side] = True
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five images of 0 to 4 objects with their prompts; the one of a single object holds no apple."""
    found = tmp_path_factory.mktemp("sheet")
    Image.new("RGB", (SIZE, SIZE), (60, 90, 50)).save(found / "plain.png")
    data = (found / "plain.png").read_bytes()
    labels = [[Annotation("apple", mask=square(place, 6 + place)) for place in range(count)] for count in range(5)]
    labels[1] = [Annotation("pear", mask=square(4))]
    labels[4][3] = Annotation("pear", mask=square(7))
    pictures = [AnnotatedImage(f"s{number}.png", data, SIZE, SIZE, "g", each, {}) for number, each in enumerate(labels)]
    paths = [found / name for name in ("images", "instances.json", "images.parquet")]
    write_dataset(pictures, {"nouns": ["apple", "pear"], "attributes": {}}, *paths, dataset="orchard")
    known = ground_truth.read_ground_truth(found / "instances.json")
    for name, (kind, options) in SETS.items():
        _write.write_prompts(
            found / f"{name}.parquet", kind.generate_prompts(known, options, Seed(1, "orchard")), known, {}
        )
    return found


def draw(paper, folder, out, sets=tuple(SETS), images=2, **entry):
    inputs = {"images": str(folder / "images"), "image_table": str(folder / "images.parquet")}
    inputs |= {"truth": str(folder / "instances.json"), "estimates": "unread"}
    inputs["prompts"] = [str(folder / f"{name}.parquet") for name in sets]
    entry = {"dataset": "orchard", "images": images, "prompts": list(sets)} | entry
    out.mkdir(parents=True, exist_ok=True)
    params, wildcards = {"entry": entry, "models": paper.MODELS}, {"figure": "prompt-sheet", "run": "test"}
    return paper.run_script("figures/prompt-sheet", out, inputs, params, wildcards, ["pdf", "svg", "png", "rows"])


@pytest.fixture(scope="module")
def drawn(paper, folder, tmp_path_factory):
    return draw(paper, folder, tmp_path_factory.mktemp("out"))


def test_every_spatial_prompt_of_the_images_is_there_and_one_of_the_others(folder, drawn):
    rows = pd.read_csv(drawn["rows"])
    # Of the four images with objects, ranked by their number, those at a quarter and three quarters.
    assert rows["file"].unique().tolist() == ["s2.png", "s4.png"]
    counts = rows.groupby(["prompts", "file"]).size()
    for name in ("box", "points", "mask", "clicks"):
        assert counts[name].tolist() == [2, 4]
    for name in ("grid", "words", "unknown", "examples"):
        assert counts[name].tolist() == [1, 1]
    for name, found in rows.groupby("prompts"):
        table = PROMPTS.read(folder / f"{name}.parquet").set_index("prompt_id")
        assert set(found["prompt_id"]) <= set(table.index)
        assert set(found["source"]) == {str(folder / f"{name}.parquet")}
    assert set(rows[rows["prompts"] == "points"]["points"]) == {3}
    assert rows[rows["prompts"] == "mask"]["mask"].all()
    assert rows[rows["prompts"] == "unknown"]["n_truth"].isna().all()


def test_words_say_what_is_asked_and_how_many_answer(drawn):
    svg = drawn["svg"].read_text()
    for name in SETS:
        assert f'id="set-{name}"' in svg
    said = re.findall(r"<!-- (.*?) -->", svg, re.DOTALL)
    assert said.count("up to 9 clicks") == 2
    assert {"2 × 16 points", "4 × 16 points", "? × “shiny apple”"} <= set(said)
    # Of the phrases with something to find, the one at a quarter and at three quarters.
    assert {"2 × “apple”", "1 × “pear”"} <= set(said)
    assert "demo-stamp" not in svg  # no model has a part in it


def test_negative_prompts_are_blue_and_positive_ones_orange(paper, folder, tmp_path, drawn):
    def painted(path):
        pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
        return [int((np.abs(pixels - colour).sum(axis=2) < 30).sum()) for colour in ((230, 159, 0), (0, 114, 178))]

    orange, blue = painted(drawn["png"])
    assert orange > 500 and blue > 50
    orange, blue = painted(draw(paper, folder, tmp_path, sets=("box",))["png"])
    assert orange > 100 and blue == 0


def test_tracks_say_which_are_shown_and_which_followed(paper, tmp_path):
    """Two objects from the first frame on, a third that comes on the second."""
    Image.new("RGB", (SIZE, SIZE), (60, 90, 50)).save(tmp_path / "plain.png")
    data = (tmp_path / "plain.png").read_bytes()
    pictures = []
    for frame in range(2):
        labels = [Annotation("apple", mask=square(place), track_id=place) for place in range(2 + frame)]
        pictures.append(
            AnnotatedImage(f"s/{frame}.png", data, SIZE, SIZE, "s", labels, {}, sequence="s", frame_index=frame)
        )
    paths = [tmp_path / name for name in ("images", "instances.json", "images.parquet")]
    write_dataset(pictures, {"nouns": ["apple"], "attributes": {}}, *paths, dataset="orchard")
    known = ground_truth.read_ground_truth(paths[1])
    _write.write_prompts(tmp_path / "track.parquet", track.generate_prompts(known, {}, Seed(1, "orchard")), known, {})
    drawn = draw(paper, tmp_path, tmp_path / "out", sets=("track",))
    said = re.findall(r"<!-- (.*?) -->", drawn["svg"].read_text(), re.DOTALL)
    assert {"2 shown, 0 followed", "1 shown, 2 followed"} <= set(said)
    rows = pd.read_csv(drawn["rows"]).sort_values(["file", "prompt_id"])
    assert rows["boxes"].tolist() == [1, 1, 0, 0, 1] and rows["n_truth"].tolist() == [1] * 5


def test_an_image_without_a_prompt_says_so(paper, folder, tmp_path):
    svg = draw(paper, folder, tmp_path, sets=("examples",), images=9)["svg"].read_text()
    assert "<!-- nothing asked -->" in svg  # the pear alone has no example of an apple


@pytest.mark.parametrize(
    ("sets", "images", "message"),
    [(tuple(SETS) * 12, 4, "96 prompt sets on 4 images each do not fit on a page"), ((), 2, "names no `prompts`")],
)
def test_what_cannot_be_drawn_is_one_line(paper, folder, tmp_path, sets, images, message):
    numbered = tuple(f"{name}-{place}" for place, name in enumerate(sets))
    for alias, name in zip(numbered, sets, strict=True):
        (tmp_path / f"{alias}.parquet").symlink_to(folder / f"{name}.parquet")
    for name in ("images", "images.parquet", "instances.json"):
        (tmp_path / name).symlink_to(folder / name)
    with pytest.raises(SystemExit):
        draw(paper, tmp_path, tmp_path / "out", numbered, images, **({} if sets else {"prompts": []}))
    (line,) = (tmp_path / "out" / "log").read_text().splitlines()
    assert message in line


def test_same_bytes_twice(paper, folder, tmp_path):
    sets = ("points", "mask", "words")
    first, second = (draw(paper, folder, tmp_path / name, sets) for name in ("a", "b"))
    for form, path in first.items():
        assert path.read_bytes() == second[form].read_bytes(), form


def test_a_prior_mask_in_the_table_is_that_of_the_kind(folder):
    table = PROMPTS.read(folder / "mask.parquet")
    found = rle.decode(rle.make_rle(table["mask"].iloc[0], SIZE, SIZE))
    assert found.any() and not found.all()
