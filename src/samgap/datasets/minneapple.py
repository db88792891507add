"""Kind `minneapple`: MinneApple (doi 10.13020/8ecp-3r13), apples in orchard rows, read from its published archives.

Archive `images` (detection.tar.gz) has `detection/train/{images,masks}` and `detection/test/images`. Archive `truth`
(test_data.zip), needed only for the test part, has `test_data/test_data/segmentation/{images,masks}`. Leading folders
may differ. In a mask, 0 is background and every other value is one apple, which may consist of several pieces. Only the
apples of the trees in the foreground are labelled (Häni et al. 2020), so the labels are not exhaustive by default.

Options: `part` (train or test); `videos` or `without-videos` (names of the videos to select or to exclude); `absent`
(nouns that are in no image); `ignore` (a CSV file with the columns image, instance_id, ignore; instances with ignore 1
count as neither matched nor false positive); `orientation` (whether masks are for photographs as stored or as shown).

The group of an image is its video, the part of the name before `_image`: `20150921_131234` for
`20150921_131234_image7.png`. In other names it is the part before the last `_` (`dataset1_back` for
`dataset1_back_1.png`), or the name without its suffix.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from samgap.datasets import AnnotatedImage
from samgap.datasets.instance_masks import read_image_mask_pairs
from samgap.datasets.paired_images import ImageFolder
from samgap.errors import UserError

OPTIONS = {
    "required": ["archives", "part"],
    "properties": {
        "archives": {
            "description": "Its archives (ids of `archives`) by role.",
            "type": "object",
            "required": ["images"],
            "additionalProperties": False,
            "properties": {
                "images": {
                    "description": "The archive with the images, and the masks of the train part.",
                    "$ref": "#/$defs/id",
                },
                "truth": {
                    "description": "The archive with the masks of the test part; only needed for that part.",
                    "$ref": "#/$defs/id",
                },
            },
        },
        "part": {"description": "Which part of the archive.", "enum": ["train", "test"]},
        "videos": {
            "description": "Only these videos (file-name prefixes); default is all of the part.",
            "$ref": "#/$defs/texts",
        },
        "without-videos": {
            "description": "Without these videos (file-name prefixes); default is none.",
            "$ref": "#/$defs/texts",
        },
        "absent": {"$ref": "#/$defs/absent"},
        "ignore": {"$ref": "#/$defs/ignore"},
        "orientation": {"$ref": "#/$defs/orientation"},
        "max-gb": {"$ref": "#/$defs/max-gb"},
        "exhaustive": {
            "description": "As for every data set; apples of background trees have no label.",
            "default": False,
        },
    },
    "not": {"description": "takes `videos` or `without-videos`, not both", "required": ["videos", "without-videos"]},
    "if": {"properties": {"part": {"const": "test"}}},
    "then": {"properties": {"archives": {"required": ["truth"]}}},
}

NOUN = "apple"


def describe_labels(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nouns that are labelled or absent from all images; MinneApple has no attributes."""
    return {"nouns": [NOUN, *options.get("absent", [])], "attributes": {}}


def iter_images(options: Mapping[str, Any], archives: Mapping[str, Path], seed: int) -> Iterator[AnnotatedImage]:
    """Yield the images of the part in the order of the archive, with an annotation for each apple (`seed` is unused).

    Raises:
        UserError: See `samgap.datasets.instance_masks.read_image_mask_pairs`; or a video is unknown.
    """
    archive = Path(archives["images"])
    if options["part"] == "test":
        if "truth" not in archives:
            raise UserError(f"{archive}: its test part has no masks; name an archive `truth` for it")
        masks = ImageFolder(Path(archives["truth"]), ("segmentation", "masks"))
    else:
        masks = ImageFolder(archive, ("train", "masks"))
    images = ImageFolder(archive, (options["part"], "images"))
    yield from read_image_mask_pairs(
        images, masks, lambda names: _select_images(archive, names, options), extract_video_name, NOUN, options
    )


def extract_video_name(file_name: str) -> str:
    """Return the name of the video that an image is from."""
    stem = PurePosixPath(file_name).stem
    return stem.split("_image")[0] if "_image" in stem else stem.rpartition("_")[0] or stem


def _select_images(archive_path: Path, file_names: list[str], options: Mapping[str, Any]) -> set[str]:
    """Select the images of the videos that `videos` and `without-videos` leave."""
    present = {extract_video_name(name) for name in file_names}
    included, excluded = options.get("videos"), options.get("without-videos", [])
    hint = f"the videos of its {options['part']} part are {', '.join(sorted(present))}"
    # Without this check, a misspelt name would move training images into the validation set, or leave it empty.
    unknown = sorted({*(included or []), *excluded} - present)
    if unknown:
        raise UserError(f"{archive_path}: no video {', '.join(unknown)}; {hint}")
    videos = (present if included is None else set(included)) - set(excluded)
    if not videos:
        raise UserError(f"{archive_path}: `videos` and `without-videos` leave no image; {hint}")
    return {name for name in file_names if extract_video_name(name) in videos}
