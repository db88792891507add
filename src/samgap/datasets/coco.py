"""Kind `coco`: a folder or an archive of images with one or several COCO files.

The segmentation of an annotation may be polygons, a run-length encoding (compressed or not), or missing; then the
instance has a box and no mask. Crowd regions are ignored in the evaluation. Invalid annotations are left out and
counted in one warning; if only the segmentation of an annotation is invalid, its whole box is ignored in the
evaluation. A missing or unreadable image, an image of another size, and duplicate ids and images are errors.

Options: `annotations` (paths of the COCO files, with the wildcards `*` and `?`); `nouns` (category -> noun, or a noun
with attributes); `images` (the folder that file names are relative to; by default an image may be in any folder that
does not contradict its name, see `image_paths`); `files` (a text file with the names to read, one per line); `groups`
(a regular expression whose first group, matched in the name of an image, is its source; by default each image is a
separate group); `attributes` (attributes of all instances); `attribute-values` (all values of the attributes that the
annotations have in `attributes`, or that apply to all instances); `absent` (nouns that are in no image);
`orientation` (whether labels are for photographs as stored or as shown); `max-gb` (limit of the unpacked size of an
archive).

Leading folders may be omitted in all paths inside the data, because they differ between archives.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from samgap.datasets import AnnotatedImage, Annotation
from samgap.datasets import coco_labels as labels
from samgap.datasets.archive import iter_files
from samgap.datasets.archive_limits import MAX_ARCHIVE_GB
from samgap.datasets.coco_files import AnnotationProblems, CocoImage, parse_coco_file
from samgap.datasets.coco_images import LocatedImage, index_source, iter_corners, locate_images
from samgap.datasets.names import extract_group, select_listed
from samgap.datasets.orientation_notes import OrientationNotes
from samgap.datasets.photographs import load_photograph


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
    index = index_source(source, options["annotations"], max_gb)
    problems, notes = AnnotationProblems(), OrientationNotes()
    entries: list[tuple[PurePosixPath, CocoImage]] = []
    for path, json_bytes in sorted(index.json_files.items()):
        id_prefix = path.stem if len(index.json_files) > 1 else ""
        images = parse_coco_file(f"{source}: {path}", id_prefix, json_bytes, options["nouns"], problems)
        entries += [(path, image) for image in images]
    if "files" in options:
        selected = select_listed((entry.file_name for _, entry in entries), options["files"], str(source))
        entries = [(path, entry) for path, entry in entries if entry.file_name in selected]
    located = locate_images(entries, index, options.get("images"), source)
    for path, encoded_bytes in iter_files(source, located.__contains__, max_gb):
        yield _load_image(located[path], encoded_bytes, f"{source}: {path}", options, problems, notes)
    problems.log_warning(f"{source}")
    notes.log_warnings(f"{source}")


def _parse_categories(options: Mapping[str, Any]) -> dict[str, tuple[str, dict[str, str]]]:
    """Return the noun and the attributes of each category."""
    return {
        category: (meaning, {}) if isinstance(meaning, str) else (meaning["noun"], dict(meaning.get("attributes", {})))
        for category, meaning in options["nouns"].items()
    }


# --- one image


def _load_image(
    located: LocatedImage,
    encoded_bytes: bytes,
    source_name: str,
    options: Mapping[str, Any],
    problems: AnnotationProblems,
    notes: OrientationNotes,
) -> AnnotatedImage:
    entry = located.entry
    photo = load_photograph(encoded_bytes, source_name, entry.size, options.get("orientation"))
    corners = iter_corners(annotation for _, annotation in entry.annotations)
    notes.add(entry.file_name, photo, None if "orientation" in options else corners)
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
    group = extract_group(located.output_name, options)
    return AnnotatedImage(located.output_name, photo.encoded_bytes, photo.width, photo.height, group, annotations)


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
