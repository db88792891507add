"""COCO files that label different nouns of the same photographs: their annotations of a photograph are joined.

Some tools export one file for each class. Such files are told from repetitions and contradictions by their nouns: two
files whose annotations have no noun in common complement each other. A photograph that one of them does not list was
perhaps not looked at for its nouns, so these are unknown there.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from samgap.datasets.coco_attributes import Category
from samgap.datasets.coco_files import CocoFile, CocoImage
from samgap.datasets.names import summarize_names
from samgap.datasets.warning_log import warn

NounsByFile = Mapping[str, frozenset[str]]
"""The nouns of the annotations of each COCO file, by its name for messages; a file without known nouns is missing."""


def list_nouns(files: Iterable[CocoFile], categories: Mapping[str, Category]) -> NounsByFile:
    """Return the nouns of each file; a file is missing that has no annotation, or one of an unknown category."""
    nouns_by_file = {}
    for file in files:
        labels = [*file.orphans, *(label for image in file.images for label in image.labels)]
        labels += [label for image in file.images for _, label in image.lost]
        names = [label.category for label in labels]
        if names and None not in names:
            nouns_by_file[file.source_name] = frozenset(categories[name].noun for name in names if name is not None)
    return nouns_by_file


class ImageJoiner:
    """Joins the entries of a photograph in files of different nouns.

    Args:
        nouns_by_file: The nouns of each file.
    """

    def __init__(self, nouns_by_file: NounsByFile) -> None:
        self._nouns_by_file = nouns_by_file
        self._joined_files: dict[PurePosixPath, list[str]] = defaultdict(list)
        self._partners: set[str] = set()

    def join(self, path: PurePosixPath, first: CocoImage, other: CocoImage) -> bool:
        """Add the annotations of an entry to the first one of its photograph, if their files have no common noun.

        Args:
            path: Path of the photograph.
            first: The first entry, to which others may have been added.
            other: The other entry.

        Returns:
            Whether they are joined.
        """
        names = [first.source_name, *self._joined_files[path], other.source_name]
        nouns = [self._nouns_by_file.get(name, frozenset()) for name in names]
        is_disjoint = all(nouns) and len(frozenset.union(*nouns)) == sum(map(len, nouns))
        if not is_disjoint or first.file_name != other.file_name or (first.size or other.size) != other.size:
            return False
        for name in ("labels", "lost", "not_used", "changed"):
            getattr(first, name).extend(getattr(other, name))
        first.lost_elsewhere.update(other.lost_elsewhere)
        self._joined_files[path].append(other.source_name)
        self._partners.update(names)
        return True

    def mark_unlisted(
        self, located: Mapping[PurePosixPath, CocoImage], categories: Mapping[str, Category], source_name: str
    ) -> None:
        """Mark the nouns of joined files as unknown in the photographs that these files do not list, with a warning.

        Args:
            located: The first entry of each photograph.
            categories: The categories that have a noun.
            source_name: Name of the data for messages.
        """
        unlisted: dict[str, list[str]] = defaultdict(list)
        for path, entry in located.items():
            for name in sorted(self._partners - {entry.source_name, *self._joined_files[path]}):
                nouns = self._nouns_by_file[name]
                entry.lost_elsewhere.update(id for id, category in categories.items() if category.noun in nouns)
                unlisted[name].append(entry.file_name)
        for name, file_names in unlisted.items():
            nouns_text = summarize_names(sorted(self._nouns_by_file[name]))
            file_name = name.partition(": ")[2] or name
            summary = f"{file_name}, which alone labels {nouns_text}, lacks images ({len(file_names)})"
            remedy = f"{nouns_text} is unknown there; list each image that was labelled, with or without an annotation"
            warn(source_name, f"{summary}: {summarize_names(file_names)}; {remedy}", [summary])
