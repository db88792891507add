"""Read photographs with instance masks: PNG files in which 0 is background and every other value is one object."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from samgap.datasets import AnnotatedImage, Annotation
from samgap.datasets.archive import iter_files, read_file
from samgap.datasets.archive_limits import MAX_ARCHIVE_GB
from samgap.datasets.names import compose, suggest_name, summarize_names
from samgap.datasets.orientation_notes import LabelGeometry, OrientationNotes
from samgap.datasets.output_names import to_storable_name
from samgap.datasets.paired_images import ImageFolder, index_pairs
from samgap.datasets.photographs import decoding_errors, load_photograph
from samgap.datasets.read_log import record_read
from samgap.datasets.warning_log import warn
from samgap.errors import UserError

MASK_MODES = ("1", "L", "P", "I;16", "I;16B", "I")
"""Pillow's integer modes of one channel: 1, 8 and 16 bits (Pillow may open a PNG of 16 bits as 32)."""


def read_image_mask_pairs(
    image_folder: ImageFolder,
    mask_folder: ImageFolder,
    select_names: Callable[[list[str]], set[str]],
    get_group: Callable[[str], str],
    noun: str,
    options: Mapping[str, Any],
) -> Iterator[AnnotatedImage]:
    """Yield the selected images in the order of the source, with an annotation for each object of the mask.

    The mask of an image is the PNG of the same name except for the suffix. A source is read twice: first all names and,
    of an archive, the masks, which are small; then the images, one at a time.

    Args:
        image_folder: Folder of the images.
        mask_folder: Folder of the masks.
        select_names: Called with the sorted names of all images; returns those to read.
        get_group: Returns the group of an image by its name.
        noun: Noun of all instances.
        options: Options of the data set: `attributes` of all instances, `ignore` (CSV file of ignored instances), and
            `max-gb`.

    Raises:
        UserError: See `samgap.datasets.paired_images.index_pairs`; or a file is damaged or of an unsupported format; a
            mask has another size than its image; or the CSV file does not fit.
    """
    max_gb = options.get("max-gb", MAX_ARCHIVE_GB)
    images, masks = index_pairs(image_folder, mask_folder, max_gb)
    image_names = {path.name for path in images.paths.values()}
    selected = select_names(sorted(image_names))
    ignored_ids = _read_ignored_ids(options["ignore"], image_names) if "ignore" in options else {}
    attributes = options.get("attributes", {})
    n_single_object = n_several_objects = 0
    notes = OrientationNotes(options.get("orientation"))
    selected_paths = {path for path in images.paths.values() if path.name in selected}
    for path, image_bytes in iter_files(image_folder.source, selected_paths.__contains__, max_gb):
        stem = compose(path.stem)
        mask_path = masks.paths[stem]
        mask_source = f"{mask_folder.source}: mask {mask_path.name}"
        mask_bytes = masks.contents.get(stem)
        if mask_bytes is None:
            mask_bytes = read_file(mask_folder.source.parent / mask_path)
            record_read(mask_folder.source, mask_path.relative_to(mask_folder.source.name), mask_bytes)
        id_map = decode_instance_ids(mask_bytes, mask_source)
        photo_source, mask_size = f"{image_folder.source}: {path.name}", (id_map.shape[1], id_map.shape[0])
        photo = load_photograph(image_bytes, photo_source, mask_size, options.get("orientation"))
        if (photo.width, photo.height) != mask_size:
            raise UserError(
                f"{photo_source}: {photo.width}x{photo.height} px with `orientation: shown`, but its mask has "
                f"{mask_size[0]}x{mask_size[1]} px; remove this option"
            )
        ignored = ignored_ids.get(compose(path.name), set())
        annotations = _make_annotations(id_map, noun, attributes, ignored, mask_source)
        geometry = LabelGeometry(mask_sizes={mask_size}, n_labels=len(annotations))
        notes.add(path.name, photo, geometry, mask_size)
        n_single_object += len(annotations) == 1
        n_several_objects += len(annotations) > 1
        name = to_storable_name(path.name)
        yield AnnotatedImage(name, photo.encoded_bytes, photo.width, photo.height, get_group(name), annotations)
    notes.log_warnings(f"{image_folder.source}")
    if n_single_object > 1 and not n_several_objects:
        summary = "no mask has more than one value other than 0"
        remedy = "if these are semantic masks, give each object a different value"
        warn(f"{mask_folder.source}", f"{summary}; {remedy}", [summary])


