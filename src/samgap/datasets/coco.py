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

from samgap.datasets import AnnotatedImage, Annotation
from samgap.datasets import coco_labels as labels
from samgap.datasets.archive import MAX_ARCHIVE_GB, iter_files
from samgap.datasets.names import extract_group, select_listed, split_path, summarize_names
from samgap.datasets.photographs import load_photograph
from samgap.datasets.write import IMAGE_SUFFIXES
from samgap.errors import UserError

logger = logging.getLogger("samgap")


def describe_labels(options: Mapping[str, Any]) -> dict[str, Any]:
    """The nouns that are labelled or known to be absent, and the attributes, each with the values told apart."""
    categories = _parse_categories(options)
    nouns = list(dict.fromkeys([*(noun for noun, _ in categories.values()), *options.get("absent", [])]))
    values: dict[str, list[str]] = {name: list(known) for name, known in options.get("attribute-values", {}).items()}
    for attributes in (options.get("attributes", {}), *(own for _, own in categories.values())):
        for name, value in attributes.items():
            if value not in values.setdefault(name, []):
                values[name].append(value)
    return {"nouns": nouns, "attributes": values}


def iter_images(options: Mapping[str, Any], archives: Mapping[str, Path], seed: int) -> Iterator[AnnotatedImage]:
    """Yield the images in the source's order, each with its labels (`seed` has no use here).

    The source `archives["data"]` is read twice: first the COCO files and all names, then the images. Bad input raises
    UserError; what is left out of the labels is told when all is read.
    """
    source, max_gb = Path(archives["data"]), options.get("max-gb", MAX_ARCHIVE_GB)
    texts, present = _index_source(source, options["annotations"], max_gb)
    faults = AnnotationProblems()
    images: dict[str, _ImageEntry] = {}
    for where, text in sorted(texts.items()):
        for image in _parse_coco_file(
            f"{source}: {where}", where.stem if len(texts) > 1 else "", text, options, faults
        ):
            if image.file_name in images:
                raise UserError(f"{source}: {image.file_name} is twice in {', '.join(options['annotations'])}")
            images[image.file_name] = image
    if "files" in options:
        taken = select_listed(images, options["files"], str(source))
        images = {file: image for file, image in images.items() if file in taken}
    places = _locate_images(images, present, options.get("images"), source)
    for place, data in iter_files(source, places.__contains__, max_gb):
        yield _load_image(places[place], data, f"{source}: {place}", options, faults)
    faults.log_warning(f"{source}")


@dataclass(frozen=True)
class _ImageEntry:
    file_name: str  # as the COCO file has it
    size: tuple[int, int] | None  # width, height in px, where the COCO file tells
    annotations: list[tuple[str, dict[str, Any]]]  # annotations with the ids to name them by

    @property
    def output_name(self) -> str:
        return "_".join(split_path(self.file_name))


@dataclass
class AnnotationProblems:
    """What is wrong with annotations, by what it is, with their ids; and how many annotations were read."""

    ids_by_problem: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    n_annotations: int = 0

    def add(self, problem: str, annotation_id: str) -> None:
        self.ids_by_problem[problem].append(annotation_id)

    def log_warning(self, source_name: str) -> None:
        """One warning line, if there is anything to say."""
        if self.ids_by_problem:
            told = "; ".join(
                f"{len(ids)} {what} (id {summarize_names(ids)})" for what, ids in sorted(self.ids_by_problem.items())
            )
            logger.warning("warning: %s: of %d annotations %s", source_name, self.n_annotations, told)


# --- what is there


