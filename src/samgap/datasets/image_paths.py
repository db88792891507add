"""Find the image file of a source that a name in an annotation file refers to.

The name may come from another machine, and have folders that the source lacks. A file is compatible with a name if
their last parts agree, from the end to the beginning of the shorter path. Folders in `CONTAINER_NAMES`, such as
`images`, are not compared, because tools add and remove them; neither is the top folder that contains all files of the
source. So `/home/me/data/train/x.jpg` may be `train/x.jpg`, `train/images/x.jpg` or `x.jpg`, but not `val/x.jpg`. If
the source has a folder `train`, an `x.jpg` that is not in it is not compatible either. A name without the name of a
split has that of its annotation file: `x.jpg` of `instances_val.json` is not `train/x.jpg`.
"""

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from samgap.datasets.names import clean_path, compose, normalize_spelling, split_path

CONTAINER_NAMES = frozenset(
    {
        *("data", "dataset", "datasets", "default", "files", "frames", "obj_train_data", "upload", "uploads"),
        *("image", "images", "img", "imgs", "jpeg", "jpegimages", "jpg", "png"),
        *("photo", "photos", "picture", "pictures"),
    }
)
"""Names of folders, in lower case, that do not tell one image from another."""
SPLIT_PATTERN = re.compile(r"(?<![a-z])(train|val|test)(ing|id|idation)?(?![a-z])")
"""Matches the name of a split in lower case in the name of a folder or a file, such as `train2017` or `validation`."""


class AmbiguousNameError(ValueError):
    """Several files fit a name equally well; the arguments are their paths."""


@dataclass(frozen=True)
class ImageMatch:
    """The file of an image.

    Attributes:
        path: Path in the source.
        has_other_folders: Whether folders of the name are missing in the path.
        has_other_spelling: Whether the name of the file is spelled differently.
        is_by_split: Whether the annotation file is named after the folder, and other folders have such a file, too.
    """

    path: PurePosixPath
    has_other_folders: bool = False
    has_other_spelling: bool = False
    is_by_split: bool = False


