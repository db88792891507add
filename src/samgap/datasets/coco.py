"""Kind `coco`: a folder or an archive of images with one or several COCO files.

The segmentation of an annotation may be polygons, a run-length encoding (compressed or not), or missing; then the
instance has a box and no mask. Crowd regions are ignored in the evaluation. Invalid annotations are left out and
counted in one warning; if only the segmentation of an annotation is invalid, its whole box is ignored in the
evaluation. A missing or unreadable image, an image of another size, and duplicate ids and images are errors.

By default an image may be in any folder, and its base name suffices if it is unique; each image is a separate group.
Leading folders may be omitted in all paths inside the data, because they differ between archives.
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

OPTIONS = {
    "required": ["annotations", "nouns"],
    "oneOf": [{"required": ["path"]}, {"required": ["archives"]}],
    "properties": {
        "path": {"$ref": "#/$defs/data-path"},
        "archives": {
            "description": "Instead of `path`, an id of `archives`, which has checksums.",
            "type": "object",
            "required": ["data"],
            "additionalProperties": False,
            "properties": {
                "data": {"description": "The archive with the images and the COCO files.", "$ref": "#/$defs/id"}
            },
        },
        "annotations": {
            "description": (
                "Its COCO files, by their path in the data (leading folders may be omitted; `*` and `?` are wildcards)."
            ),
            "$ref": "#/$defs/texts",
        },
        "nouns": {
            "description": "The noun of each category of the COCO files; instances of other categories are not used.",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": ["string", "object"],
                "minLength": 1,
                "required": ["noun"],
                "additionalProperties": False,
                "properties": {
                    "noun": {"description": "The noun.", "$ref": "#/$defs/text"},
                    "attributes": {
                        "description": "Attributes that the category implies, by name; default is none.",
                        "$ref": "#/$defs/attributes",
                    },
                },
            },
        },
        "images": {
            "description": (
                "The folder in the data that file names are relative to; default is any folder with the file."
            ),
            "$ref": "#/$defs/text",
        },
        "files": {"$ref": "#/$defs/files"},
        "groups": {"$ref": "#/$defs/groups"},
        "attributes": {
            "description": "Attributes of every instance of the set, by name; default is none.",
            "$ref": "#/$defs/attributes",
        },
        "attribute-values": {
            "description": (
                "All values that an attribute can have, by its name; default is the values above. An attribute without "
                "a value above is read from the annotations."
            ),
            "type": "object",
            "additionalProperties": {"$ref": "#/$defs/texts"},
        },
        "absent": {"$ref": "#/$defs/absent"},
        "max-gb": {"$ref": "#/$defs/max-gb"},
    },
}


def describe_labels(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nouns that are labelled or absent from all images, and the attributes with their values."""
    categories = _parse_categories(options)
    nouns = list(dict.fromkeys([*(noun for noun, _ in categories.values()), *options.get("absent", [])]))
    values: dict[str, list[str]] = {
        name: list(declared) for name, declared in options.get("attribute-values", {}).items()
    }
    for attributes in (options.get("attributes", {}), *(attributes for _, attributes in categories.values())):
        for name, value in attributes.items():
            if value not in values.setdefault(name, []):
                values[name].append(value)
    return {"nouns": nouns, "attributes": values}


