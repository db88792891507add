"""Kind `coco`: a folder or an archive that holds images and one or several COCO files of them.

An annotation may be polygons, run lengths (compressed or not) or a box alone, which stays a box: such an instance has
no mask in the truth. A crowd region is neither hit nor false (`ignore`). What cannot be read of the labels is left out
and named in one warning; where its box at least is sound, what lies in it counts neither as hit nor as false. An
image that is missing, unreadable or of another size stops, and so do ids and images that are there twice.

Options: `annotations` (paths of the COCO files; `*` and `?` stand for what varies); `nouns` (what each category of
theirs is: a noun, or a noun and its attributes); `images` (the folder that file names start from; by default a file
may lie anywhere, and its name's last part is enough where only one file has it); `files` (a text file: the only file
names that are read, one a line); `groups` (a regular expression whose first group, found in an image's name, is its
source; by default each image is its own); `attributes` (what holds of all instances of the set); `attribute-values`
(attributes that the annotations carry themselves in `attributes`, or that hold of the set, with all values that are
told apart); `absent` (nouns known to be in no image); `max-gb` (how much an archive may hold).

In all options a path inside the data may leave out leading folders, as those of an archive vary.
"""

import fnmatch
import json
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from samgap.datasets import Label, Picture
from samgap.datasets import coco_labels as labels
from samgap.datasets.archive import MAX_GB, files
from samgap.datasets.names import group, listed, parts, some
from samgap.datasets.photographs import photograph
from samgap.datasets.write import SUFFIXES
from samgap.errors import UserError

logger = logging.getLogger("samgap")


def info(options: Mapping[str, Any]) -> dict[str, Any]:
    """The nouns that are labelled or known to be absent, and the attributes, each with the values told apart."""
    categories = _categories(options)
    nouns = list(dict.fromkeys([*(noun for noun, _ in categories.values()), *options.get("absent", [])]))
    values: dict[str, list[str]] = {name: list(known) for name, known in options.get("attribute-values", {}).items()}
    for attributes in (options.get("attributes", {}), *(own for _, own in categories.values())):
        for name, value in attributes.items():
            if value not in values.setdefault(name, []):
                values[name].append(value)
    return {"nouns": nouns, "attributes": values}


def pictures(options: Mapping[str, Any], archives: Mapping[str, Path], seed: int) -> Iterator[Picture]:
    """Yield the images in the source's order, each with its labels (`seed` has no use here).

    The source `archives["data"]` is read twice: first the COCO files and all names, then the images. Bad input raises
    UserError; what is left out of the labels is told when all is read.
    """
    source, max_gb = Path(archives["data"]), options.get("max-gb", MAX_GB)
    texts, present = _first_pass(source, options["annotations"], max_gb)
    faults = Faults()
    images: dict[str, _Image] = {}
    for where, text in sorted(texts.items()):
        for image in _read(f"{source}: {where}", where.stem if len(texts) > 1 else "", text, options, faults):
            if image.file in images:
                raise UserError(f"{source}: {image.file} is twice in {', '.join(options['annotations'])}")
            images[image.file] = image
    if "files" in options:
        taken = listed(images, options["files"], str(source))
        images = {file: image for file, image in images.items() if file in taken}
    places = _places(images, present, options.get("images"), source)
    for place, data in files(source, places.__contains__, max_gb):
        yield _picture(places[place], data, f"{source}: {place}", options, faults)
    faults.tell(f"{source}")


@dataclass(frozen=True)
class _Image:
    file: str  # as the COCO file has it
    size: tuple[int, int] | None  # width, height in px, where the COCO file tells
    rows: list[tuple[str, dict[str, Any]]]  # annotations with the ids to name them by

    @property
    def name(self) -> str:
        return "_".join(parts(self.file))


@dataclass
class Faults:
    """What is wrong with annotations, by what it is, with their ids; and how many annotations were read."""

    ids: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    total: int = 0

    def add(self, what: str, name: str) -> None:
        self.ids[what].append(name)

    def tell(self, source: str) -> None:
        """One warning line, if there is anything to say."""
        if self.ids:
            told = "; ".join(f"{len(ids)} {what} (id {some(ids)})" for what, ids in sorted(self.ids.items()))
            logger.warning("warning: %s: of %d annotations %s", source, self.total, told)


