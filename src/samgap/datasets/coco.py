"""Kind `coco`: a folder or an archive of images with one or several COCO files.

The segmentation of an annotation may be polygons, a run-length encoding (compressed or not), or missing; then the
instance has a box and no mask. Crowd regions are ignored in the evaluation. Invalid annotations are left out; if only
the segmentation of an annotation is invalid, its whole box is ignored in the evaluation. Both are counted by reason,
and mark their image as incomplete for their noun. A missing or unreadable image, an image of another size, duplicate
ids and images, and files whose annotations are wrong as a whole (`coco_checks`) are errors.

By default an image may be in any folder that does not contradict its name (`image_paths`), and each image is a separate
group.
Leading folders may be omitted in all paths inside the data, because they differ between archives.
"""

from collections.abc import Collection, Generator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from samgap.datasets import AnnotatedImage
from samgap.datasets.archive import iter_files
from samgap.datasets.archive_limits import MAX_ARCHIVE_GB
from samgap.datasets.coco_annotations import make_annotation
from samgap.datasets.coco_attributes import Category, parse_categories
from samgap.datasets.coco_checks import check_crowds
from samgap.datasets.coco_counts import CocoCounts
from samgap.datasets.coco_files import CocoFile, CocoImage, mark_images_of_other_files, parse_coco_file
from samgap.datasets.coco_ids import show
from samgap.datasets.coco_images import LocatedImage, index_source, locate_images
from samgap.datasets.coco_joining import ImageJoiner, list_nouns
from samgap.datasets.coco_selection import select_entries
from samgap.datasets.exif_orientation import ROTATIONS
from samgap.datasets.groups import assign_groups
from samgap.datasets.left_out import MAX_LEFT_OUT, LabelCounts
from samgap.datasets.names import summarize_names
from samgap.datasets.orientation_notes import OrientationNotes, read_geometry
from samgap.datasets.photographs import load_photograph
from samgap.datasets.repetitions import ReadLabel, merge_repetitions
from samgap.datasets.warning_log import warn

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
                "The folder in the data that file names are relative to; default is the folder of the COCO file, "
                "or any folder that does not contradict the name."
            ),
            "$ref": "#/$defs/text",
        },
        "files": {"$ref": "#/$defs/files"},
        "groups": {"$ref": "#/$defs/groups"},
        "attributes": {"$ref": "#/$defs/instance-attributes"},
        "attribute-values": {
            "description": (
                "All values that an attribute can have, by its name; default is the values above. An attribute without "
                "a value above is read from the annotations (from `attributes`, or from their top level)."
            ),
            "type": "object",
            "additionalProperties": {"$ref": "#/$defs/texts"},
        },
        "absent": {"$ref": "#/$defs/absent"},
        "crowds": {
            "description": (
                "Whether annotations with `iscrowd` are ignored in the evaluation, or are instances, as masks of some "
                "tools (CVAT's brush); default is ignore, with an error if all annotations of a noun in a file are "
                "crowds."
            ),
            "enum": ["ignore", "instances"],
        },
        "max-left-out": {
            "description": (
                "Largest fraction of the annotations that may be lost because they are invalid; with more, the run "
                "stops."
            ),
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.05,
        },
        "orientation": {"$ref": "#/$defs/orientation"},
        "max-gb": {"$ref": "#/$defs/max-gb"},
    },
}