def iter_images(options: Mapping[str, Any], archives: Mapping[str, Path], seed: int) -> Iterator[AnnotatedImage]:
    """Yield the images in the order of the source, each with its annotations (`seed` is unused).

    The source `archives["data"]` is read twice: first the COCO files and the names of all images, then the images.
    Annotations that are left out are counted in one warning at the end.

    Raises:
        UserError: A COCO file or an image is missing, invalid or ambiguous; see the docstring of the module.
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


# --- the source


def _index_source(
    source: Path, patterns: list[str], max_gb: float
) -> tuple[dict[PurePosixPath, bytes], set[PurePosixPath]]:
    """Return the COCO files that `patterns` match, with their content, and the paths of all images."""
    image_paths: set[PurePosixPath] = set()
    json_paths: list[str] = []

    def is_coco_file(path: PurePosixPath) -> bool:
        if path.suffix.lower() in IMAGE_SUFFIXES:
            if path in image_paths:
                raise UserError(f"{source}: there are two files {path}")
            image_paths.add(path)
        elif path.suffix.lower() == ".json":
            json_paths.append(str(path))
        return any(_is_match(path, pattern) for pattern in patterns)

    if not source.exists():
        raise UserError(f"{source}: no such file or folder; check the `path` or `archives` of the data set")
    json_files = dict(iter_files(source, is_coco_file, max_gb))
    for pattern in patterns:
        matches = [str(path) for path in sorted(json_files) if _is_match(path, pattern)]
        if not matches:
            present = summarize_names(sorted(json_paths)) or "no .json file"
            raise UserError(f"{source}: no file {pattern}, which `annotations` names; there is {present}")
        if len(matches) > 1 and not re.search(r"[*?\[]", pattern):
            raise UserError(
                f"{source}: `annotations` names {pattern}, which matches several files: {summarize_names(matches)}"
            )
    return json_files, image_paths


def _is_match(path: PurePosixPath, pattern: str) -> bool:
    """Return whether the last parts of the path match the parts of the pattern."""
    patterns = PurePosixPath(pattern).parts
    parts = path.parts[-len(patterns) :]
    return len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))


def _locate_images(
    entries: Mapping[str, CocoImage], image_paths: Iterable[PurePosixPath], folder: str | None, source: Path
) -> dict[PurePosixPath, CocoImage]:
    """Return the image of the COCO files for each path in the source that one of them names."""
    paths_by_name = defaultdict(list)
    for path in sorted(image_paths):
        paths_by_name[path.name].append(path)
    located: dict[PurePosixPath, CocoImage] = {}
    missing = []
    for file_name, entry in entries.items():
        parts = (*(split_path(folder) if folder else ()), *split_path(file_name))
        candidates = [path for path in paths_by_name[parts[-1]] if path.parts[-len(parts) :] == parts]
        if not candidates and not folder:
            candidates = paths_by_name[parts[-1]]
        if len(candidates) > 1:
            raise UserError(
                f"{source}: {file_name} may be {candidates[0]} or {candidates[1]}; name its folder in `images`"
            )
        if not candidates:
            missing.append(file_name)
        elif candidates[0] in located:
            first_name = located[candidates[0]].file_name
            raise UserError(
                f"{source}: {candidates[0]} is labelled twice, as {first_name} and as {file_name}; remove one of them"
            )
        else:
            located[candidates[0]] = entry
    if missing:
        raise UserError(
            f"{source}: no image {summarize_names(missing)}{f' in {folder}' if folder else ''}, which is labelled; "
            "add it, or list the files to read in `files`"
        )
    return located


def _parse_categories(options: Mapping[str, Any]) -> dict[str, tuple[str, dict[str, str]]]:
    """Return the noun and the attributes of each category."""
    return {
        category: (meaning, {}) if isinstance(meaning, str) else (meaning["noun"], dict(meaning.get("attributes", {})))
        for category, meaning in options["nouns"].items()
    }


# --- one image


def _load_image(
    entry: CocoImage, encoded_bytes: bytes, source_name: str, options: Mapping[str, Any], problems: AnnotationProblems
) -> AnnotatedImage:
    photo = load_photograph(encoded_bytes, source_name, entry.size)
    categories = _parse_categories(options)
    annotations = []
    for annotation_id, coco_annotation in entry.annotations:
        noun, category_attributes = categories[coco_annotation["category"]]
        attributes = {
            **options.get("attributes", {}),
            **category_attributes,
            **_read_declared_attributes(coco_annotation, options, problems, annotation_id),
        }
        annotation = _make_annotation(
            annotation_id, coco_annotation, noun, attributes, photo.width, photo.height, problems
        )
        if annotation:
            annotations.append(annotation)
    group = extract_group(entry.output_name, options)
    return AnnotatedImage(entry.output_name, photo.encoded_bytes, photo.width, photo.height, group, annotations)


def _read_declared_attributes(
    coco_annotation: Mapping[str, Any], options: Mapping[str, Any], problems: AnnotationProblems, annotation_id: str
) -> dict[str, str]:
    """Return the attributes of the annotation that `attribute-values` declares and that have a declared value."""
    raw_attributes = coco_annotation.get("attributes")
    attributes = {}
    for name, declared_values in options.get("attribute-values", {}).items():
        if name in options.get("attributes", {}):
            continue
        value = raw_attributes.get(name) if isinstance(raw_attributes, Mapping) else None
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if text in declared_values:
            attributes[name] = text
        else:
            problems.add(f"without a declared value of {name} are read without it", annotation_id)
    return attributes


def _make_annotation(
    annotation_id: str,
    coco_annotation: Mapping[str, Any],
    noun: str,
    attributes: dict[str, str],
    width: int,
    height: int,
    problems: AnnotationProblems,
) -> Annotation | None:
    """Return the annotation, or None if neither its segmentation nor its box is valid; problems are recorded."""
    ignore = bool(coco_annotation.get("iscrowd")) or bool(coco_annotation.get("ignore"))
    box = box_problem = None
    try:
        box, was_cut = labels.parse_box(coco_annotation, width, height)
        if was_cut:
            problems.add("reach out of their image and are cut", annotation_id)
    except labels.InvalidAnnotationError as error:
        box_problem = str(error)
    if segmentation := coco_annotation.get("segmentation"):
        try:
            mask, offset, n_invalid_polygons = labels.decode_segmentation(segmentation, width, height)
        except labels.InvalidAnnotationError as error:
            if box is None:
                problems.add(f"with {error} and {box_problem} are left out", annotation_id)
                return None
            problems.add(f"with {error} are ignored in the evaluation, in their whole box", annotation_id)
            mask, offset = labels.box_to_mask(box)
            return Annotation(noun, mask=mask, offset=offset, attributes=attributes, ignore=True)
        if n_invalid_polygons:
            problems.add("with an invalid polygon among valid ones are read without it", annotation_id)
        return Annotation(noun, mask=mask, offset=offset, attributes=attributes, ignore=ignore)
    if box is None:
        problems.add(f"with {box_problem} are left out", annotation_id)
        return None
    return Annotation(noun, box=box, attributes=attributes, ignore=ignore)
