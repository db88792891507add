"""Find the COCO files and the images of a source, and the image file that each entry of a COCO file names."""

import fnmatch
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from samgap.datasets.archive import iter_files
from samgap.datasets.coco_files import CocoImage, has_equal_labels
from samgap.datasets.coco_joining import ImageJoiner
from samgap.datasets.image_paths import AmbiguousNameError, ImagePaths
from samgap.datasets.names import clean_path, compose, normalize_spelling, split_path, suggest_name, summarize_names
from samgap.datasets.output_names import make_output_names
from samgap.datasets.photographs import IMAGE_SUFFIXES, OTHER_IMAGE_SUFFIXES
from samgap.datasets.repetitions import REPEATED
from samgap.datasets.warning_log import warn
from samgap.errors import UserError


@dataclass
class SourceIndex:
    """The files of a source.

    Attributes:
        json_files: Content of the COCO files.
        image_paths: Paths of all PNG and JPEG files.
        other_image_paths: Paths of all images of other formats.
    """

    json_files: dict[PurePosixPath, bytes] = field(default_factory=dict)
    image_paths: set[PurePosixPath] = field(default_factory=set)
    other_image_paths: set[PurePosixPath] = field(default_factory=set)

    def find_top(self) -> tuple[str, ...]:
        """Return the parts of the path of the folder that contains all images and COCO files."""
        folders = {path.parent.parts for path in (*self.image_paths, *self.json_files)}
        columns = zip(*folders, strict=False)
        return tuple(column[0] for column in itertools.takewhile(lambda column: len(set(column)) == 1, columns))


def index_source(source: Path, patterns: list[str], max_gb: float) -> SourceIndex:
    """Return the COCO files that `patterns` match, and the paths of all images.

    Raises:
        UserError: The source or a COCO file is missing, a pattern without wildcards matches several files, or an
            archive has two images or COCO files of the same path.
    """
    index = SourceIndex()
    json_paths: list[str] = []

    def is_coco_file(path: PurePosixPath) -> bool:
        suffix = path.suffix.lower()
        if suffix in IMAGE_SUFFIXES:
            if path in index.image_paths:
                raise UserError(f"{source}: there are two files {path}")
            index.image_paths.add(path)
        elif suffix in OTHER_IMAGE_SUFFIXES:
            index.other_image_paths.add(path)
        elif suffix == ".json":
            json_paths.append(str(path))
        return any(_is_match(path, pattern) for pattern in patterns)

    if not source.exists():
        raise UserError(f"{source}: no such file or folder; check the `path` or `archives` of the data set")
    for path, content in iter_files(source, is_coco_file, max_gb):
        if path in index.json_files:
            raise UserError(f"{source}: there are two files {path}; pack the archive again with one of them")
        index.json_files[path] = content
    for pattern in patterns:
        matches = [str(path) for path in sorted(index.json_files) if _is_match(path, pattern)]
        if not matches:
            present = summarize_names(sorted(json_paths)) or "no .json file"
            raise UserError(f"{source}: no file {pattern}, which `annotations` names; there is {present}")
        if len(matches) > 1 and not re.search(r"[*?\[]", pattern):
            raise UserError(
                f"{source}: `annotations` names {pattern}, which matches several files: {summarize_names(matches)}"
            )
    return index


def _is_match(path: PurePosixPath, pattern: str) -> bool:
    """Return whether the last parts of the path match the parts of the pattern."""
    patterns = PurePosixPath(compose(pattern)).parts
    parts = [compose(part) for part in path.parts[-len(patterns) :]]
    return len(parts) == len(patterns) and all(map(fnmatch.fnmatchcase, parts, patterns))


@dataclass(frozen=True)
class LocatedImage:
    """An image of a COCO file whose image file is found.

    Attributes:
        entry: The image as the COCO file states it.
        output_name: File name in the data set, which is unique.
    """

    entry: CocoImage
    output_name: str


