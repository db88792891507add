"""Annotations that cannot be used: counted, told, and never the absence of an object."""

import json
from pathlib import Path
from typing import Any

import pytest

from samgap.annotations.ground_truth import read_ground_truth
from samgap.datasets import coco
from samgap.datasets.left_out import LabelCounts
from samgap.datasets.write import write_dataset
from samgap.errors import UserError
from samgap.matching.shard import match_shard
from samgap.prompts import box, phrases
from samgap.prompts.seed import Seed
from samgap.prompts.write import write_prompts
from samgap.tables.images import IMAGES
from samgap.tables.predictions import MASKS
from samgap.tables.prompts import PROMPTS
from tests.helpers.coco import OPTIONS, make_labels, read_coco, read_coco_counts, read_coco_error, write_folder

BROKEN_BOX = {"bbox": [5, 4, -6, 6]}
BROKEN_POLYGON = {"bbox": [5, 4, 6, 6], "segmentation": [[1, 2]]}
BOX_REASON = "with an invalid box (width or height not above 0) are left out"
POLYGON_REASON = "with an invalid polygon are ignored in the evaluation, in their whole box"


def make_boxes(n: int, **values: Any) -> list[dict[str, Any]]:
    return [{"bbox": [number % 30, number // 30, 4, 4], **values} for number in range(n)]


def write(folder: Path, labels: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Write the data set of some labels, and return its counts."""
    options = {**OPTIONS, **options}
    source = write_folder(folder / "source", labels)
    paths = (folder / "images", folder / "instances.json", folder / "images.parquet")
    images = coco.iter_images(options, {"data": source}, 0)
    return write_dataset(images, coco.describe_labels(options), *paths, dataset="d")


def test_counts_by_reason_are_in_the_card(tmp_path: Path) -> None:
    rows = [*make_boxes(60), BROKEN_BOX, BROKEN_POLYGON, {**BROKEN_POLYGON, "category_id": 9}, make_boxes(1)[0]]
    labels = make_labels(
        *rows, {"bbox": [1, 9, 4, 4], "category_id": 4}, {"bbox": [38, 9, 9, 4]}, images=("a.jpg", "b.jpg")
    )
    labels["categories"].append({"id": 4, "name": "leaf"})
    counts = write(tmp_path, labels)
    assert {
        name: counts[name] for name in ("n_annotations_read", "n_instances", "n_ignored", "n_incomplete_images")
    } == {
        "n_annotations_read": 66,
        "n_instances": 62,
        "n_ignored": 1,
        "n_incomplete_images": 1,
    }
    assert counts["left_out"] == {BOX_REASON: 1, POLYGON_REASON: 1, "of an unknown category are left out": 1}
    assert counts["not_used"] == {
        "of the category leaf, not in `nouns`, are left out": 1,
        "that repeat another are left out": 1,
    }
    assert counts["read_with_changes"] == {"reach out of their image and are cut": 1}


def test_other_kinds_read_all_their_annotations(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "source", make_labels(*make_boxes(3)))
    paths = (tmp_path / "images", tmp_path / "instances.json", tmp_path / "images.parquet")
    counts = write_dataset(read_coco(source), coco.describe_labels(OPTIONS), *paths, dataset="d")
    assert (counts["n_annotations_read"], counts["left_out"], counts["n_incomplete_images"]) == (3, {}, 0)
    assert (counts["not_used"], counts["read_with_changes"]) == ({}, {})


@pytest.mark.parametrize(("n_broken", "stops"), [(1, False), (2, True)])
def test_a_run_stops_if_more_than_a_share_is_lost(tmp_path: Path, n_broken: int, stops: bool) -> None:
    rows = [*make_boxes(20 - n_broken), *(BROKEN_BOX | {"area": n} for n in range(n_broken))]
    rows = [{**row, "bbox": [*row["bbox"][:3], n + 1]} if "area" in row else row for n, row in enumerate(rows)]
    source = write_folder(tmp_path / "d", make_labels(*rows))
    if not stops:
        assert read_coco_counts(source)[1]["left_out"] == {BOX_REASON: 1}
        return
    message = read_coco_error(source)
    assert (
        f"2 of 20 annotations cannot be used: 2 {BOX_REASON} (id 19, 20); correct them, or raise `max-left-out`"
        in message
    )
    assert read_coco_counts(source, **{"max-left-out": 0.1})[1]["left_out"] == {BOX_REASON: 2}


def test_a_run_stops_at_the_first_images_if_most_is_lost(tmp_path: Path) -> None:
    labels = make_labels(*({**BROKEN_BOX, "image_id": n} for n in (1, 2)), images=("a.jpg", "b.jpg"))
    source = write_folder(tmp_path / "d", labels)
    (source / "b.jpg").write_bytes(b"not an image: must not be opened")
    assert "at least 1 of 2 annotations cannot be used" in read_coco_error(source)


def test_a_file_or_a_noun_of_which_all_is_lost_stops_the_run(tmp_path: Path) -> None:
    labels = make_labels(*make_boxes(20), {**BROKEN_BOX, "category_id": 4})
    labels["categories"].append({"id": 4, "name": "pear"})
    source, nouns = write_folder(tmp_path / "d", labels), {"apple": "apple", "pear": "pear"}
    accepted = {"max-left-out": 1}
    assert "all 1 annotations of pear cannot be used" in read_coco_error(source, nouns=nouns, **accepted)
    other = make_labels(BROKEN_BOX, images=("b.jpg",))
    (source / "more.json").write_text(json.dumps(other), encoding="utf-8")
    (source / "b.jpg").write_bytes((source / "a.jpg").read_bytes())
    message = read_coco_error(source, annotations=["*.json"], **accepted)
    assert "more.json: all 1 annotations cannot be used" in message


def test_categories_without_a_noun_are_not_lost(tmp_path: Path) -> None:
    labels = make_labels(*make_boxes(3), *make_boxes(40, category_id=4))
    labels["categories"].append({"id": 4, "name": "leaf"})
    [image], counts = read_coco_counts(write_folder(tmp_path / "d", labels))
    assert len(image.annotations) == 3 and image.incomplete == () and counts["left_out"] == {}
    # Of annotations that have a noun, one of four is too many.
    labels["annotations"].append({"id": 99, "image_id": 1, "category_id": 3, **BROKEN_BOX})
    assert "1 of 4 annotations cannot be used" in read_coco_error(write_folder(tmp_path / "e", labels))


def test_an_unknown_category_may_be_any_noun(tmp_path: Path) -> None:
    labels = make_labels(*make_boxes(30), {"bbox": [1, 9, 4, 4], "category_id": 9}, images=("a.jpg", "b.jpg"))
    images = read_coco(write_folder(tmp_path / "d", labels), absent=["pear"])
    assert [image.incomplete for image in images] == [("apple", "pear"), ()]


# --- the way to the tables


@pytest.mark.parametrize(("broken", "n_ignored"), [(BROKEN_BOX, 0), (BROKEN_POLYGON, 1)])
def test_the_image_of_a_lost_label_is_no_negative(tmp_path: Path, broken: dict, n_ignored: int) -> None:
    """Image b has only a broken annotation, image c has one and a valid one, image d has none."""
    images = ("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    rows = [
        *make_boxes(60),
        {**broken, "image_id": 2},
        {**broken, "image_id": 3},
        {"bbox": [20, 9, 4, 4], "image_id": 3},
    ]
    counts = write(tmp_path, make_labels(*rows, images=images), absent=["pear"])
    assert counts["n_incomplete_images"] == 2 and counts["n_ignored"] == 2 * n_ignored
    truth = read_ground_truth(tmp_path / "instances.json")
    assert [truth.images[image_id].get("incomplete") for image_id in (1, 2, 3, 4)] == [None, ["apple"], ["apple"], None]
    prompts = [{"phrase": noun, "noun": noun} for noun in ("apple", "pear")]
    for kind, options in ((phrases, {"phrases": prompts}), (box, {})):
        rows_of_kind = kind.generate_prompts(truth, options, Seed(1, "d"))
        write_prompts(tmp_path / f"{kind.__name__}.parquet", rows_of_kind, truth, {})
    pairs = {}
    for kind in (phrases, box):
        table = PROMPTS.read(tmp_path / f"{kind.__name__}.parquet")
        images_table = IMAGES.read(tmp_path / "images.parquet")
        pairs[kind] = match_shard(MASKS.empty_frame(), table, truth, images_table, 0.5)[2]
    by_phrase = pairs[phrases].set_index(["phrase", "image_id"])
    assert by_phrase.loc["apple", "evaluable"].tolist() == [True, False, False, True]
    assert by_phrase.loc["apple", "lost_labels"].tolist() == [False, True, True, False]
    assert by_phrase.loc["pear", "evaluable"].tolist() == [True] * 4
    # The box prompt of the valid annotation of image c is evaluable.
    boxes = pairs[box]
    assert boxes["evaluable"].all() and boxes["image_id"].value_counts().to_dict() == {1: 60, 3: 1}


def test_unknown_attributes_reach_the_ground_truth(tmp_path: Path) -> None:
    rows = [{**row, "ripeness": value} for row, value in zip(make_boxes(2), ("ripe", "rotten"), strict=True)]
    counts = write(tmp_path, make_labels(*rows), **{"attribute-values": {"ripeness": ["ripe", "unripe"]}})
    assert counts["unknown_attributes"] == {"ripeness": 1}
    instances = read_ground_truth(tmp_path / "instances.json").instances_of(1)
    assert [set(instance.unknown_attributes) for instance in instances] == [set(), {"ripeness"}]


def test_counts_can_be_added() -> None:
    counts, other = LabelCounts(), LabelCounts()
    counts.add_usable("apple")
    other.add_lost("with no box are left out", "7", "pear")
    counts.add(other)
    assert (counts.n_read, counts.n_lost, counts.to_card()["left_out"]) == (2, 1, {"with no box are left out": 1})
    with pytest.raises(UserError, match="all 1 annotations of pear cannot be used: 1 with no box are left out"):
        counts.raise_if_noun_lost("d")
    with pytest.raises(UserError, match="d: all 1 annotations cannot be used: 1 with no box are left out"):
        other.raise_if_all_lost("d")
