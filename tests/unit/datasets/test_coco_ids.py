"""References of annotations to images and categories: joined if they have one meaning, refused if they have two."""

from pathlib import Path
from typing import Any

import pytest

from samgap.datasets.coco_ids import show, to_id_text
from samgap.datasets.warning_log import record_warnings
from tests.helpers.cases import find_case
from tests.helpers.coco import make_labels, read_coco, read_coco_counts, read_coco_error, write_folder

BOX = {"bbox": [5, 4, 6, 6]}


def count_annotations(source: Path, **options: Any) -> list[int]:
    return [len(image.annotations) for image in read_coco(source, **options)]


def test_the_case_of_image_ids_as_text_has_both_apples() -> None:
    [image] = read_coco(find_case("image-id-as-text"), annotations=["instances.json"])
    assert [(annotation.offset, int(annotation.mask.sum())) for annotation in image.annotations] == [
        ((8, 10), 144),
        ((28, 40), 144),
    ]


@pytest.mark.parametrize(
    ("reference", "change"),
    [
        ({"image_id": "2"}, "with image_id as text are joined"),
        ({"image_id": " 2.0 "}, "with image_id as text are joined"),
        ({"image_id": 2.0}, None),
        ({"image_id": "b.jpg"}, "with image_id as a name are joined"),
        ({"image_id": "photos/b.jpg"}, "with image_id as a name are joined"),
        ({"image_id": "b"}, "with image_id as a name are joined"),
        ({"image_id": 2, "category_id": "3"}, "with category_id as text are joined"),
        ({"image_id": 2, "category_id": 3.0}, None),
        ({"image_id": 2, "category_id": "apple"}, "with category_id as a name are joined"),
    ],
)
def test_a_reference_with_one_meaning_is_joined_and_told(
    tmp_path: Path, logged_warnings, reference: dict, change: str | None
) -> None:
    labels = make_labels({**BOX, **reference}, images=("photos/a.jpg", "photos/b.jpg"))
    images, counts = read_coco_counts(write_folder(tmp_path / "d", labels))
    assert [len(image.annotations) for image in images] == [0, 1]
    assert counts["left_out"] == {} and counts["read_with_changes"] == ({change: 1} if change else {})
    assert [warning for warning in logged_warnings() if change and f"1 {change} (id 1)" in warning] == (
        logged_warnings() if change else []
    )


def test_numbers_are_joined_with_ids_as_text(tmp_path: Path) -> None:
    labels = make_labels(BOX)
    labels["images"][0]["id"] = "1"
    labels["categories"][0]["id"] = "3"
    assert count_annotations(write_folder(tmp_path / "d", labels)) == [1]


def test_half_of_the_references_may_be_text(tmp_path: Path) -> None:
    labels = make_labels(BOX, {"bbox": [1, 1, 3, 3], "image_id": "1"}, {"bbox": [1, 1, 3, 3], "image_id": 1})
    images, counts = read_coco_counts(write_folder(tmp_path / "d", labels))
    # The third is the second, written in another way.
    assert [len(image.annotations) for image in images] == [2]
    assert counts["not_used"] == {"that repeat another are left out": 1}


def name_images(labels: dict[str, Any], *names: str) -> dict[str, Any]:
    for row, name in zip(labels["images"], names, strict=True):
        row["file_name"] = name
    return labels


@pytest.mark.parametrize(
    ("names", "references"),
    [
        # As ids, these are other images than as names.
        (("2.jpg", "1.jpg"), ["1"]),
        # "0" is a name, so 1 is a name, too, or an id.
        (("0.jpg", "1.jpg"), ["0", 1]),
        # Two images have this stem.
        (("one/a.jpg", "two/a.jpg"), ["a"]),
    ],
)
def test_a_reference_with_two_meanings_is_refused(tmp_path: Path, names: tuple[str, str], references: list) -> None:
    rows = [{"bbox": [n, 1, 4, 4], "image_id": reference} for n, reference in enumerate(references)]
    source = write_folder(tmp_path / "d", name_images(make_labels(*rows, images=("x.jpg", "y.jpg")), *names))
    message = read_coco_error(source)
    assert "may be an id, or the name of another image; write the ids of the images as image_id" in message


