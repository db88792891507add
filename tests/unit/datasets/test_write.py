"""Files of a data set: `images/`, `instances.json` and `images.parquet`, and the run lengths of the masks."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco_mask

from samgap.annotations import ground_truth
from samgap.datasets import AnnotatedImage, Annotation
from samgap.datasets.write import write_dataset
from samgap.errors import UserError
from samgap.io import files
from samgap.masks.coco_annotation import encode_annotation
from samgap.tables import parquet
from samgap.tables.images import IMAGES

INFO = {"nouns": ["apple", "orange"], "attributes": {"ripeness": ["ripe", "unripe"]}}


def square_mask(height: int = 8, width: int = 6) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[1:4, 2:5] = True
    return mask


def make_image(name: str, annotations: list[Annotation] | None = None) -> AnnotatedImage:
    return AnnotatedImage(name, name.encode(), width=6, height=8, group="g", annotations=annotations or [])


def write(out: Path, images: list[AnnotatedImage]) -> dict:
    paths = out / "images", out / "instances.json", out / "images.parquet"
    return write_dataset(images, INFO, *paths, dataset="d", provenance={"rule": "dataset"})


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
@settings(deadline=None, max_examples=300)
def test_run_lengths_equal_those_of_pycocotools(mask: np.ndarray) -> None:
    if not mask.any():
        with pytest.raises(ValueError, match="empty"):
            encode_annotation(mask)
        return
    box, area, rle = encode_annotation(mask)
    expected = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert rle == {"size": expected["size"], "counts": expected["counts"].decode()}
    assert box == coco_mask.toBbox(expected).tolist()
    assert area == coco_mask.area(expected)


@given(arrays(bool, st.tuples(st.integers(1, 8), st.integers(1, 8))), st.tuples(*[st.integers(0, 5)] * 4))
@settings(deadline=None, max_examples=200)
def test_run_lengths_of_a_crop_equal_those_of_the_image(crop: np.ndarray, margins: tuple[int, int, int, int]) -> None:
    if not crop.any():
        return
    above, below, before, after = margins
    padded = np.pad(crop, ((above, below), (before, after)))
    assert encode_annotation(crop, (above, before), padded.shape) == encode_annotation(padded)


def test_written_data_set_reads_back(tmp_path: Path) -> None:
    annotations = [
        Annotation("orange", mask=square_mask(), attributes={"ripeness": "ripe"}),
        Annotation("apple", box=(1.0, 2.0, 4.0, 7.0), ignore=True),
    ]
    counts = write(
        tmp_path, [make_image("b.png", annotations), make_image("a.jpg", annotations[:1]), make_image("c.png")]
    )
    assert (counts["n_images"], counts["n_instances"], counts["n_ignored"]) == (3, 3, 1)
    table = IMAGES.read(tmp_path / "images.parquet")
    assert table[["image_id", "file", "width", "height", "group"]].to_dict("records") == [
        {"image_id": number, "file": name, "width": 6, "height": 8, "group": "g"}
        for number, name in enumerate(("a.jpg", "b.png", "c.png"), start=1)
    ]
    assert parquet.read_provenance(tmp_path / "images.parquet") == {"rule": "dataset"}
    truth = ground_truth.read_ground_truth(tmp_path / "instances.json")
    assert truth.attributes == {"ripeness": ("ripe", "unripe")}
    assert [instance.id for image in (1, 2, 3) for instance in truth.instances_of(image)] == [1, 2, 3]
    orange, apple = truth.instances_of(2)
    assert (orange.noun, orange.box, orange.area, orange.attributes) == (
        "orange",
        (2, 1, 5, 4),
        9,
        {"ripeness": "ripe"},
    )
    np.testing.assert_array_equal(orange.decode_mask(), square_mask())
    assert (apple.noun, apple.box, apple.rle, apple.ignore) == ("apple", (1, 2, 4, 7), None, True)
    assert json.loads((tmp_path / "instances.json").read_text(encoding="utf-8"))["info"]["dataset"] == "d"


def test_attributes_of_images_are_their_strata(tmp_path: Path) -> None:
    images = [replace(make_image("b.png"), attributes={"lighting": "dusk", "density": "dense"}), make_image("a.png")]
    write(tmp_path, images)
    strata = IMAGES.read(tmp_path / "images.parquet").set_index("file")["strata"]
    assert dict(strata["b.png"]) == {"lighting": "dusk", "density": "dense"} and strata["a.png"] is None


def test_sequences_tracks_and_occlusion_read_back(tmp_path: Path) -> None:
    annotations = [
        Annotation("apple", mask=square_mask(), occluded_fraction=0.0, track_id=7),
        Annotation("apple", mask=square_mask(), occluded_fraction=0.25),
    ]
    frames = [
        AnnotatedImage(
            f"pan/{frame:05d}.jpg", b"x", 6, 8, "pan", annotations[: 1 + frame], {"lighting": "dusk"}, "pan", frame,
            {"pan/flow/00000.png": b"flow"} if frame == 0 else {},
        )
        for frame in (1, 0)
    ]  # fmt: skip
    counts = write(tmp_path, [*frames, make_image("single.jpg", [Annotation("orange", mask=square_mask())])])
    assert counts["n_extras"] == 1
    truth = ground_truth.read_ground_truth(tmp_path / "instances.json")
    image_entries = [
        {key: image.get(key) for key in ("sequence", "frame", "attributes")} for image in truth.images.values()
    ]
    assert image_entries[:2] == [
        {"sequence": "pan", "frame": frame, "attributes": {"lighting": "dusk"}} for frame in (0, 1)
    ]
    assert image_entries[2] == {"sequence": None, "frame": None, "attributes": None}
    tracks_and_occlusions = [
        [(instance.track, instance.occlusion) for instance in truth.instances_of(image)] for image in (1, 2, 3)
    ]
    assert tracks_and_occlusions == [[(7, 0.0)], [(7, 0.0), (None, 0.25)], [(None, None)]]
    assert (tmp_path / "images/pan/flow/00000.png").read_bytes() == b"flow"


def test_order_of_images_does_not_matter(tmp_path: Path) -> None:
    images = [
        make_image("a.png", [Annotation("apple", mask=square_mask())]),
        make_image("b.png", [Annotation("orange", mask=square_mask())]),
    ]
    first, second = write(tmp_path / "1", images), write(tmp_path / "2", images[::-1])
    assert first == second
    for name in ("instances.json", "images.parquet"):
        assert files.sha256(tmp_path / "1" / name) == files.sha256(tmp_path / "2" / name)
    changed = write(tmp_path / "3", [images[0], AnnotatedImage("b.png", b"other", 6, 8, "g", [])])
    assert changed["images_sha256"] != first["images_sha256"]


def test_extra_file_does_not_replace_another(tmp_path: Path) -> None:
    images = [
        AnnotatedImage(name, b"x", 6, 8, "g", [], extra_files={"flow/0.png": b"f"}) for name in ("a.png", "b.png")
    ]
    with pytest.raises(FileExistsError):
        write(tmp_path, images)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([make_image("a.png"), make_image("a.png")], "two images are named a.png"),
        ([], "the data set has no image"),
        ([make_image("../a.png")], "is not the name of a .png or .jpg file without folders"),
        ([make_image("..\\a.png")], "is not the name of a .png or .jpg file without folders"),
        ([make_image("a.txt")], "is not the name of a .png or .jpg file without folders"),
    ],
)
def test_invalid_images_leave_the_files_unchanged(tmp_path: Path, images: list[AnnotatedImage], message: str) -> None:
    write(tmp_path, [make_image("before.png")])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=message):
        write(tmp_path, images)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_images_of_an_earlier_run_are_removed(tmp_path: Path) -> None:
    write(tmp_path, [make_image("before.png")])
    write(tmp_path, [make_image("after.png")])
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["after.png"]


@pytest.mark.parametrize(
    "annotation",
    [
        Annotation("plum", mask=square_mask()),
        Annotation("apple", mask=square_mask(9, 9)),
        Annotation("apple", mask=square_mask(4, 3)),
        Annotation("apple", mask=square_mask(4, 5), offset=(5, 0)),
        Annotation("apple", mask=square_mask(4, 5), offset=(-1, 0)),
        Annotation("apple"),
    ],
    ids=["unknown-noun", "larger", "smaller", "crop-too-low", "crop-too-far-left", "no-mask-and-box"],
)
def test_annotation_that_does_not_fit_its_image_is_refused(tmp_path: Path, annotation: Annotation) -> None:
    with pytest.raises(ValueError, match=r"a\.png"):
        write(tmp_path, [make_image("a.png", [annotation])])


def test_images_of_equal_content_are_counted_and_told(tmp_path: Path, logged_warnings) -> None:
    paths = tmp_path / "images", tmp_path / "instances.json", tmp_path / "images.parquet"
    copies = [replace(make_image("a.png"), file_name=name) for name in ("a.png", "b.png")]
    other = replace(make_image("c.png"), encoded_bytes=b"other")
    assert write_dataset([*copies, other], INFO, *paths, dataset="d")["n_repeated_images"] == 1
    assert (
        "warning: d: images with the content of another, which count twice (1): b.png as a.png" in logged_warnings()[0]
    )


def test_the_coco_file_says_which_nouns_and_attributes_are_labelled(tmp_path: Path) -> None:
    paths = tmp_path / "images", tmp_path / "instances.json", tmp_path / "images.parquet"
    write_dataset([make_image("a.png")], INFO, *paths, dataset="d")
    assert files.read_json(paths[1])["info"] == {**INFO, "dataset": "d"}
