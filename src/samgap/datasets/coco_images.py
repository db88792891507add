"""Find the COCO files and the images of a source, and the image file that each entry of a COCO file names."""

import fnmatch
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from samgap.datasets.archive import iter_files
from samgap.datasets.coco_files import CocoImage
from samgap.datasets.names import split_path, summarize_names
from samgap.datasets.write import IMAGE_SUFFIXES
from samgap.errors import UserError


def index_source(
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


def iter_corners(annotations: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[tuple[float, float]]:
    """Yield x and y in px of the corners of boxes and polygons, and the size of masks; invalid ones are left out."""
    for _, annotation in annotations:
        box: Any = annotation.get("bbox")
        segmentation: Any = annotation.get("segmentation")
        if _is_number_list(box) and len(box) == 4:
            yield box[0], box[1]
            yield box[0] + box[2], box[1] + box[3]
        if isinstance(segmentation, Mapping):
            size: Any = segmentation.get("size")
            if _is_number_list(size) and len(size) == 2:
                yield size[1], size[0]
        for polygon in segmentation if isinstance(segmentation, list) else ():
            if _is_number_list(polygon):
                yield from zip(polygon[::2], polygon[1::2], strict=False)


def _is_number_list(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) in (int, float) for value in values)


def _is_match(path: PurePosixPath, pattern: str) -> bool:
    """Return whether the last parts of the path match the parts of the pattern."""
    patterns = PurePosixPath(pattern).parts
    parts = path.parts[-len(patterns) :]
    return len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))


def locate_images(
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
