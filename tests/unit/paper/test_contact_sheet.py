"""The contact sheet: which images and objects are drawn, what tells them apart, and that every one is in the CSV."""

import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samgap.annotations import ground_truth
from samgap.datasets import AnnotatedImage, Annotation
from samgap.datasets.write import write_dataset

SIZE = 64
ATTRIBUTES = {"ripeness": ["ripe", "unripe"], "health": ["healthy", "diseased", "dented"]}


def square(place, side):
    mask = np.zeros((SIZE, SIZE), bool)
    y, x = divmod(place, 3)
    mask[4 + 20 * y : 4 + 20 * y + side, 4 + 20 * x : 4 + 20 * x + side] = True
    return mask


def encoded(number):
    data = io.BytesIO()
    Image.fromarray(np.full((SIZE, SIZE, 3), 40 + 20 * number, np.uint8)).save(data, "png")
    return data.getvalue()


def apple(place, side=10, ripeness="ripe", health="healthy", **more):
    return Annotation("apple", mask=square(place, side), attributes={"ripeness": ripeness, "health": health}, **more)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six images of 0 to 5 objects; only one object of each kind that must not be an example."""
    labels = [
        [],
        [apple(0, side=4)],
        [apple(0, side=6), apple(1, health="diseased")],
        [apple(0, side=8), apple(1, ripeness="unripe"), Annotation("pear", mask=square(2, 12))],
        [apple(0), apple(1, 9, occlusion=0.7), apple(2, 11, ignore=True), Annotation("pear", mask=square(3, 9))],
        [apple(place, 12 - place, health="dented" if place == 4 else "healthy") for place in range(5)],
    ]
    edge = np.zeros((SIZE, SIZE), bool)
    edge[:14, :14] = True  # the largest ripe one, but cut by the frame
    labels[1][0] = Annotation("apple", mask=edge, attributes={"ripeness": "ripe", "health": "healthy"})
    given = {"lighting": "dusk"}
    pictures = [AnnotatedImage(f"s{n}.png", encoded(n), SIZE, SIZE, "g", each, given) for n, each in enumerate(labels)]
    found = tmp_path_factory.mktemp("orchard")
    paths = [found / name for name in ("images", "instances.json", "images.parquet")]
    write_dataset(pictures, {"nouns": ["apple", "pear"], "attributes": ATTRIBUTES}, *paths, dataset="orchard")
    return found


def draw(paper, folder, out, images=3, attributes=("ripeness", "health")):
    inputs = {"images": str(folder / "images"), "image_table": str(folder / "images.parquet")}
    inputs |= {"truth": str(folder / "instances.json"), "estimates": "unread"}
    entry = {"dataset": "orchard", "images": images, **({"attributes": list(attributes)} if attributes else {})}
    out.mkdir(parents=True, exist_ok=True)
    wildcards = {"figure": "contact-sheet", "run": "test"}
    params = {"entry": entry, "models": paper.MODELS}
    return paper.run_script("figures/contact-sheet", out, inputs, params, wildcards, ["pdf", "svg", "png", "rows"])


def test_images_are_quantiles_of_the_object_count(paper, folder, tmp_path):
    rows = pd.read_csv(draw(paper, folder, tmp_path)["rows"])
    # Six images ranked by their objects: places 1/6, 3/6, 5/6.
    assert rows[rows["part"] == "image"]["file"].unique().tolist() == ["s1.png", "s3.png", "s5.png"]
    every = pd.read_csv(draw(paper, folder, tmp_path / "all", images=9)["rows"])
    found = ground_truth.read_ground_truth(folder / "instances.json")
    ids = {each.id for image in found.images for each in found.instances_of(image)}
    assert set(every[every["part"] == "image"]["instance_id"]) == ids


def test_examples_have_what_their_row_says_and_nothing_hides_it(paper, folder, tmp_path):
    rows = pd.read_csv(draw(paper, folder, tmp_path)["rows"])
    found = ground_truth.read_ground_truth(folder / "instances.json")
    known = {each.id: each for image in found.images for each in found.instances_of(image)}
    examples = rows[rows["part"] != "image"]
    assert set(examples["part"]) == {f"{name}={value}" for name, values in ATTRIBUTES.items() for value in values}
    for row in examples.itertuples():
        each, (name, value) = known[row.instance_id], row.part.split("=")
        assert each.noun == "apple" and each.attributes[name] == value
        assert not each.ignore and (each.occlusion or 0) <= 0.5 and min(each.box) > 0
        if name == "ripeness":
            assert each.attributes["health"] == "healthy"  # the usual value
    ripe = examples[examples["part"] == "ripeness=ripe"]["area_px"].tolist()
    assert len(ripe) == 6  # of the seven that fit, the sixth parts' middles
    assert ripe == sorted(ripe, reverse=True)
    assert 14 * 14 not in ripe and max(ripe) == 12 * 12


def test_colours_letters_and_words_are_those_of_the_labels(paper, folder, tmp_path):
    svg = draw(paper, folder, tmp_path, images=6)["svg"].read_text()
    said = re.findall(r"<!-- (.*?) -->", svg)
    legend = [text for text in said if text in ("ripe", "unripe", "has no such value", "ignored")]
    assert {"ripe", "unripe", "has no such value", "ignored"} <= set(legend)
    assert "D  diseased" in said and "E  dented" in said  # two letters, though both words begin with one
    found = ground_truth.read_ground_truth(folder / "instances.json")
    words = {("diseased",): "D", ("dented",): "E", (): "pear", ("healthy",): None}
    for image in found.images:
        for each in found.instances_of(image):
            health = tuple(value for name, value in each.attributes.items() if name == "health")
            told = re.findall(rf'id="object-{each.id}-([^"]*)"', svg)
            assert told == ([words[health]] if words[health] and not each.ignore else [])
    assert any(text.startswith("s4: apple 2, ignored 1, pear 1") for text in said)
    assert "demo-stamp" not in svg  # no model has a part in it


def test_a_data_set_of_boxes_without_attributes(paper, folder, tmp_path):
    data = json.loads((folder / "instances.json").read_text())
    for row in data["annotations"]:
        del row["segmentation"]
    boxes = tmp_path / "boxes"
    boxes.mkdir()
    (boxes / "images").symlink_to(folder / "images")
    (boxes / "images.parquet").symlink_to(folder / "images.parquet")
    (boxes / "instances.json").write_text(json.dumps(data))
    rows = pd.read_csv(draw(paper, boxes, tmp_path / "out", attributes=())["rows"])
    assert set(rows["part"]) == {"image"} and len(rows) == 9


def test_rows_name_their_tables(paper, folder, tmp_path):
    rows = pd.read_csv(draw(paper, folder, tmp_path)["rows"])
    assert set(rows["source"]) == {f"{folder / 'images.parquet'};{folder / 'instances.json'}"}


def test_an_attribute_that_is_not_labelled_is_refused_in_one_line(paper, folder, tmp_path):
    with pytest.raises(SystemExit):
        draw(paper, folder, tmp_path, attributes=("ripenes",))
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert "figures.contact-sheet.attributes: orchard has no 'ripenes'; name some of ['health', 'ripeness']" in line


def test_same_bytes_twice(paper, folder, tmp_path):
    first, second = draw(paper, folder, tmp_path / "a"), draw(paper, folder, tmp_path / "b")
    for form, path in first.items():
        assert path.read_bytes() == second[form].read_bytes(), form
