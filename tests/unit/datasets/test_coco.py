"""COCO files with each thing that can be in them, sound or not: what is valid arrives, what is not is named."""

import copy
import io
import json
import logging
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from pycocotools import mask as coco_mask

from samgap.annotations import ground_truth
from samgap.datasets import AnnotatedImage, Annotation, coco, coco_labels
from samgap.datasets.write import write_dataset
from samgap.errors import UserError

WIDTH, HEIGHT = 40, 30
OPTIONS: dict[str, Any] = {"annotations": ["labels.json"], "nouns": {"apple": "apple"}}


def photo(seed: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT), mode: str = "RGB", **saved: Any) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, "JPEG", **saved)
    return stream.getvalue()


def square(left: int = 5, top: int = 4, side: int = 6) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    mask[top : top + side, left : left + side] = 1
    return mask


def run_lengths(mask: np.ndarray) -> list[int]:
    """Uncompressed COCO counts, counted one by one."""
    counts, value = [0], 0
    for pixel in mask.ravel(order="F"):
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return counts


def compressed(mask: np.ndarray) -> dict[str, Any]:
    rle = coco_mask.encode(np.asfortranarray(mask))
    return {"size": rle["size"], "counts": rle["counts"].decode()}


def data(*annotations: dict[str, Any], images: tuple[str, ...] = ("a.jpg",)) -> dict[str, Any]:
    """A COCO file; an annotation without its own says that it is the only one, on image 1, of category 3."""
    rows = [{"id": number, "image_id": 1, "category_id": 3, **row} for number, row in enumerate(annotations, start=1)]
    listed = [
        {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT}
        for number, name in enumerate(images, start=1)
    ]
    return {"images": listed, "categories": [{"id": 3, "name": "apple"}], "annotations": rows}


def folder(path: Path, labels: dict[str, Any], **files: bytes) -> Path:
    """A folder with labels.json and, unless others are given, the images that it names."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "labels.json").write_text(json.dumps(labels))
    for name, content in (files or {row["file_name"]: photo() for row in labels["images"]}).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def whole(label: Annotation) -> np.ndarray:
    """A label's mask in the size of its image, and no larger than it must be."""
    assert label.mask.any(axis=0)[[0, -1]].all() and label.mask.any(axis=1)[[0, -1]].all()
    found = np.zeros((HEIGHT, WIDTH), bool)
    row, column = label.offset
    found[row : row + label.mask.shape[0], column : column + label.mask.shape[1]] = label.mask
    return found


def read(source: Path, **options: Any) -> list[AnnotatedImage]:
    return list(coco.iter_images({**OPTIONS, **options}, {"data": source}, seed=0))