def locate_images(
    entries: Sequence[tuple[PurePosixPath, CocoImage]],
    index: SourceIndex,
    folder: str | None,
    source: Path,
    joiner: ImageJoiner,
) -> dict[PurePosixPath, LocatedImage]:
    """Return the image of the COCO files for each path in the source that one of them names.

    Names that are found only without some of their folders, or by another spelling, are logged in a warning. The rules
    are in `samgap.datasets.image_paths`.

    Args:
        entries: Path of the COCO file, and one of its images.
        index: The files of the source.
        folder: The folder that names are relative to; None if images may be in any folder.
        source: Folder or archive, for messages.
        joiner: Joins the annotations of one photograph in files of different nouns.

    Raises:
        UserError: An image is missing, ambiguous, or labelled twice with different annotations.
    """
    image_paths = ImagePaths(index.image_paths, index.find_top(), folder)
    located: dict[PurePosixPath, tuple[PurePosixPath, CocoImage]] = {}
    names_by_path: dict[PurePosixPath, str] = {}
    missing: list[str] = []
    deviations: dict[str, list[str]] = defaultdict(list)
    folders_by_coco_path: dict[PurePosixPath, Counter[PurePosixPath]] = defaultdict(Counter)
    for coco_path, entry in entries:
        name = entry.file_name
        try:
            match = image_paths.find(name, coco_path)
        except AmbiguousNameError as error:
            first, second, *_ = error.args
            raise UserError(f"{source}: {name} may be {first} or {second}; name its folder in `images`") from error
        if match is None:
            missing.append(name)
            continue
        if match.path in located:
            first = located[match.path][1]
            if joiner.join(match.path, first, entry):
                continue
            # Two names without annotations may be of two photographs, one of which is missing.
            is_same_name = entry.file_name == first.file_name
            if not has_equal_labels(first, entry) or not (is_same_name or entry.labels):
                _raise_labelled_twice(source, match.path, *located[match.path], coco_path, entry)
            first.not_used.extend((REPEATED, label.id) for label in entry.labels)
            deviations["labelled twice with equal annotations, which are read once"].append(f"{name} in {coco_path}")
            continue
        located[match.path] = coco_path, entry
        folders = split_path(clean_path(name))[:-1] if match.has_other_spelling else split_path(name)[:-1]
        names_by_path[match.path] = "/".join((*folders, match.path.name))
        if len(split_path(name)) == 1:
            folders_by_coco_path[coco_path][match.path.parent] += 1
        for applies, deviation in (
            (match.has_other_folders, "found without some folders of their names"),
            (match.has_other_spelling, "found by another spelling of their names"),
            (match.is_by_split, "found in several folders, and read from the one that their COCO file is named after"),
        ):
            if applies:
                deviations[deviation].append(f"{name} as {match.path}")
    if missing:
        raise UserError(
            f"{source}: no image {summarize_names(missing)}{f' in {folder}' if folder else ''}, which is labelled"
            f"{_explain_missing(missing[0], image_paths, located, index)}; add it, or list the files to read in `files`"
        )
    for deviation, names in deviations.items():
        summary = f"images {deviation} ({len(names)})"
        warn(f"{source}", f"{summary}: {summarize_names(names)}", [summary])
    for coco_path, counts in folders_by_coco_path.items():
        if len(counts) > 1:
            texts = (f"{n_images} in {path}" for path, n_images in counts.most_common())
            summary = f"images that {coco_path} names without a folder are in several folders"
            remedy = "if some are not the labelled ones, set `images`"
            warn(f"{source}", f"{summary}: {summarize_names(texts)}; {remedy}", [summary])
    output_names = make_output_names(names_by_path, len(index.find_top()))
    return {path: LocatedImage(entry, output_names[path]) for path, (_, entry) in located.items()}


def _raise_labelled_twice(
    source: Path,
    path: PurePosixPath,
    first_coco_path: PurePosixPath,
    first_entry: CocoImage,
    coco_path: PurePosixPath,
    entry: CocoImage,
) -> NoReturn:
    if entry.file_name == first_entry.file_name:
        coco_paths = " and ".join(dict.fromkeys((str(first_coco_path), str(coco_path))))
        raise UserError(
            f"{source}: {entry.file_name} is twice in {coco_paths}, with different annotations; remove one of them, or "
            "let each file label other nouns, which are then joined"
        )
    raise UserError(
        f"{source}: {path} is labelled twice, as {first_entry.file_name} and as {entry.file_name}; remove one of them"
    )


def _explain_missing(
    name: str, image_paths: ImagePaths, located: Mapping[PurePosixPath, Any], index: SourceIndex
) -> str:
    """Return a text in brackets with the file that may be the missing one, or an empty text."""
    for path in image_paths.find_in_other_folders(name):
        folder = path.parent.name
        is_remedy = folder and ImagePaths(index.image_paths, index.find_top(), folder).find(name, path)
        hint = f"; if that is right, set `images: {folder}`" if is_remedy else ""
        return f" ({path} is in another folder{hint})"
    base_name = split_path(name)[-1]
    for path in sorted(index.other_image_paths):
        if normalize_spelling(path.name) == normalize_spelling(base_name):
            return f" ({path} is not read; save it as PNG or JPEG)"
    others = {path.name for path in index.image_paths - located.keys()} | {
        path.name for path in index.other_image_paths
    }
    return suggest_name(base_name, sorted(others))
