import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samgap.annotations import ground_truth
from samgap.datasets import AnnotatedImage, Annotation
from samgap.datasets.write import write_dataset
from samgap.errors import UserError
from samgap.paper import layout
from samgap.paper.figures import FigureRequest
from samgap.paper.style import MARGIN_IN
from tests.helpers.drawn_texts import check_texts
from tests.helpers.paper import MODELS, draw, list_gids, list_texts, save_figure

SIZE = 64
ATTRIBUTES = {"ripeness": ["ripe", "unripe"], "health": ["healthy", "diseased", "dented"]}


def square_mask(cell, side):
    """Return a square in one of nine cells of the image."""
    mask = np.zeros((SIZE, SIZE), bool)
    y, x = divmod(cell, 3)
    mask[4 + 20 * y : 4 + 20 * y + side, 4 + 20 * x : 4 + 20 * x + side] = True
    return mask


def encode_image(index):
    """Return a grey image as PNG."""
    data = io.BytesIO()
    Image.fromarray(np.full((SIZE, SIZE, 3), 40 + 20 * index, np.uint8)).save(data, "png")
    return data.getvalue()


def apple(cell, side=10, ripeness="ripe", health="healthy", **options):
    return Annotation(
        "apple", mask=square_mask(cell, side), attributes={"ripeness": ripeness, "health": health}, **options
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write six images with 0 to 5 instances; for each condition of an example, one instance that fails it."""
    labels = [
        [],
        [apple(0, side=4)],
        [apple(0, side=6), apple(1, health="diseased")],
        [apple(0, side=8), apple(1, ripeness="unripe"), Annotation("pear", mask=square_mask(2, 12))],
        [
            apple(0),
            apple(1, 9, occluded_fraction=0.7),
            apple(2, 11, ignore=True),
            Annotation("pear", mask=square_mask(3, 9)),
        ],
        [apple(cell, 12 - cell, health="dented" if cell == 4 else "healthy") for cell in range(5)],
    ]
    border = np.zeros((SIZE, SIZE), bool)
    border[:14, :14] = True  # the largest ripe apple, but cut by the image border
    labels[1][0] = Annotation("apple", mask=border, attributes={"ripeness": "ripe", "health": "healthy"})
    images = [
        AnnotatedImage(f"s{index}.png", encode_image(index), SIZE, SIZE, "g", annotations, {"lighting": "dusk"})
        for index, annotations in enumerate(labels)
    ]
    folder = tmp_path_factory.mktemp("orchard")
    paths = [folder / name for name in ("images", "instances.json", "images.parquet")]
    write_dataset(images, {"nouns": ["apple", "pear"], "attributes": ATTRIBUTES}, *paths, dataset="orchard")
    return folder


def make_request(folder, images=3, attributes=("ripeness", "health")):
    inputs = {"images": str(folder / "images"), "image_table": str(folder / "images.parquet")}
    inputs |= {"truth": str(folder / "instances.json"), "estimates": "not-read"}
    entry = {"dataset": "orchard", "images": images, **({"attributes": list(attributes)} if attributes else {})}
    return FigureRequest("contact-sheet", inputs, entry, MODELS)


def read_instances(folder):
    """Return the instances of all images, by id."""
    truth = ground_truth.read_ground_truth(folder / "instances.json")
    return {instance.id: instance for image_id in truth.images for instance in truth.instances_of(image_id)}


def test_images_are_quantiles_of_the_instance_count(folder):
    rows = draw(make_request(folder)).rows
    # Six images ranked by their instances, at 1/6, 3/6 and 5/6.
    assert rows[rows["part"] == "image"]["file"].unique().tolist() == ["s1.png", "s3.png", "s5.png"]


def test_rows_list_every_instance_of_the_images(folder):
    rows = draw(make_request(folder, images=9)).rows
    assert set(rows[rows["part"] == "image"]["instance_id"]) == set(read_instances(folder))
    assert set(rows["source"]) == {f"{folder / 'images.parquet'};{folder / 'instances.json'}"}


def test_examples_have_the_value_of_their_row_and_are_visible(folder):
    rows = draw(make_request(folder)).rows
    instances = read_instances(folder)
    examples = rows[rows["part"] != "image"]
    assert set(examples["part"]) == {f"{name}={value}" for name, values in ATTRIBUTES.items() for value in values}
    for row in examples.itertuples():
        instance, (name, value) = instances[row.instance_id], row.part.split("=")
        assert instance.noun == "apple" and instance.attributes[name] == value
        assert not instance.ignore and (instance.occlusion or 0) <= 0.5 and min(instance.box) > 0
        if name == "ripeness":
            assert instance.attributes["health"] == "healthy"  # the most frequent value
    ripe = examples[examples["part"] == "ripeness=ripe"]["area_px"].tolist()
    assert len(ripe) == 6  # of seven candidates
    assert ripe == sorted(ripe, reverse=True)
    assert 14 * 14 not in ripe and max(ripe) == 12 * 12


def test_colours_and_letters_are_those_of_the_annotations(folder):
    figure = draw(make_request(folder, images=6)).figure
    texts, gids = list_texts(figure), list_gids(figure)
    assert {"ripe", "unripe", "without ripeness", "ignored"} <= set(texts)
    assert "D diseased" in texts and "E dented" in texts  # two letters, although both words begin with the same letter
    expected = {"diseased": "D", "dented": "E", None: "pear", "healthy": None}
    for instance in read_instances(folder).values():
        text = None if instance.ignore else expected[instance.attributes.get("health")]
        object_gids = [gid for gid in gids if gid.startswith(f"object-{instance.id}-")]
        assert object_gids == ([f"object-{instance.id}-{text}"] if text else [])
    assert any(text.startswith("s4: apple 2, ignored 1, pear 1") for text in texts)


def test_captions_are_not_wider_than_their_images(folder):
    figure = draw(make_request(folder, images=6)).figure
    captions = [text for axes in figure.axes for text in axes.texts if text.get_text().startswith("s")]
    assert len(captions) == 6
    for caption in captions:
        width = caption.axes.get_position().width * figure.get_size_inches()[0]
        assert all(layout.text_width(line) <= width for line in caption.get_text().splitlines())


def test_no_text_overlaps_or_is_cut_and_no_image_is_at_the_edge(folder):
    figure = draw(make_request(folder, images=6)).figure
    check_texts(figure)
    for axes in figure.axes:
        box = axes.get_position()
        margin = 0.99 * MARGIN_IN / figure.get_size_inches()[0]
        assert box.x0 >= margin and box.x1 <= 1 - margin


def test_a_file_of_many_photographs_is_small(tmp_path):
    # Noise, which cannot be compressed, is the worst case.
    rng = np.random.default_rng(0)
    images = []
    for index in range(12):
        data = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (512, 512, 3), np.uint8)).save(data, "png")
        images.append(AnnotatedImage(f"s{index}.png", data.getvalue(), 512, 512, "g", [], {}))
    paths = [tmp_path / name for name in ("images", "instances.json", "images.parquet")]
    write_dataset(images, {"nouns": ["apple"], "attributes": {}}, *paths, dataset="noise")
    files = save_figure(make_request(tmp_path, images=12, attributes=()), tmp_path / "out")
    for file_format in ("pdf", "svg"):
        assert files[file_format].stat().st_size < 3_000_000, file_format


def test_only_annotations_are_drawn_so_there_is_no_demo_stamp(folder, tmp_path):
    assert "demo-stamp" not in save_figure(make_request(folder), tmp_path)["svg"].read_text(encoding="utf-8")


def test_a_data_set_of_boxes_without_attributes(folder, tmp_path):
    data = json.loads((folder / "instances.json").read_text(encoding="utf-8"))
    for row in data["annotations"]:
        del row["segmentation"]
    boxes = tmp_path / "boxes"
    boxes.mkdir()
    (boxes / "images").symlink_to(folder / "images")
    (boxes / "images.parquet").symlink_to(folder / "images.parquet")
    (boxes / "instances.json").write_text(json.dumps(data), encoding="utf-8")
    rows = draw(make_request(boxes, attributes=())).rows
    assert set(rows["part"]) == {"image"} and len(rows) == 9


def test_an_unknown_attribute_is_an_error_that_names_the_known_ones(folder):
    message = r"figures.contact-sheet.attributes: orchard has no 'ripenes'; name some of \['health', 'ripeness'\]"
    with pytest.raises(UserError, match=message):
        draw(make_request(folder, attributes=("ripenes",)))


def test_files_are_byte_identical_when_drawn_again(folder, tmp_path):
    first, second = (save_figure(make_request(folder), tmp_path / name) for name in "ab")
    for file_format, path in first.items():
        assert path.read_bytes() == second[file_format].read_bytes(), file_format
    assert pd.read_csv(first["rows"])["part"].tolist() == draw(make_request(folder)).rows["part"].tolist()


def test_the_figure_looks_like_its_reference_image(folder, check_image):
    check_image(draw(make_request(folder)).figure, "contact-sheet")