@pytest.mark.parametrize(
    ("names", "other", "reference"),
    [
        (("2.jpg", "1.jpg"), 1, "1"),  # as an id, another image than as a name
        (("one/a.jpg", "two/a.jpg"), 1, "a"),  # two images have this stem
        (("0.jpg", "1.jpg"), 1, "0"),  # a name, while 1 is an id, and the name of another image
        (("0.jpg", "1.jpg"), "0", 1),
    ],
)
def test_a_few_references_with_two_meanings_are_left_out(
    tmp_path: Path, logged_warnings, names: tuple[str, str], other: Any, reference: Any
) -> None:
    rows = [{"bbox": [n, 1, 4, 4], "image_id": other} for n in range(30)]
    labels = make_labels(*rows, {**BOX, "image_id": reference}, images=("x.jpg", "y.jpg"))
    images, counts = read_coco_counts(write_folder(tmp_path / "d", name_images(labels, *names)))
    # Images come in the order of the source.
    expected = sorted([(names[0], 30, ()), (names[1], 0, ("apple",))])
    read = [(image.file_name, len(image.annotations), image.incomplete) for image in images]
    assert read == [(name.replace("/", "_"), *rest) for name, *rest in expected]
    assert counts["left_out"] == {"of an unknown image are left out": 1}
    [warning] = [text for text in logged_warnings() if "because" in text]
    assert f"1 annotations are left out, because their image_id ({reference}) may be an id, or the name of" in warning


def test_the_ids_1_and_text_1_are_refused(tmp_path: Path) -> None:
    labels = make_labels(BOX, images=("a.jpg", "b.jpg"))
    labels["images"][1]["id"] = "1"
    message = read_coco_error(write_folder(tmp_path / "d", labels))
    assert "the image id '1' is not unique (1 and '1' are the same id)" in message


@pytest.mark.parametrize("value", [None, True, [], {}, float("nan"), "", " "])
def test_an_image_without_a_usable_id_is_refused(tmp_path: Path, value: Any) -> None:
    labels = make_labels(BOX)
    labels["images"][0]["id"] = value
    assert "is missing or not a number" in read_coco_error(write_folder(tmp_path / "d", labels))


@pytest.mark.parametrize(("shift", "word"), [(-1, "below"), (1, "above")])
def test_categories_off_by_one_are_refused(tmp_path: Path, shift: int, word: str) -> None:
    labels = make_labels(*({"bbox": [n, 1, 4, 4]} for n in range(6)))
    labels["categories"] = [{"id": number, "name": name} for number, name in ((1, "apple"), (2, "pear"), (3, "leaf"))]
    for number, row in enumerate(labels["annotations"]):
        row["category_id"] = number % 3 + 1 + shift
    message = read_coco_error(write_folder(tmp_path / "d", labels))
    assert f"each category_id seems one {word} the id that it means" in message


def test_image_ids_off_by_one_are_refused(tmp_path: Path) -> None:
    rows = [{"bbox": [n, 1, 4, 4], "image_id": n} for n in range(3)]
    labels = make_labels(*rows, images=("a.jpg", "b.jpg", "c.jpg"))
    message = read_coco_error(write_folder(tmp_path / "d", labels))
    assert "each image_id seems one below the id that it means (for example 0, which is not in `images`)" in message


def test_one_annotation_whose_wrong_id_fits_after_a_shift_is_left_out(tmp_path: Path) -> None:
    rows = [{"bbox": [n, 1, 4, 4], "image_id": 1 + n % 2} for n in range(30)]
    images = ("a.jpg", "b.jpg", "c.jpg")
    source = write_folder(tmp_path / "d", make_labels(*rows, {**BOX, "image_id": 0}, images=images))
    read, counts = read_coco_counts(source)
    assert [len(image.annotations) for image in read] == [15, 15, 0]
    assert [image.incomplete for image in read] == [(), (), ("apple",)]
    assert counts["left_out"] == {"of an unknown image are left out": 1}