def error(source: Path, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        read(source, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture):
    """The warnings so far."""
    caplog.set_level(logging.WARNING, logger="samgap")
    return lambda: [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


# --- what is valid


@pytest.mark.parametrize(
    "segmentation",
    [
        [[5, 4, 11, 4, 11, 10, 5, 10]],
        {"size": [HEIGHT, WIDTH], "counts": run_lengths(square())},
        compressed(square()),
    ],
    ids=["polygon", "uncompressed", "compressed"],
)
def test_each_form_of_a_mask(tmp_path: Path, warned, segmentation: Any) -> None:
    source = folder(tmp_path / "d", data({"bbox": [5, 4, 6, 6], "segmentation": segmentation}))
    [picture] = read(source)
    [label] = picture.annotations
    np.testing.assert_array_equal(whole(label), square().astype(bool))
    assert (label.noun, label.ignore, picture.group) == ("apple", False, "a")
    assert (picture.file_name, picture.width, picture.height) == ("a.jpg", WIDTH, HEIGHT)
    assert picture.encoded_bytes == (source / "a.jpg").read_bytes()
    assert warned() == []


def test_an_instance_of_two_polygons_is_one(tmp_path: Path) -> None:
    parts = [[5, 4, 11, 4, 11, 10, 5, 10], [20, 4, 26, 4, 26, 10, 20, 10]]
    [picture] = read(folder(tmp_path / "d", data({"bbox": [5, 4, 21, 6], "segmentation": parts})))
    np.testing.assert_array_equal(whole(picture.annotations[0]), (square() | square(left=20)).astype(bool))


def test_boxes_alone_stay_boxes(tmp_path: Path) -> None:
    rows = {"bbox": [5.5, 4, 6.25, 6]}, {"bbox": [1, 1, 2, 2], "segmentation": []}
    source = folder(tmp_path / "d", data(*rows))
    out = tmp_path / "out"
    write_dataset(
        coco.iter_images(OPTIONS, {"data": source}, 0),
        coco.describe_labels(OPTIONS),
        *(out / "images", out / "instances.json", out / "images.parquet"),
        dataset="boxes",
    )
    found = ground_truth.read_ground_truth(out / "instances.json").instances_of(1)
    assert [(item.box, item.rle, item.area) for item in found] == [
        ((5.5, 4, 11.75, 10), None, 37),
        ((1, 1, 3, 3), None, 4),
    ]
    assert all("segmentation" not in row for row in json.loads((out / "instances.json").read_text())["annotations"])


def test_a_crowd_counts_neither_as_hit_nor_as_false(tmp_path: Path, warned) -> None:
    crowd = {"iscrowd": 1, "bbox": [5, 4, 6, 6], "segmentation": compressed(square())}
    [picture] = read(folder(tmp_path / "d", data(crowd, {"bbox": [1, 1, 2, 2], "ignore": 1}, {"bbox": [1, 1, 3, 2]})))
    assert [label.ignore for label in picture.annotations] == [True, True, False]
    assert warned() == []


def test_an_image_without_apples_is_an_image(tmp_path: Path) -> None:
    source = folder(tmp_path / "d", data({"bbox": [1, 1, 2, 2], "image_id": 2}, images=("a.jpg", "b.jpg")))
    assert [(picture.file_name, len(picture.annotations)) for picture in read(source)] == [("a.jpg", 0), ("b.jpg", 1)]


def test_categories_become_nouns_with_attributes(tmp_path: Path, warned) -> None:
    labels = data({"bbox": [1, 1, 2, 2]}, {"bbox": [1, 1, 3, 3], "category_id": 4}, {"bbox": [9, 9, 3, 3]})
    labels["annotations"][2]["category_id"] = 5
    labels["categories"] += [{"id": 4, "name": "Red_Apple"}, {"id": 5, "name": "leaf"}]
    nouns = {"apple": "apple", "Red_Apple": {"noun": "apple", "attributes": {"colour": "red"}}}
    options = {"nouns": nouns, "attributes": {"ripeness": "ripe"}, "absent": ["pear"]}
    [picture] = read(folder(tmp_path / "d", labels), **options)
    assert [dict(label.attributes) for label in picture.annotations] == [
        {"ripeness": "ripe"},
        {"ripeness": "ripe", "colour": "red"},
    ]
    assert coco.describe_labels(options) == {
        "nouns": ["apple", "pear"],
        "attributes": {"ripeness": ["ripe"], "colour": ["red"]},
    }
    [warning] = warned()
    assert "1 of the category leaf, not in `nouns`, are left out (id 3)" in warning


def test_attributes_of_the_annotations(tmp_path: Path, warned) -> None:
    rows = [{"bbox": [n, 1, 2, 2], "attributes": {"hidden": value}} for n, value in enumerate((True, False, "no"))]
    values = {"hidden": ["true", "false"], "ripeness": ["ripe", "unripe"]}
    options = {"attribute-values": values, "attributes": {"ripeness": "ripe"}}
    [picture] = read(folder(tmp_path / "d", data(*rows, {"bbox": [9, 9, 2, 2]})), **options)
    assert [label.attributes.get("hidden") for label in picture.annotations] == ["true", "false", None, None]
    # Both values of ripeness are told apart here, so an unripe apple is known to be absent.
    assert coco.describe_labels({**OPTIONS, **options})["attributes"] == values
    assert "2 without a known value of hidden are taken to have none (id 3, 4)" in warned()[0]


def test_groups_by_source(tmp_path: Path) -> None:
    source = folder(tmp_path / "d", data(images=("DSC_1_17kv8_2.jpg", "DSC_1_17kv8_12.jpg", "DSC_2_17kv9_0.jpg")))
    found = read(source, groups=r"^(.+)_\d+\.jpg$")
    assert sorted(picture.group for picture in found) == ["DSC_1_17kv8", "DSC_1_17kv8", "DSC_2_17kv9"]
    assert "finds no source in this name" in error(source, groups=r"^(\d+)\.jpg$")
    assert "no regular expression with a group" in error(source, groups="DSC")
    assert "no regular expression with a group" in error(source, groups="(")


def test_only_the_listed_files_are_read(tmp_path: Path) -> None:
    source = folder(tmp_path / "d", data(images=("a.jpg", "b.jpg", "c.jpg")))
    (source / "b.jpg").write_bytes(b"no picture: must not be opened")
    (source / "c.jpg").unlink()
    listed = tmp_path / "list.txt"
    listed.write_text("# the good one\na.jpg\n\n")
    assert [picture.file_name for picture in read(source, files=str(listed))] == ["a.jpg"]
    listed.write_text("a.jpg\nz.jpg\n")
    assert f"{listed}: it names z.jpg, not labelled in" in error(source, files=str(listed))
    listed.write_text("# nothing\n")
    assert "names no file" in error(source, files=str(listed))
    assert "cannot be read" in error(source, files=str(tmp_path / "none.txt"))


def test_several_files_and_folders_of_an_archive(tmp_path: Path) -> None:
    """The published layout of AppleBBCH, as its archive holds it: one folder above all."""
    for pack in ("tar", "zip", "folder"):
        members = {"top/data/images/a.jpg": photo(1), "top/data/images/b.jpg": photo(2), "top/thumbs/a.jpg": b"small"}
        for part, name in (("train", "a.jpg"), ("test", "b.jpg")):
            members[f"top/annotations/x_{part}.json"] = json.dumps(
                data({"bbox": [1, 1, 2, 2]}, images=(name,))
            ).encode()
        members["top/annotations/x_all.json"] = b"not read"
        source = tmp_path / pack
        if pack == "tar":
            with tarfile.open(source, "w:gz") as archive:
                for name, content in members.items():
                    entry = tarfile.TarInfo(name)
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))
        elif pack == "zip":
            with zipfile.ZipFile(source, "w") as archive:
                for name, content in members.items():
                    archive.writestr(name, content)
        else:
            for name, content in members.items():
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                (source / name).write_bytes(content)
        found = read(source, annotations=["annotations/x_t*.json"], images="data/images")
        assert sorted(picture.file_name for picture in found) == ["a.jpg", "b.jpg"]
        assert [len(picture.annotations) for picture in found] == [1, 1]
        message = error(source, annotations=["annotations/x_t*.json"])
        assert "may be" in message
        assert "top/thumbs/a.jpg" in message


