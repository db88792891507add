"""The page on one's own data: its entries, as they stand there, on data laid out as it says."""

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from snakemake.utils import update_config

from samgap.annotations import ground_truth
from samgap.config.cells import referenced_ids
from samgap.config.validate import validate_config
from samgap.datasets import coco, minneapple_layout, write
from samgap.errors import UserError
from samgap.tables.images import IMAGES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "how-to" / "your-own-data.md").read_text()
ENTRIES = [
    entry
    for text in re.findall(r"^ *```yaml\n(.*?)^ *```$", PAGE, re.M | re.S)
    if "run" in (entry := yaml.safe_load(text))
]
KINDS = {"coco": coco, "minneapple-layout": minneapple_layout}
NAMES = ("row1_0001.jpg", "row1_0002.jpg", "row2_0001.jpg")


def checked(entry: dict[str, Any]) -> dict[str, Any]:
    """The paper's configuration with an entry of the page over it, as Snakemake lays one over the other."""
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    update_config(config, entry)
    return validate_config(config, ROOT)


def ids() -> np.ndarray:
    found = np.zeros((30, 40), np.uint16)
    found[4:10, 5:12] = 1
    found[20:24, 30:36] = 700
    return found


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`data/my-orchard` with both layouts, below the working directory."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data" / "my-orchard"
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for name in NAMES:
        Image.new("RGB", (40, 30), "green").save(folder / "images" / name)
        Image.fromarray(ids()).save(folder / "masks" / Path(name).with_suffix(".png"))
    boxes = {1: [5, 4, 7, 6], 700: [30, 20, 6, 4]}
    labels = {
        "images": [
            {"id": number, "file_name": name, "width": 40, "height": 30} for number, name in enumerate(NAMES, start=1)
        ],
        "categories": [{"id": 1, "name": "apple"}],
        "annotations": [
            {
                "id": 10 * image + number,
                "image_id": image,
                "category_id": 1,
                "bbox": box,
                "segmentation": [polygon(box)],
            }
            for image in (1, 2, 3)
            for number, box in enumerate(boxes.values())
        ],
    }
    (folder / "instances.json").write_text(json.dumps(labels))
    return folder


def polygon(box: list[int]) -> list[int]:
    x, y, width, height = box
    return [x, y, x + width, y, x + width, y + height, x, y + height]


def test_the_page_shows_both_layouts() -> None:
    assert [entry["datasets"]["my-orchard"]["kind"] for entry in ENTRIES] == list(KINDS)


@pytest.mark.parametrize("entry", ENTRIES, ids=KINDS)
@pytest.mark.usefixtures("data")
def test_an_entry_of_the_page_is_a_run_on_ones_own_data_alone(entry: dict[str, Any]) -> None:
    config = checked(entry)
    assert config["run"] == "my-orchard"
    drawn = {figure["dataset"] for figure in config["figures"].values() if "dataset" in figure}
    assert {*referenced_ids(config, "datasets"), *drawn} == {"my-orchard"}, "name what is new on the page too"


@pytest.mark.parametrize("entry", ENTRIES, ids=KINDS)
def test_an_entry_of_the_page_reads_what_it_shows(data: Path, entry: dict[str, Any]) -> None:
    options = checked(entry)["datasets"]["my-orchard"]
    kind, out = KINDS[options["kind"]], Path("out")
    counts = write.write_dataset(
        kind.iter_images(options, {"data": Path(options["path"])}, 0),
        kind.describe_labels(options),
        *(out / "images", out / "instances.json", out / "images.parquet"),
        dataset="my-orchard",
    )
    assert (counts["n_images"], counts["n_instances"], counts["n_ignored"]) == (3, 6, 0)
    found = ground_truth.read_ground_truth(out / "instances.json")
    assert found.nouns == {"apple", "orange", "pear"}
    for image_id in (1, 2, 3):
        masks = [item.decode_mask() for item in found.instances_of(image_id)]
        np.testing.assert_array_equal(masks, [ids() == 1, ids() == 700])
    table = IMAGES.read(out / "images.parquet")
    assert list(table["group"]) == ["row1", "row1", "row2"]
    assert [(out / "images" / name).read_bytes() for name in NAMES] == [
        (data / "images" / name).read_bytes() for name in NAMES
    ]


def test_an_archive_in_place_of_the_path() -> None:
    [text] = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.S) if "sha256" in text]
    entry = yaml.safe_load("\n".join(line.removeprefix("  ") for line in text.splitlines()))
    for shown in ENTRIES:
        merged = json.loads(json.dumps(shown))
        del merged["datasets"]["my-orchard"]["path"]
        update_config(merged, entry)
        config = checked(merged)
        assert config["datasets"]["my-orchard"]["archives"] == {"data": "my-orchard"}
        assert config["archives"]["my-orchard"]["file"] == "my-orchard.zip"


