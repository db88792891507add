"""Count the annotations of each COCO file of a data set, and stop if too many of one file are lost.

Each file is judged by itself: one that lost all its annotations may be small beside the others, and its images would be
without objects.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from samgap.datasets.coco_files import UNKNOWN_IMAGE, CocoFile, CocoImage
from samgap.datasets.left_out import LabelCounts


class CocoCounts:
    """The counts of the annotations of each COCO file.

    Args:
        source_name: Name of the data for messages.
        files: The COCO files.
        nouns: Noun of each category.
        images: The images that are read.
        is_selection: Whether these are not all images of the files. Then the annotations without an image are compared
            with all annotations of their file, and the other lost ones with those of the images that are read.
        max_left_out: Largest fraction of the annotations of a file that may be lost.

    Raises:
        UserError: Annotations without an image are more than the fraction, or all annotations of a file or of a noun.
    """

    def __init__(
        self,
        source_name: str,
        files: Sequence[CocoFile],
        nouns: Mapping[str, str],
        images: Iterable[CocoImage],
        *,
        is_selection: bool,
        max_left_out: float,
    ) -> None:
        self._source_name, self._max_left_out = source_name, max_left_out
        self._orphans = {file.source_name: _count_orphans(file, nouns) for file in files}
        self._raise_if_orphans(files, nouns)
        self.by_file = {file.source_name: LabelCounts() for file in files}
        self._is_selection = is_selection
        if not is_selection:
            self._add_orphans()
        self._n_labels = Counter({name: counts.n_lost for name, counts in self.by_file.items()})
        for image in images:
            self._n_labels.update(label.source_name for label in (*image.labels, *(lost for _, lost in image.lost)))

    def raise_if_many_lost(self, file_name: str) -> None:
        """Raise UserError if too many annotations of a file are lost so far."""
        self.by_file[file_name].raise_if_many_lost(file_name, self._max_left_out, self._n_labels[file_name])

    def summarize(self) -> LabelCounts:
        """Return the counts of all files, after all images are read; call it once.

        Raises:
            UserError: All annotations of a file or of a noun are lost.
        """
        total = LabelCounts()
        for name, counts in self.by_file.items():
            counts.raise_if_all_lost(name)
            total.add(counts)
        total.raise_if_noun_lost(self._source_name)
        if self._is_selection:
            for orphans in self._orphans.values():
                total.add(orphans)
        return total

    def _add_orphans(self) -> None:
        for name, orphans in self._orphans.items():
            self.by_file[name].add(orphans)

    def _raise_if_orphans(self, files: Sequence[CocoFile], nouns: Mapping[str, str]) -> None:
        total = LabelCounts()
        for file in files:
            counts, n_labels = LabelCounts(), len(file.orphans)
            counts.add(self._orphans[file.source_name])
            for image in file.images:
                n_labels += len(image.labels) + len(image.lost)
                for label in image.labels:
                    counts.add_usable(nouns[label.category or ""])
            counts.raise_if_many_lost(file.source_name, self._max_left_out, n_labels)
            if len(file.orphans) == n_labels:
                counts.raise_if_all_lost(file.source_name)
            total.add(counts)
        total.raise_if_noun_lost(self._source_name)


def _count_orphans(file: CocoFile, nouns: Mapping[str, str]) -> LabelCounts:
    """Return the counts of the annotations of a file without an image."""
    counts = LabelCounts()
    for label in file.orphans:
        counts.add_lost(UNKNOWN_IMAGE, label.id, None if label.category is None else nouns[label.category])
    for reason, label_id in file.not_used:
        counts.not_used[reason].append(label_id)
    return counts