def test_file_names_with_folders_stay_apart_and_inside(tmp_path: Path) -> None:
    names = ("one/a.jpg", "two/a.jpg", "../../a.jpg")
    source = folder(tmp_path / "d", data(images=names[:2]))
    assert sorted(picture.file_name for picture in read(source)) == ["one_a.jpg", "two_a.jpg"]
    source = folder(tmp_path / "e", data(images=names[2:]), **{"a.jpg": photo()})
    assert [picture.file_name for picture in read(source)] == ["a.jpg"]
    source = folder(tmp_path / "f", data(images=("/home/me/set/a.jpg",)), **{"a.jpg": photo()})
    assert len(read(source)) == 1


# --- what is not


@pytest.mark.parametrize(
    ("row", "said", "left"),
    [
        ({"bbox": [5, 4, -6, 6]}, "with broken box are left out", []),
        ({"bbox": [5, 4, 0, 6]}, "with broken box are left out", []),
        ({"bbox": [5, 4, 6]}, "with broken box are left out", []),
        ({"bbox": [5, 4, float("nan"), 6]}, "with broken box are left out", []),
        ({"bbox": [5, 4, 10**400, 6]}, "with broken box are left out", []),
        ({"bbox": "5 4 6 6"}, "with broken box are left out", []),
        ({}, "with broken box are left out", []),
        ({"bbox": [WIDTH + 1, 4, 6, 6]}, "with box outside its image are left out", []),
        ({"bbox": [-4, 4, 8, 6]}, "reach out of their image and are cut", [False]),
        ({"bbox": [5, 4, 6, 6], "segmentation": [[5, 4, 11, 4]]}, "with broken polygon are ignored", [True]),
        ({"bbox": [5, 4, 6, 6], "segmentation": [[5, 4, 1e8, 4, 5, 9]]}, "with broken polygon are ignored", [True]),
        ({"segmentation": [[5, 4, 11, 4]]}, "with broken polygon and broken box are left out", []),
        (
            {"bbox": [5, 4, 6, 6], "segmentation": [[5, 4, 11, 4, 11, 10, 5, 10], [1, 2, 3, 4]]},
            "with a polygon of fewer than three corners lose that",
            [False],
        ),
        ({"bbox": [5, 4, 6, 6], "segmentation": {"size": [HEIGHT, WIDTH], "counts": [0, 9]}}, "do not fill", [True]),
        ({"bbox": [5, 4, 6, 6], "segmentation": {"size": [9, 9], "counts": [81]}}, "of another size", [True]),
        ({"bbox": [5, 4, 6, 6], "segmentation": {"size": [HEIGHT, WIDTH], "counts": "PPZZ\\"}}, "run length", [True]),
        ({"bbox": [5, 4, 6, 6], "segmentation": compressed(square() * 0)}, "with empty mask are ignored", [True]),
        ({"bbox": [5, 4, 6, 6], "segmentation": "mask.png"}, "of no known form are ignored", [True]),
        ({"bbox": [5, 4, 6, 6], "image_id": 99}, "of an unknown image are left out", []),
        ({"bbox": [5, 4, 6, 6], "category_id": 99}, "of an unknown category are left out", []),
        ({"bbox": [1, 1, 2, 2]}, "the same as another are left out", []),
    ],
)
def test_what_is_broken_is_named_and_the_rest_kept(tmp_path: Path, warned, row: dict, said: str, left: list) -> None:
    [picture] = read(folder(tmp_path / "d", data({"bbox": [1, 1, 2, 2]}, row)))
    assert [label.ignore for label in picture.annotations] == [False, *left]
    [warning] = warned()
    assert f"warning: {tmp_path / 'd'}: of 2 annotations" in warning
    assert said in warning
    assert "(id 2)" in warning


