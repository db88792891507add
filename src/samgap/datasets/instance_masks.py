"""Photographs beside their instance masks: one PNG each, in which 0 is background and each other value one object."""

import csv
import io
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from samgap.datasets import AnnotatedImage, Annotation
from samgap.datasets.archive import MAX_ARCHIVE_GB, iter_files
from samgap.datasets.photographs import IMAGE_READ_ERRORS, load_photograph
from samgap.datasets.write import IMAGE_SUFFIXES
from samgap.errors import UserError

logger = logging.getLogger("samgap")

MASK_MODES = ("1", "L", "P", "I;16", "I;16B", "I")
"""Pillow's modes of one channel of whole numbers: 1, 8 and 16 bits (a PNG's 16 may arrive as 32)."""


@dataclass(frozen=True)
class ImageFolder:
    """The files of a folder (its path's last parts), wherever in the source that lies."""

    source: Path
    folder_parts: tuple[str, ...]

    def contains(self, path: PurePosixPath) -> bool:
        return (
            path.parts[-1 - len(self.folder_parts) : -1] == self.folder_parts and path.suffix.lower() in IMAGE_SUFFIXES
        )

    def __str__(self) -> str:
        return "/".join(self.folder_parts)


MaskFiles = dict[str, tuple[str, bytes | Path]]
"""By their name without its suffix: a mask's file name, and its bytes or, in a folder, where they are."""


def read_image_mask_pairs(
    image_folder: ImageFolder,
    mask_folder: ImageFolder,
    select_names: Callable[[list[str]], set[str]],
    get_group: Callable[[str], str],
    noun: str,
    options: Mapping[str, Any],
) -> Iterator[AnnotatedImage]:
    """Yield the images that `choose` takes of all names, as packed, each with a label for every object.

    A mask is the PNG of the same name but for the suffix. An archive is read twice, as a tar gives its files in its
    own order: first every mask, which is small, and all names, then one image at a time. Of `options` are read
    `attributes` (of every instance), `ignore` (see `_ignored`) and `max-gb`. Bad input raises UserError.
    """
    max_gb = options.get("max-gb", MAX_ARCHIVE_GB)
    names, found = _index_files(image_folder, mask_folder, max_gb)
    _raise_if_unpaired(
        f"{mask_folder.source}: no mask in {mask_folder}",
        "image",
        {names[stem] for stem in names.keys() - found.keys()},
    )
    _raise_if_unpaired(
        f"{image_folder.source}: no image in {image_folder}",
        "mask",
        {found[stem][0] for stem in found.keys() - names.keys()},
    )
    chosen = select_names(sorted(names.values()))
    ignored = _read_ignored_ids(options["ignore"], set(names.values())) if "ignore" in options else {}
    attributes = options.get("attributes", {})
    one_each = many = 0
    for where, data in iter_files(
        image_folder.source, lambda where: image_folder.contains(where) and where.name in chosen, max_gb
    ):
        name, (file, packed) = where.name, found[where.stem]
        ids = decode_instance_ids(
            packed if isinstance(packed, bytes) else packed.read_bytes(), f"{mask_folder.source}: mask {file}"
        )
        photo = load_photograph(data, f"{image_folder.source}: {name}", ids.shape[::-1])
        labels = _make_annotations(
            ids, noun, attributes, ignored.get(name, set()), f"{mask_folder.source}: mask {file}"
        )
        one_each += len(labels) == 1
        many += len(labels) > 1
        yield AnnotatedImage(name, photo.encoded_bytes, photo.width, photo.height, get_group(name), labels)
    if one_each > 1 and not many:
        logger.warning(
            "warning: %s: no mask has more than one value beside 0; if these are masks of the foreground, "
            "give each object a value of its own",
            mask_folder.source,
        )