def describe_labels(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nouns that are labelled or absent from all images, and the attributes with their values."""
    categories = parse_categories(options["nouns"])
    nouns = list(dict.fromkeys([*(category.noun for category in categories.values()), *options.get("absent", [])]))
    values: dict[str, list[str]] = {
        name: list(declared) for name, declared in options.get("attribute-values", {}).items()
    }
    for attributes in (options.get("attributes", {}), *(category.attributes for category in categories.values())):
        for name, value in attributes.items():
            if value not in values.setdefault(name, []):
                values[name].append(value)
    return {"nouns": nouns, "attributes": values}


def iter_images(
    options: Mapping[str, Any], archives: Mapping[str, Path], seed: int
) -> Generator[AnnotatedImage, None, LabelCounts]:
    """Yield the images in the order of the source, each with its annotations; return the counts of the annotations.

    The source `archives["data"]` is read twice: first the COCO files and the names of all images, then the images.
    `seed` is unused.

    Raises:
        UserError: A COCO file or an image is missing, invalid or ambiguous, or too many annotations are lost; see the
            docstring of the module.
    """
    source, max_gb = Path(archives["data"]), options.get("max-gb", MAX_ARCHIVE_GB)
    index = index_source(source, options["annotations"], max_gb)
    files: list[CocoFile] = []
    entries: list[tuple[PurePosixPath, CocoImage]] = []
    id_prefixes = _make_id_prefixes(index.json_files)
    for path, json_bytes in sorted(index.json_files.items()):
        files.append(parse_coco_file(f"{source}: {path}", id_prefixes[path], json_bytes, options["nouns"]))
        entries += [(path, image) for image in files[-1].images]
    mark_images_of_other_files(files, options["nouns"])
    _check_nouns(source, files, options["nouns"])
    if "files" in options:
        entries = select_entries(entries, index, options, source)
    _check_crowds(files, entries, options)
    categories = parse_categories(options["nouns"])
    joiner = ImageJoiner(list_nouns(files, categories))
    located = locate_images(entries, index, options.get("images"), source, joiner)
    joiner.mark_unlisted({path: image.entry for path, image in located.items()}, categories, f"{source}")
    groups = assign_groups((image.output_name for image in located.values()), options)
    counts = CocoCounts(
        f"{source}",
        files,
        {name: category.noun for name, category in categories.items()},
        (image.entry for image in located.values()),
        is_selection="files" in options,
        max_left_out=options.get("max-left-out", MAX_LEFT_OUT),
    )
    notes, n_instances = OrientationNotes(options.get("orientation")), 0
    try:
        for path, encoded_bytes in iter_files(source, located.__contains__, max_gb):
            group = groups[located[path].output_name]
            image = _load_image(
                located[path], encoded_bytes, f"{source}: {path}", group, options, counts.by_file, notes
            )
            n_instances += sum(not annotation.ignore for annotation in image.annotations)
            yield image
            for file_name in _list_files(located[path].entry):
                counts.raise_if_many_lost(file_name)
        total = counts.summarize()
    finally:
        # Before an error too: labels of rotated photographs can be why annotations are outside of their image.
        notes.log_warnings(f"{source}")
    if not n_instances:
        warn(f"{source}", "no image has an annotation that counts in the evaluation")
    total.log_warning(f"{source}")
    return total


# --- the annotations


def _make_id_prefixes(paths: Collection[PurePosixPath]) -> dict[PurePosixPath, str]:
    """Return the prefix of the ids of each COCO file in messages: its stem, or its path if files have the same name."""
    if len(paths) == 1:
        return dict.fromkeys(paths, "")
    is_unique = len({path.stem for path in paths}) == len(paths)
    return {path: path.stem if is_unique else str(path) for path in paths}


def _check_nouns(source: Path, files: Sequence[CocoFile], nouns: Mapping[str, Any]) -> None:
    """Warn if a key of `nouns` is not a category of any file: annotations of a misspelt category would not be used."""
    missing = sorted(nouns.keys() - {name for file in files for name in file.categories})
    if missing:
        names = summarize_names(sorted({show(name)[1:-1] for file in files for name in file.categories}))
        summary = f"`nouns` has {summarize_names(missing)}, not a category of the COCO files"
        warn(f"{source}", f"{summary}; these are {names}", [summary])


def _check_crowds(
    files: Sequence[CocoFile], entries: Sequence[tuple[PurePosixPath, CocoImage]], options: Mapping[str, Any]
) -> None:
    """Check the crowds of each noun of each file, because each file may come from another tool."""
    categories = parse_categories(options["nouns"])
    annotations: dict[str, dict[str, list[Mapping[str, Any]]]] = {file.source_name: {} for file in files}
    for _, entry in entries:
        for label in entry.labels:
            assert label.category is not None
            noun = categories[label.category].noun
            annotations[entry.source_name].setdefault(noun, []).append(label.values)
    for source_name, annotations_by_noun in annotations.items():
        check_crowds(source_name, annotations_by_noun, options.get("crowds"))


# --- one image


def _load_image(
    located: LocatedImage,
    encoded_bytes: bytes,
    source_name: str,
    group: str,
    options: Mapping[str, Any],
    counts_by_file: Mapping[str, LabelCounts],
    notes: OrientationNotes,
) -> AnnotatedImage:
    entry, counts = located.entry, counts_by_file[located.entry.source_name]
    photo = load_photograph(encoded_bytes, source_name, entry.size, options.get("orientation"))
    # Most photographs are stored upright, and the corners of their labels need not be read.
    coco_annotations = [label.values for label in entry.labels] if photo.orientation in ROTATIONS else []
    notes.add(entry.file_name, photo, read_geometry(coco_annotations), entry.size)
    categories = parse_categories(options["nouns"])
    labels: list[ReadLabel] = []
    lost_categories = {*entry.lost_elsewhere, *(label.category for _, label in entry.lost)}
    for reason, label in entry.lost:
        noun = None if label.category is None else categories[label.category].noun
        counts_by_file[label.source_name].add_lost(reason, label.id, noun)
    for target, reasons in ((counts.not_used, entry.not_used), (counts.changed, entry.changed)):
        for reason, label_id in reasons:
            target[reason].append(label_id)
    for label in entry.labels:
        assert label.category is not None
        category, size = categories[label.category], (photo.width, photo.height)
        file_counts = counts_by_file[label.source_name]
        annotation, lost_reason = make_annotation(label, category, size, options, file_counts)
        if annotation:
            labels.append(ReadLabel(label.id, annotation, lost_reason is not None, file_counts))
        if lost_reason:
            file_counts.add_lost(lost_reason, label.id, category.noun)
            lost_categories.add(label.category)
    annotations = merge_repetitions(labels, counts)
    return AnnotatedImage(
        *(located.output_name, photo.encoded_bytes, photo.width, photo.height, group, annotations),
        incomplete=_list_incomplete_nouns(lost_categories, categories, options),
    )


def _list_files(entry: CocoImage) -> list[str]:
    """Return the COCO files whose annotations an image has."""
    labels = [*entry.labels, *(label for _, label in entry.lost)]
    return sorted({entry.source_name, *(label.source_name for label in labels)})


def _list_incomplete_nouns(
    lost_categories: set[str | None],
    categories: Mapping[str, Category],
    options: Mapping[str, Any],
) -> tuple[str, ...]:
    """Return the nouns of which an image lost a label: all of them, if the category of one is unknown."""
    if None in lost_categories:
        return tuple(sorted(describe_labels(options)["nouns"]))
    return tuple(sorted({categories[category].noun for category in lost_categories if category is not None}))