def test_a_broken_mask_is_ignored_in_its_whole_box(tmp_path: Path) -> None:
    [picture] = read(folder(tmp_path / "d", data({"bbox": [5.5, 4, 5, 6], "segmentation": [[1, 2]]})))
    np.testing.assert_array_equal(whole(picture.annotations[0]), square().astype(bool))


def test_a_warning_is_one_line_with_counts_and_a_few_ids(tmp_path: Path, warned) -> None:
    rows = [{"bbox": [0, 0, -1, n]} for n in range(1, 6)] + [{"bbox": [1, 1, 2, 2]}]
    read(folder(tmp_path / "d", data(*rows)))
    [warning] = warned()
    assert "of 6 annotations 5 with broken box are left out (id 1, 2, 3 and 2 more)" in warning
    assert "\n" not in warning


def change(labels: dict[str, Any], section: str, **values: Any) -> dict[str, Any]:
    """The labels with one more row in `section`: its first one, with `values`."""
    changed = copy.deepcopy(labels)
    changed[section].append({**changed[section][0], **values})
    return changed


SOUND = data({"bbox": [1, 1, 2, 2]}, images=("a.jpg", "b.jpg"))


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (change(SOUND, "annotations", bbox=[3, 3, 4, 4]), "the annotation id 1 is there twice"),
        (change(SOUND, "images", file_name="c.jpg"), "the image id 1 is there twice"),
        (change(SOUND, "categories", name="pear"), "the category id 3 is there twice"),
        (change(SOUND, "images", id=9), "a.jpg is twice in"),
        ({**SOUND, "categories": [{"id": 3, "name": "Apfel"}]}, "its categories are Apfel; say in `nouns`"),
        ({**SOUND, "images": [{"id": 1}]}, "not a COCO file of instances (KeyError"),
        ({key: SOUND[key] for key in ("images", "categories")}, "not a COCO file of instances (KeyError"),
        ({**SOUND, "images": [{"id": 1, "file_name": 7}]}, "an image without a file name"),
    ],
)
def test_what_stops(tmp_path: Path, labels: dict, said: str) -> None:
    source = folder(tmp_path / "d", labels, **{"a.jpg": photo(), "b.jpg": photo(), "c.jpg": photo()})
    assert said in error(source)


@pytest.mark.parametrize("text", ["", "<html>", "[1, 2]", "[" * 100000])
def test_no_json(tmp_path: Path, text: str) -> None:
    source = folder(tmp_path / "d", SOUND)
    (source / "labels.json").write_text(text)
    assert f"{source}: d/labels.json: not a COCO file" in error(source)


def test_one_image_in_two_files(tmp_path: Path) -> None:
    source = folder(tmp_path / "d", SOUND)
    (source / "more.json").write_text(json.dumps(SOUND))
    assert "a.jpg is twice in *.json" in error(source, annotations=["*.json"])