class ImagePaths:
    """The paths of the images of a source.

    Args:
        paths: Paths of the images.
        top: Parts of the path of the folder that contains all files of the source.
        folder: The folder that names are relative to, by its last parts; None if images may be in any folder.
    """

    def __init__(self, paths: Iterable[PurePosixPath], top: Sequence[str], folder: str | None = None) -> None:
        self.paths = set(paths)
        self._top, self._folder = tuple(top), _compose_all(split_path(folder or ""))
        self._by_name, self._by_spelling = defaultdict(list), defaultdict(list)
        self._folder_names: set[str] = set()
        for path in sorted(self.paths):
            self._by_name[path.name].append(path)
            self._by_spelling[normalize_spelling(path.name)].append(path)
            self._folder_names.update(_compose_all(path.parts[len(self._top) : -1]))

    def find(self, name: str, annotation_path: PurePosixPath) -> ImageMatch | None:
        """Return the file that a name refers to, or None.

        The exact path from the folder of the annotation file or from the top of the source has priority, then the path
        with most of the folders of the name, then the folder of the split after which the annotation file or its folder
        is named (`instances_train.json`). Other spellings are considered if there is no file of the name itself.

        Args:
            name: Path of the image as an annotation file states it.
            annotation_path: Path of the annotation file in the source.

        Raises:
            AmbiguousNameError: Several files fit equally well.
        """
        parts = split_path(name)
        if not self._folder:
            from_base = PurePosixPath(posixpath.normpath(annotation_path.parent / name.replace("\\", "/")))
            tops = (PurePosixPath(*self._top[:n_parts]) for n_parts in range(len(self._top), -1, -1))
            for path in (from_base, *(top.joinpath(*parts) for top in tops)):
                if path in self.paths:
                    return ImageMatch(path)
        other_parts, splits = split_path(clean_path(name)), self._find_annotation_splits(annotation_path)
        for folders, candidates, has_other_spelling in (
            (parts[:-1], self._by_name.get(parts[-1], []), False),
            (other_parts[:-1], self._by_spelling.get(normalize_spelling(other_parts[-1]), []), True),
        ):
            folders = _compose_all(folders)
            compatible = [path for path in candidates if self._is_compatible(folders, path)]
            other_splits = {path for path in compatible if self._is_of_other_split(path, folders, splits)}
            ranks = {path: self._rank(folders, path) for path in compatible if path not in other_splits}
            best = [path for path, rank in ranks.items() if rank == max(ranks.values())]
            in_split = [path for path in best if self._find_path_splits(path) == splits != set()]
            if len(best) > 1 and len(in_split) != 1:
                raise AmbiguousNameError(*best)
            if best:
                path = best[0] if len(best) == 1 else in_split[0]
                is_by_split = len(best) > 1 or bool(other_splits)
                return ImageMatch(path, ranks[path][1] < len(folders), has_other_spelling, is_by_split)
        return None

    def find_in_other_folders(self, name: str) -> list[PurePosixPath]:
        """Return the paths that have the file name of `name`, or another spelling of it, in any folder."""
        return self._by_spelling.get(normalize_spelling(split_path(clean_path(name))[-1]), [])

    def _is_compatible(self, folders: tuple[str, ...], path: PurePosixPath) -> bool:
        """Return whether no folder of a name contradicts the folders of a path."""
        path_folders = _compose_all(path.parts[:-1])
        if self._folder:
            # The path is in the folder that the user states, and its folders below that are the last ones of the name.
            ends = range(len(path_folders) - _count_common(folders, path_folders), len(path_folders) + 1)
            if not any(path_folders[:end][-len(self._folder) :] == self._folder for end in ends):
                return False
        inner, top = path_folders[len(self._top) :], path_folders[: len(self._top)]
        missing = set(folders) - set(path_folders)
        if missing & self._folder_names:
            return False
        named, present = _remove_containers(folders), _remove_containers(inner)
        n_compared = min(len(named), len(present))
        if not self._folder:
            if named[len(named) - n_compared :] != present[len(present) - n_compared :]:
                return False
            n_containers_added = (len(inner) - len(present)) - (len(folders) - len(named))
            if len(present) > len(named) and n_containers_added < 0:
                return False  # the name has `images` where the path has a folder of another meaning
        rest, top = named[: len(named) - n_compared], _remove_containers(top)
        n_common = _count_common(rest, top)
        return not _are_different_splits(rest[: len(rest) - n_common], top[: len(top) - n_common])

    def _is_of_other_split(self, path: PurePosixPath, folders: tuple[str, ...], splits: set[str]) -> bool:
        """Return whether a path is of other splits than an annotation file, unless a name or the user states it."""
        if self._folder:
            return False
        path_splits = self._find_path_splits(path)
        is_stated = bool(path_splits & _find_splits(" ".join(folders)))
        return bool(splits and path_splits) and splits.isdisjoint(path_splits) and not is_stated

    def _find_path_splits(self, path: PurePosixPath) -> set[str]:
        """Return the splits that the folders of a path are named after."""
        return _find_splits(" ".join(path.parts[len(self._top) : -1]))

    def _find_annotation_splits(self, path: PurePosixPath) -> set[str]:
        """Return the splits that an annotation file is named after, or the last of its folders with such a name."""
        names = (path.stem, *reversed(path.parts[len(self._top) : -1]))
        return next(filter(None, map(_find_splits, names)), set())

    def _rank(self, folders: tuple[str, ...], path: PurePosixPath) -> tuple[int, int]:
        """Return the number of last folders that a name and a path share, without containers and with them."""
        path_folders = _compose_all(path.parts[:-1])
        return (
            _count_common(_remove_containers(folders), _remove_containers(path_folders)),
            _count_common(folders, path_folders),
        )


def _compose_all(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(compose(part) for part in parts)


def _remove_containers(folders: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(folder for folder in folders if folder.lower() not in CONTAINER_NAMES)


def _count_common(folders: tuple[str, ...], other_folders: tuple[str, ...]) -> int:
    """Return the number of last folders that are equal."""
    n_common = 0
    for folder, other_folder in zip(reversed(folders), reversed(other_folders), strict=False):
        if folder != other_folder:
            break
        n_common += 1
    return n_common


def _find_splits(text: str) -> set[str]:
    return {match[1] for match in SPLIT_PATTERN.finditer(text.lower())}


def _are_different_splits(folders: tuple[str, ...], other_folders: tuple[str, ...]) -> bool:
    """Return whether the last folders are of different splits, such as `train` and `val`."""
    splits, other_splits = (_find_splits("".join(names[-1:])) for names in (folders, other_folders))
    return bool(splits and other_splits) and splits.isdisjoint(other_splits)
