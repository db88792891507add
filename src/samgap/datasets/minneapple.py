"""MinneApple (doi 10.13020/8ecp-3r13): apples in orchard rows, read straight from its published archives.

Archive `images` (detection.tar.gz) holds `detection/train/{images,masks}` and `detection/test/images`; archive
`truth` (test_data.zip), needed for the test part alone, `test_data/test_data/segmentation/{images,masks}`.
Leading folders may differ. A mask is 8-bit: 0 is background, each other value one apple, in one piece or more.
Only the apples of the foreground trees are labelled.

Options: `part` (train or test); `videos` or `without-videos` (names of videos to take or to leave out);
`absent` (nouns known to be in no image); `ignore` (a CSV with the columns image, instance_id, ignore whose rows
with ignore 1 name instances that are neither hit nor false).

The group of an image is its video: `20150921_131234` of `20150921_131234_image7.png`; of any other name what
stands before its last `_` (`dataset1_back` of `dataset1_back_1.png`), or without one the name without its suffix.
"""

import csv
import io
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from samgap.datasets import Label, Picture
from samgap.datasets._archive import files
from samgap.datasets._write import SUFFIXES
from samgap.errors import UserError

NOUN = "apple"
UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
"""What Pillow raises on a damaged file."""


def info(options: Mapping[str, Any]) -> dict[str, Any]:
    """The nouns that are labelled or known to be absent; MinneApple labels no attribute."""
    return {"nouns": [NOUN, *options.get("absent", [])], "attributes": {}}


def pictures(options: Mapping[str, Any], archives: Mapping[str, Path], seed: int) -> Iterator[Picture]:
    """Yield the part's images, as packed, with a label for each apple (`seed` has no use here).

    The archive is read twice, as a tar gives its files in its own order: first every mask, which is small, and
    all names, then one image at a time. Bad input raises UserError.
    """
    archive = Path(archives["images"])
    truth = archive
    if options["part"] == "test":
        if "truth" not in archives:
            raise UserError(f"{archive}: its test part has no masks; name an archive `truth` for it")
        truth = Path(archives["truth"])
    images_in = (options["part"], "images")
    masks_in = ("segmentation" if options["part"] == "test" else "train", "masks")

    if truth == archive:
        found = _folders(archive, {images_in: False, masks_in: True})
        names, masks = found[images_in], found[masks_in]
    else:
        names, masks = _folders(archive, {images_in: False})[images_in], _folders(truth, {masks_in: True})[masks_in]
    _complain(f"{truth}: no mask in {'/'.join(masks_in)}", "image", names.keys() - masks.keys())
    _complain(f"{archive}: no image in {'/'.join(images_in)}", "mask", masks.keys() - names.keys())

    chosen = _chosen(archive, names, options)
    ignored = _ignored(options["ignore"], names) if "ignore" in options else {}
    for name, data in _in(archive, images_in):
        if name in chosen:
            size = _size(data, f"{archive}: {name}")
            labels = _labels(masks[name], size, f"{truth}: mask {name}", ignored.get(name, set()))
            yield Picture(name, data, *size, video(name), labels)


def video(name: str) -> str:
    """The video that an image is from, by its file name."""
    stem = PurePosixPath(name).stem
    return stem.split("_image")[0] if "_image" in stem else stem.rpartition("_")[0] or stem


def _in(archive: Path, folder: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each image file in `folder`, wherever in the archive that lies."""

    def wanted(where: PurePosixPath) -> bool:
        return where.parts[-3:-1] == folder and where.suffix.lower() in SUFFIXES

    for where, data in files(archive, wanted):
        yield where.name, data


def _folders(archive: Path, keep: Mapping[tuple[str, ...], bool]) -> dict[tuple[str, ...], dict[str, bytes]]:
    """Of each folder its files by name, with their bytes where these are to be kept; in one pass."""
    found: dict[tuple[str, ...], dict[str, bytes]] = {folder: {} for folder in keep}
    others = set()

    def wanted(where: PurePosixPath) -> bool:
        folder = where.parts[-3:-1]
        if folder not in keep or where.suffix.lower() not in SUFFIXES:
            others.add(str(where.parent))
            return False
        if where.name in found[folder]:
            raise UserError(f"{archive}: {where.name} is twice in {'/'.join(folder)}")
        found[folder][where.name] = b""
        return keep[folder]

    for where, data in files(archive, wanted):
        found[where.parts[-3:-1]][where.name] = data
    for folder, content in found.items():
        if not content:
            held = ", ".join(sorted(others)[:8]) or "nothing else"
            raise UserError(f"{archive}: no folder {'/'.join(folder)} with images in it; it holds {held}")
    return found


def _complain(where: str, what: str, names: set[str]) -> None:
    if names:
        first, *more = sorted(names)
        raise UserError(f"{where} for {what} {first}" + (f" and {len(more)} more" if more else ""))


def _chosen(archive: Path, names: Mapping[str, Any], options: Mapping[str, Any]) -> set[str]:
    present = {video(name) for name in names}
    take, leave = options.get("videos"), options.get("without-videos", [])
    listed = f"the videos of its {options['part']} part are {', '.join(sorted(present))}"
    # A misspelt video would pass for a split: training images would slip into validation, or none be held out.
    unknown = sorted({*(take or []), *leave} - present)
    if unknown:
        raise UserError(f"{archive}: no video {', '.join(unknown)}; {listed}")
    videos = (present if take is None else set(take)) - set(leave)
    if not videos:
        raise UserError(f"{archive}: `videos` and `without-videos` leave no image; {listed}")
    return {name for name in names if video(name) in videos}


def _ignored(path: str, names: Mapping[str, Any]) -> dict[str, set[int]]:
    """The instances to ignore, by image, of a CSV with the columns image, instance_id and ignore."""
    found: dict[str, set[int]] = defaultdict(set)
    known = 0
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                known += row["image"] in names
                if int(row["ignore"]):
                    found[row["image"]].add(int(row["instance_id"]))
    except OSError as error:
        raise UserError(f"{path}: the list of ignored instances cannot be read ({error.strerror})") from error
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"{path}: not a CSV with image, instance_id and ignore (0 or 1) in each row ({error})"
        ) from error
    if not known:
        raise UserError(f"{path}: no row names an image of this part")
    return found


def _size(data: bytes, what: str) -> tuple[int, int]:
    """Width and height of an image that decodes to its end."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return image.size
    except UNREADABLE as error:
        raise UserError(f"{what}: unreadable image ({error})") from error


def _labels(data: bytes, size: tuple[int, int], what: str, ignored: set[int]) -> list[Label]:
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            mode, mask_size, mask = image.mode, image.size, np.asarray(image)
    except UNREADABLE as error:
        raise UserError(f"{what}: unreadable image ({error})") from error
    if mode not in ("L", "P"):
        raise UserError(f"{what}: a mask is 8-bit with one channel, this one is of mode {mode}")
    if mask_size != size:
        raise UserError(f"{what}: {mask_size[0]}x{mask_size[1]} px, but its image is {size[0]}x{size[1]} px")
    present = np.flatnonzero(np.bincount(mask.ravel(), minlength=256)[1:]) + 1
    if missing := ignored - set(present.tolist()):
        raise UserError(f"{what}: no instance {min(missing)}, which the list of ignored instances names")
    return [Label(NOUN, mask=mask == number, ignore=int(number) in ignored) for number in present]
