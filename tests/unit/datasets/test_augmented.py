"""Kind `augmented`: copies of the images of another data set with moved labels."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samgap.annotations.ground_truth import read_ground_truth
from samgap.annotations.phrases import find_truth_ids
from samgap.datasets import AnnotatedImage, Annotation, augmented
from samgap.datasets.warning_log import record_warnings
from samgap.datasets.write import write_dataset
from samgap.errors import UserError
from samgap.tables.images import IMAGES

LABELS = {"nouns": ["apple", "leaf"], "attributes": {"colour": ["red", "green"], "size": ["small", "large"]}}
TRANSFORMS = {"flip": {"flip": {}}, "hue-10": {"hue": {"turn": 0.1}}, "crop-half": {"crop": {"area": 0.5}}}
WIDTH, HEIGHT = 80, 60


def encode(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


def make_annotations() -> list[Annotation]:
    """Return an apple at the left, a leaf with only a box at the right, and an ignored apple."""
    mask, ignored = np.zeros((2, HEIGHT, WIDTH), bool)
    mask[10:30, 5:15], mask[25:30, 5:30] = True, True
    ignored[40:50, 40:50] = True
    return [
        Annotation("apple", mask=mask, attributes={"colour": "red", "size": "small"}, occluded_fraction=0.25),
        Annotation("leaf", box=(60, 10, 75, 22)),
        Annotation("apple", mask=ignored, attributes={"colour": "green"}, ignore=True),
    ]


def write_source(folder: Path, n_images: int = 3, **changes) -> Path:
    """Write a data set of random images in two groups, and return its folder."""
    rng = np.random.default_rng(0)
    images = []
    for number in range(n_images):
        pixels = rng.integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
        values = {"annotations": make_annotations(), "group": f"row{number // 2}", "file_name": f"tree-{number}.png"}
        values |= {"attributes": {"lighting": "sun"}, **changes}
        images.append(AnnotatedImage(encoded_bytes=encode(pixels), width=WIDTH, height=HEIGHT, **values))
    write(images, LABELS, folder)
    return folder


def write(images, labels, folder: Path):
    folder.mkdir(parents=True, exist_ok=True)
    return write_dataset(
        images, labels, *(folder / name for name in ("images", "instances.json", "images.parquet")), dataset="d"
    )


def make(source: Path, folder: Path, seed: int = 0, **options):
    """Write the augmented data set, and return its ground truth by file name and its counts."""
    options = {"source": str(source), "transforms": TRANSFORMS, **options}
    counts = write(augmented.iter_images(options, {}, seed), augmented.describe_labels(options), folder)
    truth = read_ground_truth(folder / "instances.json")
    by_name = {entry["file_name"]: truth.instances_of(id) for id, entry in truth.images.items()}
    return truth, by_name, counts


@pytest.fixture
def source(tmp_path):
    return write_source(tmp_path / "source")


def test_every_original_is_there_as_it_is_and_once_per_transform(source, tmp_path):
    truth, by_name, counts = make(source, tmp_path / "out")
    assert len(truth.images) == counts["n_images"] == 3 * 4 and counts["n_groups"] == 2
    names = ["tree-0.png", "tree-0.flip.png", "tree-0.hue-10.png", "tree-0.crop-half.png"]
    assert set(names) < set(by_name)
    strata = {entry["file_name"]: entry["attributes"] for entry in truth.images.values()}
    assert [strata[name] for name in names] == [
        {"augmentation": value} for value in ("none", "flip", "hue-10", "crop-half")
    ]
    original = (source / "images/tree-0.png").read_bytes()
    assert (tmp_path / "out/images/tree-0.png").read_bytes() == original
    table = IMAGES.read(tmp_path / "out/images.parquet")
    assert set(table.loc[table["file"].str.startswith("tree-1"), "group"]) == {"row0"}
    assert dict(table.set_index("file").loc["tree-0.flip.png", "strata"]) == {"augmentation": "flip"}
    assert {key: set(truth.attributes[key]) for key in truth.attributes} == {
        key: set(values) for key, values in LABELS["attributes"].items()
    }
    assert truth.nouns == set(LABELS["nouns"])


def test_pixels_masks_and_boxes_of_a_flip_are_mirrored(source, tmp_path):
    _, by_name, _ = make(source, tmp_path / "out")
    before, after = (
        np.asarray(Image.open(path)) for path in (source / "images/tree-1.png", tmp_path / "out/images/tree-1.flip.png")
    )
    assert np.array_equal(after, before[:, ::-1])
    apple, leaf, ignored = by_name["tree-1.flip.png"]
    plain_apple, _, plain_ignored = by_name["tree-1.png"]
    assert np.array_equal(apple.decode_mask(), plain_apple.decode_mask()[:, ::-1])
    assert np.array_equal(ignored.decode_mask(), plain_ignored.decode_mask()[:, ::-1]) and ignored.ignore
    assert leaf.box == (5, 10, 20, 22) and leaf.rle is None
    assert (apple.attributes, apple.occlusion, apple.ignore) == ({"colour": "red", "size": "small"}, 0.25, False)


def test_what_a_transform_changes_is_unknown_and_phrases_of_it_are_not_evaluable(source, tmp_path):
    truth, by_name, counts = make(source, tmp_path / "out")
    apple = by_name["tree-0.hue-10.png"][0]
    assert apple.attributes == {"size": "small"} and apple.unknown_attributes == {"colour"}
    assert by_name["tree-0.hue-10.png"][1].unknown_attributes == set()  # the leaf has no colour
    assert counts["unknown_attributes"]["colour"] == 2 * 3
    ids = {entry["file_name"]: id for id, entry in truth.images.items()}
    red, plain = {"phrase": "red apple", "noun": "apple", "attributes": {"colour": "red"}}, {"noun": "apple"}
    assert find_truth_ids(red, ids["tree-0.hue-10.png"], truth) is None
    assert find_truth_ids(red, ids["tree-0.flip.png"], truth) == [by_name["tree-0.flip.png"][0].id]
    assert find_truth_ids(plain, ids["tree-0.hue-10.png"], truth) == [apple.id]


def test_the_entry_states_what_a_transform_changes(source, tmp_path):
    transforms = {"weak": {"hue": {"turn": 0.01, "changes": []}}, "both": {"flip": {"changes": ["size", "colour"]}}}
    _, by_name, _ = make(source, tmp_path / "out", transforms=transforms)
    assert by_name["tree-0.weak.png"][0].unknown_attributes == set()
    assert by_name["tree-0.both.png"][0].unknown_attributes == {"size", "colour"}
    wrong = {"flip": {"flip": {"changes": ["color"]}}}
    with pytest.raises(UserError, match=r"attribute color is not labelled; name .* transforms\.flip .*: colour, size"):
        make(source, tmp_path / "out", transforms=wrong)


def test_instances_that_a_crop_cuts_off_are_left_out_or_ignored_and_counted(source, tmp_path):
    transforms = {f"crop-{number}": {"crop": {"area": 0.3}} for number in range(12)}
    _, by_name, counts = make(source, tmp_path / "out", transforms=transforms, images=1, **{"min-visible": 0.5})
    copies = {name: instances for name, instances in by_name.items() if "crop" in name}
    n_left, n_rest = 0, 0
    for instances in copies.values():
        n_left += len(instances)
        for instance in instances:
            if instance.noun == "leaf" or instance.occlusion is None:
                continue
            plain_area = by_name["tree-1.png"][0].area
            scale = (WIDTH * HEIGHT) / (round(WIDTH * 0.3**0.5) * round(HEIGHT * 0.3**0.5))
            assert instance.ignore == (instance.area / (plain_area * scale) < 0.5)
            n_rest += instance.ignore
    n_out = 12 * 3 - n_left
    assert n_out > 0 and n_rest > 0
    assert counts["not_used"] == {augmented.CUT_OFF: n_out} and counts["n_annotations_read"] == 13 * 3
    assert counts["n_instances"] == n_left + 3
    assert counts["read_with_changes"][augmented.REST_IGNORED] >= n_rest


def test_the_same_seed_gives_the_same_bytes_and_another_transform_changes_no_other_copy(source, tmp_path):
    transforms = {"affine": {"affine": {"degrees": 25}}, "colour": {"colour": {"brightness": 0.4}}}
    write_source(tmp_path / "masks", annotations=[make_annotations()[0]])
    runs = [
        make(tmp_path / "masks", tmp_path / name, seed=seed, transforms=chosen)[2]
        for name, seed, chosen in (
            ("a", 1, transforms),
            ("b", 1, transforms),
            ("c", 2, transforms),
            ("d", 1, {"colour": transforms["colour"]}),
        )
    ]
    assert runs[0] == runs[1] and runs[0]["images_sha256"] != runs[2]["images_sha256"]
    assert (tmp_path / "a/instances.json").read_bytes() == (tmp_path / "b/instances.json").read_bytes()
    for number in range(3):
        name = f"images/tree-{number}.colour.png"
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "d" / name).read_bytes()


def test_a_number_of_images_is_spread_over_the_source(tmp_path):
    source = write_source(tmp_path / "source", n_images=9)
    truth, _, _ = make(source, tmp_path / "out", images=3, transforms={"flip": {"flip": {}}})
    originals = {entry["file_name"] for entry in truth.images.values() if entry["attributes"]["augmentation"] == "none"}
    assert originals == {"tree-1.png", "tree-4.png", "tree-7.png"}
    with pytest.raises(UserError, match=r"has 9 images; lower `images` \(10\)"):
        make(source, tmp_path / "out", images=10)


def test_videos_and_boxes_that_would_be_rotated_are_refused(source, tmp_path):
    content = json.loads((source / "instances.json").read_text(encoding="utf-8"))
    for number, image in enumerate(content["images"]):
        image |= {"sequence": "pan", "frame": number}
    (tmp_path / "video").mkdir()
    (tmp_path / "video/instances.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match="has videos, whose tracks"):
        make(tmp_path / "video", tmp_path / "out")
    with pytest.raises(UserError, match=r"tree-0\.turn, instance 2: has only a box"):
        make(source, tmp_path / "out", transforms={"turn": {"affine": {"degrees": 10}}})
    assert not (tmp_path / "out/images").exists()


def test_lost_labels_of_the_source_stay_lost(tmp_path):
    source = write_source(tmp_path / "source", incomplete=("leaf",))
    truth, _, counts = make(source, tmp_path / "out")
    assert counts["n_incomplete_images"] == 12
    assert all(truth.incomplete_nouns(image_id) == {"leaf"} for image_id in truth.images)


def test_originals_of_one_stem_keep_their_copies_apart(tmp_path):
    images = []
    for suffix in ("png", "jpg"):
        encoded = encode(np.full((HEIGHT, WIDTH, 3), len(images), np.uint8))
        images.append(AnnotatedImage(f"a.{suffix}", encoded, WIDTH, HEIGHT, suffix, make_annotations()))
    write(images, LABELS, tmp_path / "source")
    _, by_name, _ = make(tmp_path / "source", tmp_path / "out", transforms={"flip": {"flip": {}}})
    assert set(by_name) == {"a.png", "a.jpg", "a.png.flip.png", "a.jpg.flip.png"}


def test_warnings_and_lost_annotations_of_the_source_are_taken_over(source, tmp_path):
    card = {"warnings": ["half of the boxes are crowds"], "left_out": {"with an invalid box": 2}}
    (source / "dataset.json").write_text(json.dumps(card), encoding="utf-8")
    with record_warnings() as warnings:
        make(source, tmp_path / "out")
    assert warnings.to_card() == [
        "source source: half of the boxes are crowds",
        "source source: 2 annotations could not be used",
    ]