def _index_source(
    source: Path, patterns: list[str], max_gb: float
) -> tuple[dict[PurePosixPath, bytes], set[PurePosixPath]]:
    """The COCO files that `patterns` name, with their bytes, and where all images are."""
    present: set[PurePosixPath] = set()
    others: list[str] = []

    def wanted(where: PurePosixPath) -> bool:
        if where.suffix.lower() in IMAGE_SUFFIXES:
            if where in present:
                raise UserError(f"{source}: {where} is twice in it")
            present.add(where)
        elif where.suffix.lower() == ".json":
            others.append(str(where))
        return any(_is_match(where, pattern) for pattern in patterns)

    if not source.exists():
        raise UserError(f"{source}: nothing is there; check the data set's `path`")
    texts = dict(iter_files(source, wanted, max_gb))
    for pattern in patterns:
        matches = [str(where) for where in sorted(texts) if _is_match(where, pattern)]
        if not matches:
            held = summarize_names(sorted(others)) or "no .json file"
            raise UserError(f"{source}: no file {pattern}, which `annotations` names; it holds {held}")
        if len(matches) > 1 and not re.search(r"[*?\[]", pattern):
            raise UserError(
                f"{source}: `annotations` names {pattern}, which is more than one: {summarize_names(matches)}"
            )
    return texts, present


def _is_match(path: PurePosixPath, pattern: str) -> bool:
    """Do the last parts of the path match the pattern's, part by part?"""
    asked = PurePosixPath(pattern).parts
    found = path.parts[-len(asked) :]
    return len(found) == len(asked) and all(map(fnmatch.fnmatchcase, found, asked))


def _locate_images(
    entries: Mapping[str, _ImageEntry], image_paths: Iterable[PurePosixPath], folder: str | None, source: Path
) -> dict[PurePosixPath, _ImageEntry]:
    """Where in the source each image lies."""
    by_name = defaultdict(list)
    for where in sorted(image_paths):
        by_name[where.name].append(where)
    places: dict[PurePosixPath, _ImageEntry] = {}
    missing = []
    for file, image in entries.items():
        full = (*(split_path(folder) if folder else ()), *split_path(file))
        found = [where for where in by_name[full[-1]] if where.parts[-len(full) :] == full]
        if not found and not folder:
            found = by_name[full[-1]]
        if len(found) > 1:
            raise UserError(f"{source}: {file} may be {found[0]} or {found[1]}; say in `images` which folder it is in")
        if not found:
            missing.append(file)
        elif found[0] in places:
            raise UserError(f"{source}: {found[0]} is labelled twice, as {places[found[0]].file_name} and as {file}")
        else:
            places[found[0]] = image
    if missing:
        raise UserError(
            f"{source}: no image {summarize_names(missing)}{f' in {folder}' if folder else ''}, which is labelled; "
            "add it, or list the files to read in `files`"
        )
    return places


# --- the COCO files


