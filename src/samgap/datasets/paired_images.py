"""Find the photographs and the masks of two folders, and pair them by their names."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from samgap.datasets.archive import iter_files
from samgap.datasets.names import compose, suggest_name
from samgap.datasets.photographs import IMAGE_SUFFIXES, OTHER_IMAGE_SUFFIXES
from samgap.errors import UserError


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
        """Return whether a path in the source is a file of this folder."""
        folder_parts = path.parts[-1 - len(self.folder_parts) : -1]
        return tuple(map(compose, folder_parts)) == tuple(map(compose, self.folder_parts))

    def __str__(self) -> str:
        """Return the path of the folder without its parent folders."""
        return "/".join(self.folder_parts)


@dataclass
class FolderIndex:
    """The files of one folder, by their stem (in Unicode NFC).

    Attributes:
        folder: The folder.
        paths: Paths of the PNG and JPEG files in the source.
        other_paths: Paths of images of other formats.
        contents: Content of the files of an archive, if they are kept in memory.
    """

    folder: ImageFolder
    paths: dict[str, PurePosixPath] = field(default_factory=dict)
    other_paths: dict[str, PurePosixPath] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)

    def add(self, path: PurePosixPath) -> None:
        """Record a file of the folder; raise UserError if there is another one of its stem."""
        stem = compose(path.stem)
        if path.suffix.lower() in OTHER_IMAGE_SUFFIXES:
            self.other_paths[stem] = path
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            return
        if stem in self.paths:
            raise UserError(
                f"{self.folder.source}: {path.stem} is twice in {self.folder}, as {self.paths[stem]} and {path}; "
                "name one of several folders with its parent folder, or remove one of the files"
            )
        self.paths[stem] = path

    def parents(self) -> set[tuple[str, ...]]:
        """Return the parts of the paths that contain the folder."""
        return {get_parent(path, self.folder) for path in self.paths.values()}


def get_parent(path: PurePosixPath, folder: ImageFolder) -> tuple[str, ...]:
    """Return the parts of the path that contains the folder of a file."""
    return path.parts[: -1 - len(folder.folder_parts)]


def index_pairs(image_folder: ImageFolder, mask_folder: ImageFolder, max_gb: float) -> tuple[FolderIndex, FolderIndex]:
    """Return the photographs and the masks, which have the same stems; each source is read once.

    Masks of an archive are kept in memory, because the files of a tar archive come in any order.

    Args:
        image_folder: Folder of the photographs.
        mask_folder: Folder of the masks.
        max_gb: Limit of the unpacked size of an archive, in GB.

    Raises:
        UserError: A folder is missing, a file is twice in its folder, of another format, or without its counterpart, or
            a photograph and a mask of one name have different parent folders.
    """
    images, masks = FolderIndex(image_folder), FolderIndex(mask_folder)
    for source in dict.fromkeys((image_folder.source, mask_folder.source)):
        if not source.exists():
            raise UserError(f"{source}: no such file or folder; check the `path` or `archives` of the data set")
        indexes = [index for index in (images, masks) if index.folder.source == source]
        folders: set[str] = set()
        for path, content in iter_files(source, _make_indexing_filter(indexes, masks, folders), max_gb):
            masks.contents[compose(path.stem)] = content
        for index in indexes:
            if not index.paths:
                present = ", ".join(sorted(folders)[:8]) or "no other folder"
                raise UserError(f"{source}: no folder {index.folder} with images; there is {present}")
    _raise_if_other_format(images)
    _raise_if_other_format(masks)
    _raise_if_unpaired(images, "image", masks, "mask")
    _raise_if_unpaired(masks, "mask", images, "image")
    _raise_if_parents_differ(images, masks)
    return images, masks


def _make_indexing_filter(
    indexes: list[FolderIndex], masks: FolderIndex, folders: set[str]
) -> Callable[[PurePosixPath], bool]:
    """Return a path filter that records all images and masks and other folders, and selects the masks of an archive."""

    def is_archived_mask(path: PurePosixPath) -> bool:
        index = next((index for index in indexes if index.folder.contains(path)), None)
        if index is None or path.suffix.lower() not in IMAGE_SUFFIXES | OTHER_IMAGE_SUFFIXES:
            folders.add(str(path.parent))
            return False
        index.add(path)
        is_mask = index is masks and path.suffix.lower() in IMAGE_SUFFIXES
        return is_mask and not masks.folder.source.is_dir()

    return is_archived_mask


def _raise_if_other_format(index: FolderIndex) -> None:
    """Raise UserError for an image of a format that is not read, if there is none of its stem that is read."""
    stems = sorted(index.other_paths.keys() - index.paths.keys())
    if stems:
        raise UserError(
            f"{index.folder.source}: {index.other_paths[stems[0]]} is not read{_count_more(stems)}; save it as PNG or "
            "JPEG, or remove it"
        )


def _raise_if_unpaired(index: FolderIndex, file_type: str, others: FolderIndex, other_type: str) -> None:
    stems = sorted(index.paths.keys() - others.paths.keys())
    if stems:
        name = index.paths[stems[0]].name
        unpaired = sorted(others.paths[stem].name for stem in others.paths.keys() - index.paths.keys())
        raise UserError(
            f"{others.folder.source}: no {other_type} in {others.folder} for {file_type} {name}{_count_more(stems)}"
            f"{suggest_name(name, unpaired)}"
        )


def _count_more(stems: list[str]) -> str:
    return f" and {len(stems) - 1} more" if len(stems) > 1 else ""


def _raise_if_parents_differ(images: FolderIndex, masks: FolderIndex) -> None:
    """Raise UserError if a mask is of another part of the data, such as train, than its photograph."""
    if max(len(images.parents()), len(masks.parents())) == 1:
        return
    for stem, path in images.paths.items():
        mask_path = masks.paths[stem]
        parent, mask_parent = get_parent(path, images.folder), get_parent(mask_path, masks.folder)
        if any(name != mask_name for name, mask_name in zip(reversed(parent), reversed(mask_parent), strict=False)):
            raise UserError(
                f"{images.folder.source}: {path} and {mask_path} have the same name but are in different folders; name "
                "one of several folders with its parent folder in `images` and `masks`"
            )