def test_an_address_becomes_an_archive_that_is_fetched_once() -> None:
    url = "https://example.org/sets/orchard.tar.gz?version=2"
    entry = json.loads(json.dumps(ENTRIES[0]))
    entry["datasets"]["my-orchard"]["path"] = url
    entry["datasets"]["my-orchard-val"] = {**entry["datasets"]["my-orchard"], "files": "val.txt"}
    config = checked(entry)
    assert config["archives"]["my-orchard"] == {"file": "orchard.tar.gz", "url": url} | {
        key: value for key, value in config["archives"]["my-orchard"].items() if key not in ("file", "url")
    }
    for name in ("my-orchard", "my-orchard-val"):
        assert config["datasets"][name]["archives"] == {"data": "my-orchard"}


@pytest.mark.parametrize("what", ["path and archives", "neither"])
def test_either_a_path_or_archives(what: str) -> None:
    for shown in ENTRIES:
        entry = json.loads(json.dumps(shown))
        options = entry["datasets"]["my-orchard"]
        if what == "neither":
            del options["path"]
        else:
            options["archives"] = {"data": "minneapple-detection"}
        with pytest.raises(UserError) as caught:
            checked(entry)
        assert "datasets.my-orchard" in str(caught.value)
        assert "\n" not in str(caught.value)


# --- MinneApple's layout: what of it is not as with MinneApple itself


def read(folder: Path, **options: Any) -> list[Any]:
    return list(minneapple_layout.iter_images(options, {"data": folder}, 0))


def error(folder: Path, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        read(folder, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_noun_attributes_and_files(data: Path) -> None:
    (data.parent / "part.txt").write_text("row2_0001.jpg\n")
    options = {"noun": "pear", "attributes": {"ripeness": "ripe"}, "absent": ["apple"]}
    [picture] = read(data, files=str(data.parent / "part.txt"), **options)
    assert picture.group == "row2_0001"
    assert {(label.noun, *label.attributes.items()) for label in picture.annotations} == {
        ("pear", ("ripeness", "ripe"))
    }
    assert minneapple_layout.describe_labels(options) == {
        "nouns": ["pear", "apple"],
        "attributes": {"ripeness": ["ripe"]},
    }


def test_other_folders_and_two_sources(data: Path) -> None:
    (data / "images").rename(data / "photos")
    assert "no folder images with images in it; it holds my-orchard, my-orchard/photos" in error(data)
    assert len(read(data, images="my-orchard/photos")) == 3
    (data / "masks").rename(data.parent / "masks")
    archives = {"images": data, "masks": data.parent / "masks"}
    assert len(list(minneapple_layout.iter_images({"images": "photos"}, archives, 0))) == 3
    assert "nothing is there" in error(data / "nowhere")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("masks/row1_0001.png", None, "no mask in masks for image row1_0001.jpg"),
        ("images/row1_0001.jpg", None, "no image in images for mask row1_0001.png"),
        ("masks/row1_0001.png", ids()[:, :39], "40x30 px, but its labels are for 39x30 px"),
        ("masks/row1_0001.png", np.dstack([ids().astype(np.uint8)] * 3), "of mode RGB"),
        ("masks/row1_0001.png", b"no picture", "mask row1_0001.png: unreadable image"),
        ("images/row1_0001.jpg", b"no picture", "row1_0001.jpg: unreadable image"),
        ("images/row1_0001.png", ids().astype(np.uint8), "row1_0001 is twice in images"),
    ],
)
def test_a_bad_pair_stops(data: Path, name: str, content: Any, said: str) -> None:
    if content is None:
        (data / name).unlink()
    elif isinstance(content, bytes):
        (data / name).write_bytes(content)
    else:
        Image.fromarray(content).save(data / name)
    assert said in error(data)


def test_a_mask_as_jpeg_is_refused(data: Path) -> None:
    (data / "masks" / "row1_0001.png").unlink()
    Image.fromarray(ids().astype(np.uint8)).save(data / "masks" / "row1_0001.jpg")
    assert "a mask is a PNG, this one is a JPEG" in error(data)


def test_masks_of_the_foreground_are_noticed(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    read(data)
    assert not caplog.records
    for file in (data / "masks").iterdir():
        Image.fromarray((ids() > 0).astype(np.uint8) * 255).save(file)
    read(data)
    assert "no mask has more than one value beside 0" in caplog.text


def test_a_turned_photograph_fits_the_mask_that_was_drawn_on_it(data: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    stream = io.BytesIO()
    Image.new("RGB", (30, 40), "green").save(stream, "JPEG", exif=exif)
    (data / "images" / NAMES[0]).write_bytes(stream.getvalue())
    first = next(picture for picture in read(data) if picture.file_name == NAMES[0])
    assert (first.width, first.height, len(first.annotations)) == (40, 30, 2)
