"""MinneApple (doi 10.13020/8ecp-3r13): apples in orchard rows, read straight from its published archives.

Archive `images` (detection.tar.gz) holds `detection/train/{images,masks}` and `detection/test/images`; archive
`truth` (test_data.zip), needed for the test part alone, `test_data/test_data/segmentation/{images,masks}`.
Leading folders may differ. In a mask 0 is background, each other value one apple, in one piece or more.
Only the apples of the foreground trees are labelled.

Options: `part` (train or test); `videos` or `without-videos` (names of videos to take or to leave out);
`absent` (nouns known to be in no image); `ignore` (a CSV with the columns image, instance_id, ignore whose rows
with ignore 1 name instances that are neither hit nor false).

The group of an image is its video: `20150921_131234` of `20150921_131234_image7.png`; of any other name what
stands before its last `_` (`dataset1_back` of `dataset1_back_1.png`), or without one the name without its suffix.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from samgap.datasets import AnnotatedImage
from samgap.datasets.instance_masks import ImageFolder, read_image_mask_pairs
from samgap.errors import UserError

NOUN = "apple"


def describe_labels(options: Mapping[str, Any]) -> dict[str, Any]:
    """The nouns that are labelled or known to be absent; MinneApple labels no attribute."""
    return {"nouns": [NOUN, *options.get("absent", [])], "attributes": {}}


def iter_images(options: Mapping[str, Any], archives: Mapping[str, Path], seed: int) -> Iterator[AnnotatedImage]:
    """Yield the part's images, as packed, with a label for each apple (`seed` has no use here).

    Bad input raises UserError.
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
    """The video that an image is from, by its file name."""
    stem = PurePosixPath(file_name).stem
    return stem.split("_image")[0] if "_image" in stem else stem.rpartition("_")[0] or stem


def _select_images(archive_path: Path, file_names: list[str], options: Mapping[str, Any]) -> set[str]:
    """The images of the videos that are to be taken."""
    present = {extract_video_name(name) for name in file_names}
    take, leave = options.get("videos"), options.get("without-videos", [])
    listed = f"the videos of its {options['part']} part are {', '.join(sorted(present))}"
    # A misspelt video would pass for a split: training images would slip into validation, or none be held out.
    unknown = sorted({*(take or []), *leave} - present)
    if unknown:
        raise UserError(f"{archive_path}: no video {', '.join(unknown)}; {listed}")
    videos = (present if take is None else set(take)) - set(leave)
    if not videos:
        raise UserError(f"{archive_path}: `videos` and `without-videos` leave no image; {listed}")
    return {name for name in file_names if extract_video_name(name) in videos}
