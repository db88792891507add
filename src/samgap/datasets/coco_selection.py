"""Select the images of COCO files that the option `files` of a data set lists."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from samgap.datasets.coco_files import CocoImage
from samgap.datasets.coco_images import SourceIndex
from samgap.datasets.image_paths import AmbiguousNameError, ImagePaths
from samgap.datasets.names import select_listed

Entry = tuple[PurePosixPath, CocoImage]
"""Path of a COCO file, and one of its images."""


def select_entries(
    entries: Sequence[Entry], index: SourceIndex, options: Mapping[str, Any], source: Path
) -> list[Entry]:
    """Return the listed images; images that are not listed may be missing.

    Images of the same name, of two splits for example, are told apart by the paths of their files.

    Args:
        entries: The images of all COCO files.
        index: The files of the source.
        options: Options of the data set: `files`, and `images` if it is set.
        source: Folder or archive, for messages.

    Raises:
        UserError: The list cannot be read, is empty, or has a name that is not labelled or may be of several images.
    """
    n_by_name = Counter(entry.file_name for _, entry in entries)
    image_paths = ImagePaths(index.image_paths, index.find_top(), options.get("images"))
    names = [
        entry.file_name if n_by_name[entry.file_name] == 1 else _find_path(path, entry, image_paths)
        for path, entry in entries
    ]
    selected = select_listed(names, options["files"], str(source))
    return [entry for entry, name in zip(entries, names, strict=True) if name in selected]


def _find_path(coco_path: PurePosixPath, entry: CocoImage, image_paths: ImagePaths) -> str:
    """Return the path of an image in the source; of one that is not found, the path of the COCO file and the name."""
    try:
        match = image_paths.find(entry.file_name, coco_path)
    except AmbiguousNameError:
        match = None
    return str(coco_path / entry.file_name if match is None else match.path)