# --- what is there


def _first_pass(
    source: Path, patterns: list[str], max_gb: float
) -> tuple[dict[PurePosixPath, bytes], set[PurePosixPath]]:
    """The COCO files that `patterns` name, with their bytes, and where all images are."""
    present: set[PurePosixPath] = set()
    others: list[str] = []

    def wanted(where: PurePosixPath) -> bool:
        if where.suffix.lower() in SUFFIXES:
            if where in present:
                raise UserError(f"{source}: {where} is twice in it")
            present.add(where)
        elif where.suffix.lower() == ".json":
            others.append(str(where))
        return any(_fits(where, pattern) for pattern in patterns)

    if not source.exists():
        raise UserError(f"{source}: nothing is there; check the data set's `path`")
    texts = dict(files(source, wanted, max_gb))
    for pattern in patterns:
        matches = [str(where) for where in sorted(texts) if _fits(where, pattern)]
        if not matches:
            held = some(sorted(others)) or "no .json file"
            raise UserError(f"{source}: no file {pattern}, which `annotations` names; it holds {held}")
        if len(matches) > 1 and not re.search(r"[*?\[]", pattern):
            raise UserError(f"{source}: `annotations` names {pattern}, which is more than one: {some(matches)}")
    return texts, present


def _fits(where: PurePosixPath, pattern: str) -> bool:
    """Do the last parts of the path match the pattern's, part by part?"""
    asked = PurePosixPath(pattern).parts
    found = where.parts[-len(asked) :]
    return len(found) == len(asked) and all(map(fnmatch.fnmatchcase, found, asked))


def _places(
    images: Mapping[str, _Image], present: Iterable[PurePosixPath], folder: str | None, source: Path
) -> dict[PurePosixPath, _Image]:
    """Where in the source each image lies."""
    by_name = defaultdict(list)
    for where in sorted(present):
        by_name[where.name].append(where)
    places: dict[PurePosixPath, _Image] = {}
    missing = []
    for file, image in images.items():
        full = (*(parts(folder) if folder else ()), *parts(file))
        found = [where for where in by_name[full[-1]] if where.parts[-len(full) :] == full]
        if not found and not folder:
            found = by_name[full[-1]]
        if len(found) > 1:
            raise UserError(f"{source}: {file} may be {found[0]} or {found[1]}; say in `images` which folder it is in")
        if not found:
            missing.append(file)
        elif found[0] in places:
            raise UserError(f"{source}: {found[0]} is labelled twice, as {places[found[0]].file} and as {file}")
        else:
            places[found[0]] = image
    if missing:
        raise UserError(
            f"{source}: no image {some(missing)}{f' in {folder}' if folder else ''}, which is labelled; "
            "add it, or list the files to read in `files`"
        )
    return places


# --- the COCO files


