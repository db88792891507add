"""Data sets of kind `minneapple-layout`: options and folders."""

from pathlib import Path

from samgap.datasets import minneapple_layout
from tests.helpers.mask_pairs import read_pairs, read_pairs_error


def test_options_noun_attributes_and_files(orchard_folder: Path) -> None:
    (orchard_folder.parent / "part.txt").write_text("row2_0001.jpg\n", encoding="utf-8")
    options = {"noun": "pear", "attributes": {"ripeness": "ripe"}, "absent": ["apple"]}
    [image] = read_pairs(orchard_folder, files=str(orchard_folder.parent / "part.txt"), **options)
    assert image.group == "row2_0001"
    assert {(annotation.noun, *annotation.attributes.items()) for annotation in image.annotations} == {
        ("pear", ("ripeness", "ripe"))
    }
    assert minneapple_layout.describe_labels(options) == {
        "nouns": ["pear", "apple"],
        "attributes": {"ripeness": ["ripe"]},
    }


def test_folders_of_other_names_and_in_two_sources(orchard_folder: Path) -> None:
    (orchard_folder / "images").rename(orchard_folder / "photos")
    assert "no folder images with images; there is my-orchard, my-orchard/photos" in read_pairs_error(orchard_folder)
    assert len(read_pairs(orchard_folder, images="my-orchard/photos")) == 3
    (orchard_folder / "masks").rename(orchard_folder.parent / "masks")
    archives = {"images": orchard_folder, "masks": orchard_folder.parent / "masks"}
    assert len(list(minneapple_layout.iter_images({"images": "photos"}, archives, 0))) == 3
    assert "no such file or folder" in read_pairs_error(orchard_folder / "nowhere")
