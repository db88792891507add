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
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from samgap.datasets import AnnotatedImage, Annotation
from samgap.datasets import coco_labels as labels
from samgap.datasets.archive import MAX_ARCHIVE_GB, iter_files
from samgap.datasets.coco_files import AnnotationProblems, CocoImage, parse_coco_file
from samgap.datasets.names import extract_group, select_listed, split_path, summarize_names
from samgap.datasets.photographs import load_photograph
from samgap.datasets.write import IMAGE_SUFFIXES
from samgap.errors import UserError


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
    """Yield the images in the order of the source, each with its annotations (`seed` is unused).

    The source `archives["data"]` is read twice: first the COCO files and all names, then the images. Annotations that
    are left out are counted in one warning at the end.

    Raises:
        UserError: Bad input, as the docstring of the module says.
    """
    source, max_gb = Path(archives["data"]), options.get("max-gb", MAX_ARCHIVE_GB)
    json_files, image_paths = _index_source(source, options["annotations"], max_gb)
    problems = AnnotationProblems()
    entries: dict[str, CocoImage] = {}
    for path, json_bytes in sorted(json_files.items()):
        id_prefix = path.stem if len(json_files) > 1 else ""
        for entry in parse_coco_file(f"{source}: {path}", id_prefix, json_bytes, options["nouns"], problems):
            if entry.file_name in entries:
                raise UserError(f"{source}: {entry.file_name} is twice in {', '.join(options['annotations'])}")
            entries[entry.file_name] = entry
    if "files" in options:
        selected = select_listed(entries, options["files"], str(source))
        entries = {name: entry for name, entry in entries.items() if name in selected}
    located = _locate_images(entries, image_paths, options.get("images"), source)
    for path, encoded_bytes in iter_files(source, located.__contains__, max_gb):
        yield _load_image(located[path], encoded_bytes, f"{source}: {path}", options, problems)
    problems.log_warning(f"{source}")


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
    entries: Mapping[str, CocoImage], image_paths: Iterable[PurePosixPath], folder: str | None, source: Path
) -> dict[PurePosixPath, CocoImage]:
    """Where in the source each image lies."""
    by_name = defaultdict(list)
    for where in sorted(image_paths):
        by_name[where.name].append(where)
    places: dict[PurePosixPath, CocoImage] = {}
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


def _parse_categories(options: Mapping[str, Any]) -> dict[str, tuple[str, dict[str, str]]]:
    """The noun and the attributes that each category stands for."""
    return {
        category: (meant, {}) if isinstance(meant, str) else (meant["noun"], dict(meant.get("attributes", {})))
        for category, meant in options["nouns"].items()
    }


# --- one image


def _load_image(
    entry: CocoImage, encoded_bytes: bytes, source_name: str, options: Mapping[str, Any], problems: AnnotationProblems
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