def _read(where: str, stem: str, text: bytes, options: Mapping[str, Any], faults: Faults) -> Iterator[_Image]:
    """The images of one COCO file with the annotations on them that can be used."""
    try:
        data = json.loads(text)
        images = {row["id"]: row for row in data["images"]}
        categories = {row["id"]: str(row["name"]) for row in data["categories"]}
        annotations = data["annotations"]
        counts = {"image": (len(images), data["images"]), "category": (len(categories), data["categories"])}
        counts["annotation"] = (len({row["id"] for row in annotations}), annotations)
        names = [row["file_name"] for row in images.values()]
        refers = [(row.get("image_id") in images, categories.get(row.get("category_id"))) for row in annotations]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{where}: not a COCO file of instances ({type(error).__name__}: {error})") from error
    for what, (different, rows) in counts.items():
        if different != len(rows):
            raise UserError(f"{where}: the {what} id {_first_twice(row['id'] for row in rows)} is there twice")
    if not all(isinstance(name, str) and parts(name) for name in names):
        raise UserError(f"{where}: an image without a file name")

    unknown = sorted(set(categories.values()) - set(options["nouns"]))
    if unknown and len(unknown) == len(set(categories.values())):
        raise UserError(f"{where}: its categories are {some(unknown)}; say in `nouns` what each of them is")
    of_image: dict[Any, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    seen = set()
    for row, (placed, category) in zip(annotations, refers, strict=True):
        name = f"{stem}:{row['id']}" if stem else str(row["id"])
        faults.total += 1
        shape = json.dumps([row.get(key) for key in ("image_id", "category_id", "bbox", "segmentation")])
        if not placed:
            faults.add("of an unknown image are left out", name)
        elif category is None:
            faults.add("of an unknown category are left out", name)
        elif category not in options["nouns"]:
            faults.add(f"of the category {category}, not in `nouns`, are left out", name)
        elif shape in seen:
            faults.add("the same as another are left out", name)
        else:
            of_image[row["image_id"]].append((name, {**row, "category": category}))
        seen.add(shape)
    for key, row in images.items():
        size = row.get("width"), row.get("height")
        known = all(isinstance(side, int) and side > 0 for side in size)
        yield _Image(row["file_name"], size if known else None, of_image[key])


def _first_twice(values: Iterable[Any]) -> Any:
    return next(value for value, count in Counter(values).items() if count > 1)


def _categories(options: Mapping[str, Any]) -> dict[str, tuple[str, dict[str, str]]]:
    """The noun and the attributes that each category stands for."""
    return {
        category: (meant, {}) if isinstance(meant, str) else (meant["noun"], dict(meant.get("attributes", {})))
        for category, meant in options["nouns"].items()
    }


# --- one image


def _picture(image: _Image, data: bytes, what: str, options: Mapping[str, Any], faults: Faults) -> Picture:
    found = photograph(data, what, image.size)
    categories = _categories(options)
    kept = []
    for name, row in image.rows:
        noun, attributes = categories[row["category"]]
        attributes = {**options.get("attributes", {}), **attributes, **_own(row, options, faults, name)}
        label = _label(name, row, noun, attributes, found.width, found.height, faults)
        if label:
            kept.append(label)
    return Picture(image.name, found.data, found.width, found.height, group(image.name, options), kept)


def _own(row: Mapping[str, Any], options: Mapping[str, Any], faults: Faults, name: str) -> dict[str, str]:
    """The declared attributes that an annotation carries itself."""
    carried = row.get("attributes")
    own = {}
    for key, known in options.get("attribute-values", {}).items():
        if key in options.get("attributes", {}):
            continue
        value = carried.get(key) if isinstance(carried, Mapping) else None
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if text in known:
            own[key] = text
        else:
            faults.add(f"without a known value of {key} are taken to have none", name)
    return own


def _label(
    name: str, row: Mapping[str, Any], noun: str, attributes: dict[str, str], width: int, height: int, faults: Faults
) -> Label | None:
    ignore = bool(row.get("iscrowd")) or bool(row.get("ignore"))
    box = fault = None
    try:
        box, cut = labels.box(row, width, height)
        if cut:
            faults.add("reach out of their image and are cut", name)
    except labels.Broken as broken:
        fault = str(broken)
    if segmentation := row.get("segmentation"):
        try:
            mask, at, left_out = labels.mask(segmentation, width, height)
        except labels.Broken as broken:
            if box is None:
                faults.add(f"with {broken} and {fault} are left out", name)
                return None
            faults.add(f"with {broken} are ignored, all in their box", name)
            mask, at = labels.filled(box)
            return Label(noun, mask=mask, at=at, attributes=attributes, ignore=True)
        if left_out:
            faults.add("with a polygon of fewer than three corners lose that", name)
        return Label(noun, mask=mask, at=at, attributes=attributes, ignore=ignore)
    if box is None:
        faults.add(f"with {fault} are left out", name)
        return None
    return Label(noun, box=box, attributes=attributes, ignore=ignore)
