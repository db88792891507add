"""The files that every data set ends in, and their run lengths."""

import json
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


def square(height: int = 8, width: int = 6) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[1:4, 2:5] = True
    return mask


def picture(name: str, labels: list[Annotation] | None = None) -> AnnotatedImage:
    return AnnotatedImage(name, name.encode(), width=6, height=8, group="g", annotations=labels or [])


def save(out: Path, pictures: list[AnnotatedImage]) -> dict:
    paths = out / "images", out / "instances.json", out / "images.parquet"
    return write_dataset(pictures, INFO, *paths, dataset="d", provenance={"rule": "dataset"})


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
@settings(deadline=None, max_examples=300)
def test_run_lengths_are_those_of_pycocotools(mask: np.ndarray) -> None:
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
def test_run_lengths_of_a_part_are_those_of_the_whole(part: np.ndarray, around: tuple[int, int, int, int]) -> None:
    if not part.any():
        return
    above, below, before, after = around
    whole = np.pad(part, ((above, below), (before, after)))
    assert encode_annotation(part, (above, before), whole.shape) == encode_annotation(whole)


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    labels = [
        Annotation("orange", mask=square(), attributes={"ripeness": "ripe"}),
        Annotation("apple", box=(1.0, 2.0, 4.0, 7.0), ignore=True),
    ]
    counts = save(tmp_path, [picture("b.png", labels), picture("a.jpg", labels[:1]), picture("c.png")])
    assert (counts["n_images"], counts["n_instances"], counts["n_ignored"]) == (3, 3, 1)
    table = IMAGES.read(tmp_path / "images.parquet")
    assert table[["image_id", "file", "width", "height", "group"]].to_dict("records") == [
        {"image_id": number, "file": name, "width": 6, "height": 8, "group": "g"}
        for number, name in enumerate(("a.jpg", "b.png", "c.png"), start=1)
    ]
    assert parquet.read_provenance(tmp_path / "images.parquet") == {"rule": "dataset"}
    found = ground_truth.read_ground_truth(tmp_path / "instances.json")
    assert found.attributes == {"ripeness": ("ripe", "unripe")}
    assert [instance.id for image in (1, 2, 3) for instance in found.instances_of(image)] == [1, 2, 3]
    orange, apple = found.instances_of(2)
    assert (orange.noun, orange.box, orange.area, orange.attributes) == (
        "orange",
        (2, 1, 5, 4),
        9,
        {"ripeness": "ripe"},
    )
    np.testing.assert_array_equal(orange.decode_mask(), square())
    assert (apple.noun, apple.box, apple.rle, apple.ignore) == ("apple", (1, 2, 4, 7), None, True)
    assert json.loads((tmp_path / "instances.json").read_text())["info"]["dataset"] == "d"


def test_sequences_and_what_is_hidden_read_back(tmp_path: Path) -> None:
    labels = [
        Annotation("apple", mask=square(), occluded_fraction=0.0, track_id=7),
        Annotation("apple", mask=square(), occluded_fraction=0.25),
    ]
    frames = [
        AnnotatedImage(
            f"pan/{frame:05d}.jpg", b"x", 6, 8, "pan", labels[: 1 + frame], {"lighting": "dusk"}, "pan", frame,
            {"pan/flow/00000.png": b"flow"} if frame == 0 else {},
        )
        for frame in (1, 0)
    ]  # fmt: skip
    counts = save(tmp_path, [*frames, picture("single.jpg", [Annotation("orange", mask=square())])])
    assert counts["n_extras"] == 1
    found = ground_truth.read_ground_truth(tmp_path / "instances.json")
    told = [{key: image.get(key) for key in ("sequence", "frame", "attributes")} for image in found.images.values()]
    assert told[:2] == [{"sequence": "pan", "frame": frame, "attributes": {"lighting": "dusk"}} for frame in (0, 1)]
    assert told[2] == {"sequence": None, "frame": None, "attributes": None}
    known = [[(instance.track, instance.occlusion) for instance in found.instances_of(image)] for image in (1, 2, 3)]
    assert known == [[(7, 0.0)], [(7, 0.0), (None, 0.25)], [(None, None)]]
    assert (tmp_path / "images/pan/flow/00000.png").read_bytes() == b"flow"


def test_order_of_coming_does_not_matter(tmp_path: Path) -> None:
    pictures = [
        picture("a.png", [Annotation("apple", mask=square())]),
        picture("b.png", [Annotation("orange", mask=square())]),
    ]
    one, two = save(tmp_path / "1", pictures), save(tmp_path / "2", pictures[::-1])
    assert one == two
    for name in ("instances.json", "images.parquet"):
        assert files.sha256(tmp_path / "1" / name) == files.sha256(tmp_path / "2" / name)
    changed = save(tmp_path / "3", [pictures[0], AnnotatedImage("b.png", b"other", 6, 8, "g", [])])
    assert changed["images_sha256"] != one["images_sha256"]


def test_a_file_beside_an_image_replaces_none(tmp_path: Path) -> None:
    twice = [AnnotatedImage(name, b"x", 6, 8, "g", [], extra_files={"flow/0.png": b"f"}) for name in ("a.png", "b.png")]
    with pytest.raises(FileExistsError):
        save(tmp_path, twice)


@pytest.mark.parametrize(
    ("pictures", "said"),
    [
        ([picture("a.png"), picture("a.png")], "two images are named a.png"),
        ([], "no image in it"),
        ([picture("../a.png")], "plain name"),
        ([picture("..\\a.png")], "plain name"),
        ([picture("a.txt")], "plain name"),
    ],
)
def test_bad_pictures_replace_nothing(tmp_path: Path, pictures: list[AnnotatedImage], said: str) -> None:
    save(tmp_path, [picture("before.png")])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=said):
        save(tmp_path, pictures)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_images_of_before_are_gone(tmp_path: Path) -> None:
    save(tmp_path, [picture("before.png")])
    save(tmp_path, [picture("after.png")])
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["after.png"]


@pytest.mark.parametrize(
    "label",
    [
        Annotation("plum", mask=square()),
        Annotation("apple", mask=square(9, 9)),
        Annotation("apple", mask=square(4, 3)),
        Annotation("apple", mask=square(4, 5), offset=(5, 0)),
        Annotation("apple", mask=square(4, 5), offset=(-1, 0)),
        Annotation("apple"),
    ],
    ids=["noun", "size", "part", "reach", "before", "none"],
)
def test_labels_that_do_not_fit(tmp_path: Path, label: Annotation) -> None:
    with pytest.raises(ValueError, match=r"a\.png"):
        save(tmp_path, [picture("a.png", [label])])
