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

from samgap.datasets import Label, Picture
from samgap.datasets.archive import MAX_GB, files
from samgap.datasets.photographs import UNREADABLE, photograph
from samgap.datasets.write import SUFFIXES
from samgap.errors import UserError

logger = logging.getLogger("samgap")

MODES = ("1", "L", "P", "I;16", "I;16B", "I")
"""Pillow's modes of one channel of whole numbers: 1, 8 and 16 bits (a PNG's 16 may arrive as 32)."""


@dataclass(frozen=True)
class Place:
    """The files of a folder (its path's last parts), wherever in the source that lies."""

    source: Path
    folder: tuple[str, ...]

    def holds(self, where: PurePosixPath) -> bool:
        return where.parts[-1 - len(self.folder) : -1] == self.folder and where.suffix.lower() in SUFFIXES

    def __str__(self) -> str:
        return "/".join(self.folder)


Masks = dict[str, tuple[str, bytes | Path]]
"""By their name without its suffix: a mask's file name, and its bytes or, in a folder, where they are."""


def pairs(
    images: Place,
    masks: Place,
    choose: Callable[[list[str]], set[str]],
    group: Callable[[str], str],
    noun: str,
    options: Mapping[str, Any],
) -> Iterator[Picture]:
    """Yield the images that `choose` takes of all names, as packed, each with a label for every object.

    A mask is the PNG of the same name but for the suffix. An archive is read twice, as a tar gives its files in its
    own order: first every mask, which is small, and all names, then one image at a time. Of `options` are read
    `attributes` (of every instance), `ignore` (see `_ignored`) and `max-gb`. Bad input raises UserError.
    """
    max_gb = options.get("max-gb", MAX_GB)
    names, found = _first_pass(images, masks, max_gb)
    _complain(f"{masks.source}: no mask in {masks}", "image", {names[stem] for stem in names.keys() - found.keys()})
    _complain(
        f"{images.source}: no image in {images}", "mask", {found[stem][0] for stem in found.keys() - names.keys()}
    )
    chosen = choose(sorted(names.values()))
    ignored = _ignored(options["ignore"], set(names.values())) if "ignore" in options else {}
    attributes = options.get("attributes", {})
    one_each = many = 0
    for where, data in files(images.source, lambda where: images.holds(where) and where.name in chosen, max_gb):
        name, (file, packed) = where.name, found[where.stem]
        ids = instance_ids(packed if isinstance(packed, bytes) else packed.read_bytes(), f"{masks.source}: mask {file}")
        photo = photograph(data, f"{images.source}: {name}", ids.shape[::-1])
        labels = _labels(ids, noun, attributes, ignored.get(name, set()), f"{masks.source}: mask {file}")
        one_each += len(labels) == 1
        many += len(labels) > 1
        yield Picture(name, photo.data, photo.width, photo.height, group(name), labels)
    if one_each > 1 and not many:
        logger.warning(
            "warning: %s: no mask has more than one value beside 0; if these are masks of the foreground, "
            "give each object a value of its own",
            masks.source,
        )


def instance_ids(data: bytes, what: str) -> np.ndarray:
    """The numbers of a mask's pixels, whole and from 0 on, (height, width); from a PNG of one channel."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            form, mode, ids = image.format, image.mode, np.asarray(image)
    except UNREADABLE as error:
        raise UserError(f"{what}: unreadable image ({error})") from error
    if form != "PNG":
        raise UserError(f"{what}: a mask is a PNG, this one is a {form}, whose values are blurred")
    if mode not in MODES:
        raise UserError(f"{what}: a mask has one channel of 8 or 16 bits, this one is of mode {mode}")
    return ids.astype(np.int32)


def _labels(ids: np.ndarray, noun: str, attributes: Mapping[str, str], ignored: set[int], what: str) -> list[Label]:
    labels = []
    missing = set(ignored)
    # One pass over the image finds every object's box; what follows looks into these alone.
    for number, found in enumerate(ndimage.find_objects(ids), start=1):
        if found is not None:
            at = found[0].start, found[1].start
            labels.append(Label(noun, ids[found] == number, attributes=attributes, ignore=number in ignored, at=at))
            missing.discard(number)
    if missing:
        raise UserError(f"{what}: no instance {min(missing)}, which the list of ignored instances names")
    return labels


def _first_pass(images: Place, masks: Place, max_gb: float) -> tuple[dict[str, str], Masks]:
    """All images and masks by their name without suffix, which a pair has in common; each source is read once."""
    names: dict[str, str] = {}
    found: Masks = {}
    for source in dict.fromkeys((images.source, masks.source)):
        if not source.exists():
            raise UserError(f"{source}: nothing is there; check where the data set's data are")
        places = [place for place in (images, masks) if place.source == source]
        others: set[str] = set()
        # A mask in a folder is read when its turn comes, one in an archive is kept.
        for where, data in files(source, _noting(places, masks, names, found, others), max_gb):
            found[where.stem] = where.name, data
        for place in places:
            if not (names if place == images else found):
                held = ", ".join(sorted(others)[:8]) or "nothing else"
                raise UserError(f"{source}: no folder {place} with images in it; it holds {held}")
    return names, found


def _noting(
    places: list[Place], masks: Place, names: dict[str, str], found: Masks, others: set[str]
) -> Callable[[PurePosixPath], bool]:
    """What notes each file that one of `places` holds, and asks for those of the masks in an archive."""

    def wanted(where: PurePosixPath) -> bool:
        place = next((place for place in places if place.holds(where)), None)
        if place is None:
            others.add(str(where.parent))
            return False
        if where.stem in (found if place == masks else names):
            raise UserError(f"{place.source}: {where.stem} is twice in {place}")
        if place == masks:
            found[where.stem] = where.name, place.source.parent / where
            return not place.source.is_dir()
        names[where.stem] = where.name
        return False

    return wanted


def _complain(where: str, what: str, names: set[str]) -> None:
    if names:
        first, *more = sorted(names)
        raise UserError(f"{where} for {what} {first}" + (f" and {len(more)} more" if more else ""))


def _ignored(path: str, names: set[str]) -> dict[str, set[int]]:
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