def decode_instance_ids(encoded_bytes: bytes, source_name: str) -> np.ndarray:
    """Return the instance ids of a mask, int32, (height, width); 0 is background.

    Raises:
        UserError: The file is damaged, not a PNG, or does not have one integer channel.
    """
    with decoding_errors(source_name), Image.open(io.BytesIO(encoded_bytes)) as image:
        image.load()
        file_format, mode, id_map = image.format, image.mode, np.asarray(image)
    if file_format != "PNG":
        raise UserError(f"{source_name}: the mask is a {file_format}, which does not store exact values; use PNG")
    if mode not in MASK_MODES:
        raise UserError(f"{source_name}: the mode of the mask is {mode}; use one channel of 8 or 16 bits")
    return id_map.astype(np.int32)


def _make_annotations(
    id_map: np.ndarray, noun: str, attributes: Mapping[str, str], ignored_ids: set[int], source_name: str
) -> list[Annotation]:
    annotations = []
    missing_ids = set(ignored_ids)
    # find_objects returns the boxes of all ids in one pass over the image; each mask is then cut from its box.
    for instance_id, box in enumerate(ndimage.find_objects(id_map), start=1):
        if box is not None:
            annotations.append(
                Annotation(
                    noun,
                    id_map[box] == instance_id,
                    attributes=attributes,
                    ignore=instance_id in ignored_ids,
                    offset=(box[0].start, box[1].start),
                )
            )
            missing_ids.discard(instance_id)
    if missing_ids:
        raise UserError(f"{source_name}: no instance {min(missing_ids)}, which the list of ignored instances names")
    return annotations


def _read_ignored_ids(csv_path: str, image_names: set[str]) -> dict[str, set[int]]:
    """Return the ids of the ignored instances, by image, from a CSV file with the columns image, instance_id, ignore.

    Rows of other images are counted in a warning: their instances would otherwise be evaluated without a word.

    Raises:
        UserError: The file cannot be read, lacks a column or a value, or has no row of an image of `image_names`.
    """
    ignored_ids: dict[str, set[int]] = defaultdict(set)
    names = {compose(name) for name in image_names}
    other_rows: Counter[str] = Counter()
    n_rows = 0
    try:
        with open(csv_path, newline="", encoding="utf-8-sig") as stream:
            for row in csv.DictReader(stream):
                name = compose(row["image"])
                n_rows += 1
                other_rows.update(() if name in names else (name,))
                if {"0": False, "1": True}[row["ignore"].strip()]:
                    ignored_ids[name].add(int(row["instance_id"]))
    except OSError as error:
        raise UserError(f"{csv_path}: the list of ignored instances cannot be read ({error.strerror})") from error
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise UserError(
            f"{csv_path}: not a CSV with image, instance_id and ignore (0 or 1) in each row ({error})"
        ) from error
    if other_rows.total() == n_rows:
        raise UserError(f"{csv_path}: no row names an image of this part")
    if other_rows:
        number, problem = f"{other_rows.total()} of {n_rows} rows", "name no image of this part and are not used"
        suggestion = suggest_name(next(iter(other_rows)), sorted(names))
        warn(
            csv_path,
            f"{number} {problem}: {summarize_names(other_rows)}{suggestion}",
            [f"{number} of the list of ignored instances {problem}"],
        )
    return ignored_ids