def _parse_coco_file(
    source_name: str, id_prefix: str, json_bytes: bytes, options: Mapping[str, Any], problems: AnnotationProblems
) -> Iterator[_ImageEntry]:
    """The images of one COCO file with the annotations on them that can be used."""
    try:
        data = json.loads(json_bytes)
        images = {row["id"]: row for row in data["images"]}
        categories = {row["id"]: str(row["name"]) for row in data["categories"]}
        annotations = data["annotations"]
        counts = {"image": (len(images), data["images"]), "category": (len(categories), data["categories"])}
        counts["annotation"] = (len({row["id"] for row in annotations}), annotations)
        names = [row["file_name"] for row in images.values()]
        refers = [(row.get("image_id") in images, categories.get(row.get("category_id"))) for row in annotations]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{source_name}: not a COCO file of instances ({type(error).__name__}: {error})") from error
    for what, (different, rows) in counts.items():
        if different != len(rows):
            raise UserError(f"{source_name}: the {what} id {_find_duplicate(row['id'] for row in rows)} is there twice")
    if not all(isinstance(name, str) and split_path(name) for name in names):
        raise UserError(f"{source_name}: an image without a file name")

    unknown = sorted(set(categories.values()) - set(options["nouns"]))
    if unknown and len(unknown) == len(set(categories.values())):
        raise UserError(
            f"{source_name}: its categories are {summarize_names(unknown)}; say in `nouns` what each of them is"
        )
    of_image: dict[Any, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    seen = set()
    for row, (placed, category) in zip(annotations, refers, strict=True):
        name = f"{id_prefix}:{row['id']}" if id_prefix else str(row["id"])
        problems.n_annotations += 1
        shape = json.dumps([row.get(key) for key in ("image_id", "category_id", "bbox", "segmentation")])
        if not placed:
            problems.add("of an unknown image are left out", name)
        elif category is None:
            problems.add("of an unknown category are left out", name)
        elif category not in options["nouns"]:
            problems.add(f"of the category {category}, not in `nouns`, are left out", name)
        elif shape in seen:
            problems.add("the same as another are left out", name)
        else:
            of_image[row["image_id"]].append((name, {**row, "category": category}))
        seen.add(shape)
    for key, row in images.items():
        size = row.get("width"), row.get("height")
        known = all(isinstance(side, int) and side > 0 for side in size)
        yield _ImageEntry(row["file_name"], size if known else None, of_image[key])


def _find_duplicate(values: Iterable[Any]) -> Any:
    return next(value for value, count in Counter(values).items() if count > 1)


def _parse_categories(options: Mapping[str, Any]) -> dict[str, tuple[str, dict[str, str]]]:
    """The noun and the attributes that each category stands for."""
    return {
        category: (meant, {}) if isinstance(meant, str) else (meant["noun"], dict(meant.get("attributes", {})))
        for category, meant in options["nouns"].items()
    }


# --- one image


def _load_image(
    entry: _ImageEntry, encoded_bytes: bytes, source_name: str, options: Mapping[str, Any], problems: AnnotationProblems
) -> AnnotatedImage:
    found = load_photograph(encoded_bytes, source_name, entry.size)
    categories = _parse_categories(options)
    kept = []
    for name, row in entry.annotations:
        noun, attributes = categories[row["category"]]
        attributes = {
            **options.get("attributes", {}),
            **attributes,
            **_read_declared_attributes(row, options, problems, name),
        }
        label = _make_annotation(name, row, noun, attributes, found.width, found.height, problems)
        if label:
            kept.append(label)
    return AnnotatedImage(
        entry.output_name,
        found.encoded_bytes,
        found.width,
        found.height,
        extract_group(entry.output_name, options),
        kept,
    )


def _read_declared_attributes(
    coco_annotation: Mapping[str, Any], options: Mapping[str, Any], problems: AnnotationProblems, annotation_id: str
) -> dict[str, str]:
    """The declared attributes that an annotation carries itself."""
    carried = coco_annotation.get("attributes")
    own = {}
    for key, known in options.get("attribute-values", {}).items():
        if key in options.get("attributes", {}):
            continue
        value = carried.get(key) if isinstance(carried, Mapping) else None
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if text in known:
            own[key] = text
        else:
            problems.add(f"without a known value of {key} are taken to have none", annotation_id)
    return own


def _make_annotation(
    annotation_id: str,
    coco_annotation: Mapping[str, Any],
    noun: str,
    attributes: dict[str, str],
    width: int,
    height: int,
    problems: AnnotationProblems,
) -> Annotation | None:
    ignore = bool(coco_annotation.get("iscrowd")) or bool(coco_annotation.get("ignore"))
    box = fault = None
    try:
        box, cut = labels.parse_box(coco_annotation, width, height)
        if cut:
            problems.add("reach out of their image and are cut", annotation_id)
    except labels.InvalidAnnotationError as broken:
        fault = str(broken)
    if segmentation := coco_annotation.get("segmentation"):
        try:
            mask, at, left_out = labels.decode_segmentation(segmentation, width, height)
        except labels.InvalidAnnotationError as broken:
            if box is None:
                problems.add(f"with {broken} and {fault} are left out", annotation_id)
                return None
            problems.add(f"with {broken} are ignored, all in their box", annotation_id)
            mask, at = labels.box_to_mask(box)
            return Annotation(noun, mask=mask, offset=at, attributes=attributes, ignore=True)
        if left_out:
            problems.add("with a polygon of fewer than three corners lose that", annotation_id)
        return Annotation(noun, mask=mask, offset=at, attributes=attributes, ignore=ignore)
    if box is None:
        problems.add(f"with {fault} are left out", annotation_id)
        return None
    return Annotation(noun, box=box, attributes=attributes, ignore=ignore)
