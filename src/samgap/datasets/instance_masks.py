"""Read photographs with instance masks: PNG files in which 0 is background and every other value is one object."""

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
from samgap.datasets.archive import iter_files
from samgap.datasets.archive_limits import MAX_ARCHIVE_GB
from samgap.datasets.orientation_notes import OrientationNotes
from samgap.datasets.photographs import decoding_errors, load_photograph
from samgap.datasets.write import IMAGE_SUFFIXES
from samgap.errors import UserError

logger = logging.getLogger("samgap")

MASK_MODES = ("1", "L", "P", "I;16", "I;16B", "I")
"""Pillow's integer modes of one channel: 1, 8 and 16 bits (Pillow may open a PNG of 16 bits as 32)."""


@dataclass(frozen=True)
class ImageFolder:
    """A folder of images in a source, in any parent folder.

    Attributes:
        source: Folder or archive.
        folder_parts: Last parts of the path of the folder.
    """

    source: Path
    folder_parts: tuple[str, ...]

    def contains(self, path: PurePosixPath) -> bool:
        """Return whether a path in the source is an image of this folder."""
        return (
            path.parts[-1 - len(self.folder_parts) : -1] == self.folder_parts and path.suffix.lower() in IMAGE_SUFFIXES
        )

    def __str__(self) -> str:
        """Return the path of the folder without its parent folders."""
        return "/".join(self.folder_parts)


MaskFiles = dict[str, tuple[str, bytes | Path]]
"""Stem -> (file name, content) of a mask; in a folder, the path of the file instead of the content."""


def read_image_mask_pairs(
    image_folder: ImageFolder,
    mask_folder: ImageFolder,
    select_names: Callable[[list[str]], set[str]],
    get_group: Callable[[str], str],
    noun: str,
    options: Mapping[str, Any],
) -> Iterator[AnnotatedImage]:
    """Yield the selected images in the order of the source, with an annotation for each object of the mask.

    The mask of an image is the PNG of the same name except for the suffix. A source is read twice, because the files of
    a tar archive come in any order: first all names and, of an archive, the masks, which are small; then the images,
    one at a time.

    Args:
        image_folder: Folder of the images.
        mask_folder: Folder of the masks.
        select_names: Called with the sorted names of all images; returns those to read.
        get_group: Returns the group of an image by its name.
        noun: Noun of all instances.
        options: Options of the data set: `attributes` of all instances, `ignore` (CSV file of ignored instances), and
            `max-gb`.

    Raises:
        UserError: A folder is missing; an image has no mask or a mask no image; a file is damaged, twice in its folder,
            or of an unsupported format; a mask has another size than its image; or the CSV file does not fit.
    """
    max_gb = options.get("max-gb", MAX_ARCHIVE_GB)
    image_names, mask_files = _index_files(image_folder, mask_folder, max_gb)
    _raise_if_unpaired(
        f"{mask_folder.source}: no mask in {mask_folder}",
        "image",
        {image_names[stem] for stem in image_names.keys() - mask_files.keys()},
    )
    _raise_if_unpaired(
        f"{image_folder.source}: no image in {image_folder}",
        "mask",
        {mask_files[stem][0] for stem in mask_files.keys() - image_names.keys()},
    )
    selected = select_names(sorted(image_names.values()))
    ignored_ids = _read_ignored_ids(options["ignore"], set(image_names.values())) if "ignore" in options else {}
    attributes = options.get("attributes", {})
    n_single_object = n_several_objects = 0
    notes = OrientationNotes()
    for path, image_bytes in iter_files(
        image_folder.source, lambda path: image_folder.contains(path) and path.name in selected, max_gb
    ):
        mask_name, mask_content = mask_files[path.stem]
        mask_source = f"{mask_folder.source}: mask {mask_name}"
        id_map = decode_instance_ids(
            mask_content if isinstance(mask_content, bytes) else mask_content.read_bytes(), mask_source
        )
        photo_source, mask_size = f"{image_folder.source}: {path.name}", (id_map.shape[1], id_map.shape[0])
        photo = load_photograph(image_bytes, photo_source, mask_size, options.get("orientation"))
        if (photo.width, photo.height) != mask_size:
            raise UserError(
                f"{photo_source}: {photo.width}x{photo.height} px with `orientation: shown`, but its mask has "
                f"{mask_size[0]}x{mask_size[1]} px; remove this option"
            )
        notes.add(path.name, photo)
        annotations = _make_annotations(id_map, noun, attributes, ignored_ids.get(path.name, set()), mask_source)
        n_single_object += len(annotations) == 1
        n_several_objects += len(annotations) > 1
        yield AnnotatedImage(
            path.name, photo.encoded_bytes, photo.width, photo.height, get_group(path.name), annotations
        )
    notes.log_warnings(f"{image_folder.source}")
    if n_single_object > 1 and not n_several_objects:
        logger.warning(
            "warning: %s: no mask has more than one value other than 0; if these are semantic masks, "
            "give each object a different value",
            mask_folder.source,
        )


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