def test_annotations_that_are_not_there(tmp_path: Path) -> None:
    source = folder(tmp_path / "d", SOUND)
    message = error(source, annotations=["label.json"])
    assert "no file label.json, which `annotations` names; it holds d/labels.json" in message
    assert "nothing is there" in error(tmp_path / "nowhere")
    (source / "more").mkdir()
    (source / "more" / "labels.json").write_text("{}")
    assert "is more than one" in error(source)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no image b.jpg, which is labelled"),
        (b"no picture", "d/b.jpg: unreadable image"),
        (photo()[:-300], "d/b.jpg: unreadable image"),
        (photo(size=(20, 30)), "d/b.jpg: 20x30 px, but its labels are for 40x30 px"),
    ],
    ids=["missing", "unreadable", "cut", "size"],
)
def test_a_bad_image_stops(tmp_path: Path, content: bytes | None, said: str) -> None:
    files = {"a.jpg": photo(), **({} if content is None else {"b.jpg": content})}
    assert said in error(folder(tmp_path / "d", SOUND, **files))


def test_other_formats_are_named(tmp_path: Path) -> None:
    def saved(form: str, mode: str) -> bytes:
        stream = io.BytesIO()
        Image.new(mode, (WIDTH, HEIGHT)).save(stream, form)
        return stream.getvalue()

    assert "of the format GIF" in error(folder(tmp_path / "d", data(), **{"a.jpg": saved("GIF", "P")}))
    labels = data(images=("a.png",))
    assert "more than 8 bits" in error(folder(tmp_path / "e", labels, **{"a.png": saved("PNG", "I;16")}))


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_printed_photographs_are_read(tmp_path: Path, mode: str) -> None:
    content = photo(mode=mode)
    [picture] = read(folder(tmp_path / "d", data({"bbox": [1, 1, 2, 2]}), **{"a.jpg": content}))
    assert picture.encoded_bytes == content


# --- photographs that the camera says are to be turned


def lying(orientation: int) -> bytes:
    """A photograph with a bright left half, and the EXIF word that it is to be turned."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:, : WIDTH // 2] = 250
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=95, exif=exif)
    return stream.getvalue()


def bright(picture: AnnotatedImage) -> np.ndarray:
    with Image.open(io.BytesIO(picture.encoded_bytes)) as image:
        assert image.getexif().get(0x0112, 1) == 1 or picture.width == WIDTH
        return np.asarray(image.convert("L")) > 125


def sized(width: int, height: int) -> dict[str, Any]:
    labels = data({"bbox": [1, 1, 2, 2]})
    labels["images"][0].update(width=width, height=height)
    return labels


def test_a_turned_photograph_is_written_as_it_was_labelled(tmp_path: Path) -> None:
    # Labelled as shown: on its side, so the bright half is on top (orientation 6: turn clockwise to see it).
    [picture] = read(folder(tmp_path / "d", sized(HEIGHT, WIDTH), **{"a.jpg": lying(6)}))
    assert (picture.width, picture.height) == (HEIGHT, WIDTH)
    found = bright(picture)
    assert found[: WIDTH // 2 - 2].mean() > 0.98
    assert found[WIDTH // 2 + 2 :].mean() < 0.02


def test_a_turned_photograph_labelled_as_stored_is_left_alone(tmp_path: Path) -> None:
    [picture] = read(folder(tmp_path / "d", sized(WIDTH, HEIGHT), **{"a.jpg": lying(6)}))
    assert picture.encoded_bytes == lying(6)


def test_upside_down_is_turned(tmp_path: Path) -> None:
    [picture] = read(folder(tmp_path / "d", sized(WIDTH, HEIGHT), **{"a.jpg": lying(3)}))
    assert bright(picture)[:, WIDTH // 2 + 2 :].mean() > 0.98


# --- the run lengths, against pycocotools


@given(arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.integers(0, 1)))
@settings(deadline=None, max_examples=200)
def test_compressed_run_lengths_are_read_as_pycocotools_does(mask: np.ndarray) -> None:
    rle = coco_mask.encode(np.asfortranarray(mask))
    assert coco_labels._decode_counts(rle["counts"]) == run_lengths(mask)


@given(st.text(max_size=30))
@settings(deadline=None, max_examples=300)
def test_no_text_is_read_past_its_image(text: str) -> None:
    try:
        found, (row, column), _ = coco_labels.decode_segmentation({"size": [7, 9], "counts": text}, 9, 7)
    except coco_labels.InvalidAnnotationError:
        return
    assert row + found.shape[0] <= 7
    assert column + found.shape[1] <= 9
    assert found.any()