def decode_instance_ids(encoded_bytes: bytes, source_name: str) -> np.ndarray:
    """The numbers of a mask's pixels, whole and from 0 on, (height, width); from a PNG of one channel."""
    try:
        with Image.open(io.BytesIO(encoded_bytes)) as image:
            image.load()
            form, mode, ids = image.format, image.mode, np.asarray(image)
    except IMAGE_READ_ERRORS as error:
        raise UserError(f"{source_name}: unreadable image ({error})") from error
    if form != "PNG":
        raise UserError(f"{source_name}: a mask is a PNG, this one is a {form}, whose values are blurred")
    if mode not in MASK_MODES:
        raise UserError(f"{source_name}: a mask has one channel of 8 or 16 bits, this one is of mode {mode}")
    return ids.astype(np.int32)


def _make_annotations(
    id_map: np.ndarray, noun: str, attributes: Mapping[str, str], ignored_ids: set[int], source_name: str
) -> list[Annotation]:
    labels = []
    missing = set(ignored_ids)
    # One pass over the image finds every object's box; what follows looks into these alone.
    for number, found in enumerate(ndimage.find_objects(id_map), start=1):
        if found is not None:
            at = found[0].start, found[1].start
            labels.append(
                Annotation(
                    noun, id_map[found] == number, attributes=attributes, ignore=number in ignored_ids, offset=at
                )
            )
            missing.discard(number)
    if missing:
        raise UserError(f"{source_name}: no instance {min(missing)}, which the list of ignored instances names")
    return labels


def _index_files(
    image_folder: ImageFolder, mask_folder: ImageFolder, max_gb: float
) -> tuple[dict[str, str], MaskFiles]:
    """All images and masks by their name without suffix, which a pair has in common; each source is read once."""
    names: dict[str, str] = {}
    found: MaskFiles = {}
    for source in dict.fromkeys((image_folder.source, mask_folder.source)):
        if not source.exists():
            raise UserError(f"{source}: nothing is there; check where the data set's data are")
        places = [place for place in (image_folder, mask_folder) if place.source == source]
        others: set[str] = set()
        # A mask in a folder is read when its turn comes, one in an archive is kept.
        for where, data in iter_files(source, _make_indexing_filter(places, mask_folder, names, found, others), max_gb):
            found[where.stem] = where.name, data
        for place in places:
            if not (names if place == image_folder else found):
                held = ", ".join(sorted(others)[:8]) or "nothing else"
                raise UserError(f"{source}: no folder {place} with images in it; it holds {held}")
    return names, found


def _make_indexing_filter(
    folders: list[ImageFolder],
    mask_folder: ImageFolder,
    image_names: dict[str, str],
    mask_files: MaskFiles,
    other_folders: set[str],
) -> Callable[[PurePosixPath], bool]:
    """What notes each file that one of `places` holds, and asks for those of the masks in an archive."""

    def wanted(where: PurePosixPath) -> bool:
        place = next((place for place in folders if place.contains(where)), None)
        if place is None:
            other_folders.add(str(where.parent))
            return False
        if where.stem in (mask_files if place == mask_folder else image_names):
            raise UserError(f"{place.source}: {where.stem} is twice in {place}")
        if place == mask_folder:
            mask_files[where.stem] = where.name, place.source.parent / where
            return not place.source.is_dir()
        image_names[where.stem] = where.name
        return False

    return wanted


def _raise_if_unpaired(problem: str, file_type: str, unpaired_names: set[str]) -> None:
    if unpaired_names:
        first, *more = sorted(unpaired_names)
        raise UserError(f"{problem} for {file_type} {first}" + (f" and {len(more)} more" if more else ""))


def _read_ignored_ids(csv_path: str, image_names: set[str]) -> dict[str, set[int]]:
    """The instances to ignore, by image, of a CSV with the columns image, instance_id and ignore."""
    found: dict[str, set[int]] = defaultdict(set)
    known = 0
    try:
        with open(csv_path, newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                known += row["image"] in image_names
                if int(row["ignore"]):
                    found[row["image"]].add(int(row["instance_id"]))
    except OSError as error:
        raise UserError(f"{csv_path}: the list of ignored instances cannot be read ({error.strerror})") from error
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"{csv_path}: not a CSV with image, instance_id and ignore (0 or 1) in each row ({error})"
        ) from error
    if not known:
        raise UserError(f"{csv_path}: no row names an image of this part")
    return found