def _index_files(
    image_folder: ImageFolder, mask_folder: ImageFolder, max_gb: float
) -> tuple[dict[str, str], MaskFiles]:
    """Return the file names of the images and the mask files, both by stem; each source is read once."""
    image_names: dict[str, str] = {}
    mask_files: MaskFiles = {}
    for source in dict.fromkeys((image_folder.source, mask_folder.source)):
        if not source.exists():
            raise UserError(f"{source}: no such file or folder; check the `path` or `archives` of the data set")
        folders = [folder for folder in (image_folder, mask_folder) if folder.source == source]
        other_folders: set[str] = set()
        # Masks of an archive are stored in memory; masks of a folder are read together with their images.
        path_filter = _make_indexing_filter(folders, mask_folder, image_names, mask_files, other_folders)
        for path, content in iter_files(source, path_filter, max_gb):
            mask_files[path.stem] = path.name, content
        for folder in folders:
            if not (image_names if folder == image_folder else mask_files):
                present = ", ".join(sorted(other_folders)[:8]) or "no other folder"
                raise UserError(f"{source}: no folder {folder} with images; there is {present}")
    return image_names, mask_files


def _make_indexing_filter(
    folders: list[ImageFolder],
    mask_folder: ImageFolder,
    image_names: dict[str, str],
    mask_files: MaskFiles,
    other_folders: set[str],
) -> Callable[[PurePosixPath], bool]:
    """Return a path filter that records all images and masks, and selects the masks of an archive."""

    def is_archived_mask(path: PurePosixPath) -> bool:
        folder = next((folder for folder in folders if folder.contains(path)), None)
        if folder is None:
            other_folders.add(str(path.parent))
            return False
        if path.stem in (mask_files if folder == mask_folder else image_names):
            raise UserError(f"{folder.source}: {path.stem} is twice in {folder}")
        if folder == mask_folder:
            mask_files[path.stem] = path.name, folder.source.parent / path
            return not folder.source.is_dir()
        image_names[path.stem] = path.name
        return False

    return is_archived_mask


def _raise_if_unpaired(problem: str, file_type: str, unpaired_names: set[str]) -> None:
    if unpaired_names:
        first_name, *further_names = sorted(unpaired_names)
        raise UserError(
            f"{problem} for {file_type} {first_name}" + (f" and {len(further_names)} more" if further_names else "")
        )


def _read_ignored_ids(csv_path: str, image_names: set[str]) -> dict[str, set[int]]:
    """Read the ids of the ignored instances, by image, from a CSV file with the columns image, instance_id, ignore."""
    ignored_ids: dict[str, set[int]] = defaultdict(set)
    n_matching_rows = 0
    try:
        with open(csv_path, newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                n_matching_rows += row["image"] in image_names
                if int(row["ignore"]):
                    ignored_ids[row["image"]].add(int(row["instance_id"]))
    except OSError as error:
        raise UserError(f"{csv_path}: the list of ignored instances cannot be read ({error.strerror})") from error
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"{csv_path}: not a CSV with image, instance_id and ignore (0 or 1) in each row ({error})"
        ) from error
    if not n_matching_rows:
        raise UserError(f"{csv_path}: no row names an image of this part")
    return ignored_ids