def test_one_annotation_whose_wrong_category_fits_after_a_shift_is_left_out(tmp_path: Path) -> None:
    labels = make_labels(*({"bbox": [n, 1, 4, 4]} for n in range(30)), {**BOX, "category_id": 2})
    labels["categories"].append({"id": 4, "name": "pear"})
    [image], counts = read_coco_counts(write_folder(tmp_path / "d", labels))
    assert len(image.annotations) == 30 and image.incomplete == ("apple",)
    assert counts["left_out"] == {"of an unknown category are left out": 1}


def test_ids_off_by_one_are_refused_if_the_first_image_has_few_annotations(tmp_path: Path) -> None:
    images = tuple(f"{n}.jpg" for n in "abcdefghij")
    rows = [{"bbox": [n, 1, 4, 4], "image_id": n % 10} for n in range(30) if n not in (0, 10)]
    message = read_coco_error(write_folder(tmp_path / "d", make_labels(*rows, images=images)))
    assert "each image_id seems one below the id that it means" in message


@pytest.mark.parametrize(("first", "last"), [(0, 1), (3, 2)])
def test_categories_off_by_one_are_refused_if_the_first_is_rare(tmp_path: Path, first: int, last: int) -> None:
    """Without it, all leaves are read as apples."""
    rows = [{"bbox": [n % 30, n // 30, 4, 4], "category_id": first if n < 2 else last} for n in range(59)]
    labels = make_labels(*rows)
    labels["categories"] = [{"id": 1, "name": "apple"}, {"id": 2, "name": "leaf"}]
    message = read_coco_error(write_folder(tmp_path / "d", labels), nouns={"apple": "apple", "leaf": "leaf"})
    assert f"each category_id seems one {'below' if first == 0 else 'above'} the id that it means" in message
    assert f"(for example {first}, which is not in `categories`)" in message


def test_image_ids_off_by_one_are_refused_if_the_first_of_two_images_has_the_fewest(tmp_path: Path) -> None:
    rows = [{"bbox": [n, 1, 4, 4], "image_id": int(n > 1)} for n in range(30)]
    message = read_coco_error(write_folder(tmp_path / "d", make_labels(*rows, images=("a.jpg", "b.jpg"))))
    assert "each image_id seems one below the id that it means (for example 0, which is not in `images`)" in message


@pytest.mark.parametrize(("n_images", "wrong_ids"), [(2, [0]), (4, [0]), (4, [0, 0])])
def test_ids_that_may_be_off_by_one_are_told(tmp_path: Path, n_images: int, wrong_ids: list[int]) -> None:
    """A single error may fit by chance, and so may some if other images have no annotation, too."""
    rows = [{"bbox": [n % 30, n // 30 + 1, 4, 4], "image_id": 1} for n in range(50 - len(wrong_ids))]
    images = tuple(f"{name}.jpg" for name in "abcd"[:n_images])
    labels = make_labels(*rows, *({**BOX, "image_id": image_id} for image_id in wrong_ids), images=images)
    with record_warnings() as log:
        read, counts = read_coco_counts(write_folder(tmp_path / "d", labels))
    assert len(read[0].annotations) == len(rows)
    assert counts["left_out"] == {"of an unknown image are left out": len(wrong_ids)}
    assert log.to_card()[0] == (
        "d/labels.json: image_id may be off by one: all fit the ids of `images` if each is one below them"
    )


def test_a_wrong_id_that_no_shift_explains_is_not_told(tmp_path: Path) -> None:
    rows = [{"bbox": [n, 1, 4, 4], "image_id": 1 + n % 2} for n in range(30)]
    with record_warnings() as log:
        read_coco(write_folder(tmp_path / "d", make_labels(*rows, {**BOX, "image_id": 0}, images=("a.jpg", "b.jpg"))))
    assert log.to_card() == []


def test_annotations_of_other_images_stop_the_run_if_they_are_many(tmp_path: Path) -> None:
    rows = [{"bbox": [n, 1, 4, 4], "image_id": 99 if n < 3 else 1} for n in range(10)]
    source = write_folder(tmp_path / "d", make_labels(*rows))
    message = read_coco_error(source)
    assert "labels.json: 3 of 10 annotations cannot be used: 3 of an unknown image are left out" in message
    assert "(id 1 with image_id 99, 2 with image_id 99, 3 with image_id 99)" in message
    images, counts = read_coco_counts(source, **{"max-left-out": 0.3})
    assert len(images[0].annotations) == 7
    assert counts["left_out"] == {"of an unknown image are left out": 3} and counts["n_annotations_read"] == 10


def test_images_without_annotations_are_incomplete_if_annotations_belong_to_no_image(tmp_path: Path) -> None:
    """One of these annotations may be the only one of an image, whose id is wrong."""
    rows = [{"bbox": [n, 1, 4, 4], "image_id": 99 if n < 1 else 1} for n in range(30)]
    images = read_coco(write_folder(tmp_path / "d", make_labels(*rows, images=("a.jpg", "b.jpg"))))
    assert [image.incomplete for image in images] == [(), ("apple",)]


def test_a_list_of_files_selects_the_counted_annotations(tmp_path: Path) -> None:
    rows = [{"bbox": [n, 1, 4, 4], "image_id": 99 if n < 1 else 1 + n % 2} for n in range(30)]
    source = write_folder(tmp_path / "d", make_labels(*rows, images=("a.jpg", "b.jpg")))
    (tmp_path / "list.txt").write_text("b.jpg\n", encoding="utf-8")
    images, counts = read_coco_counts(source, files=str(tmp_path / "list.txt"))
    assert (len(images), len(images[0].annotations), counts["n_annotations_read"]) == (1, 15, 16)


@pytest.mark.parametrize(
    ("value", "text"),
    [(7, "7"), (7.0, "7"), ("7", "7"), (" 7.00", "7"), ("007", "007"), (7.5, "7.5"), (True, None), ([7], None)],
)
def test_ids_are_compared_as_text(value: Any, text: str | None) -> None:
    assert to_id_text(value) == text


def test_values_in_messages_are_short_and_on_one_line() -> None:
    assert show("ä\n\ud800") == r"'ä\n\ud800'"
    assert show(["x"] * 1000) == "a list"
    assert len(show("x" * 1000)) < 50


def test_a_name_in_nouns_that_differs_by_case_is_refused(tmp_path: Path) -> None:
    labels = make_labels(BOX)
    labels["categories"].append({"id": 4, "name": "Red_Apple"})
    message = read_coco_error(write_folder(tmp_path / "d", labels), nouns={"apple": "apple", "red apple": "apple"})
    assert "`nouns` has 'red apple', but the file has the category 'Red_Apple'; write this name in `nouns`" in message


def test_two_categories_that_differ_by_case_need_a_noun_each(tmp_path: Path) -> None:
    labels = make_labels(BOX, {**BOX, "category_id": 4})
    labels["categories"].append({"id": 4, "name": "Apple"})
    source = write_folder(tmp_path / "d", labels)
    message = read_coco_error(source)
    assert "has 'apple', but the file has also the category 'Apple'; write this name in `nouns`, too" in message
    assert count_annotations(source, nouns={"apple": "apple", "Apple": "pear"}) == [2]


def test_a_category_with_a_space_at_its_end_is_named(tmp_path: Path) -> None:
    labels = make_labels(BOX)
    labels["categories"][0]["name"] = "apple "
    assert "`nouns` has 'apple', but the file has the category 'apple '" in read_coco_error(
        write_folder(tmp_path / "d", labels)
    )


def test_a_name_in_nouns_that_no_file_has_is_told(tmp_path: Path, logged_warnings) -> None:
    read_coco(write_folder(tmp_path / "d", make_labels(BOX)), nouns={"apple": "apple", "aple": "apple"})
    assert logged_warnings() == [
        f"warning: {tmp_path / 'd'}: `nouns` has aple, not a category of the COCO files; these are apple"
    ]
