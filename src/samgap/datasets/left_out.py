"""Count the annotations of a data set that are left out, by reason, and stop if too many are lost.

An annotation that cannot be used is not the absence of an object. Therefore it is counted where a reader sees it, its
image is marked, and a run does not go on if many are lost.
"""

from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from samgap.datasets import AnnotatedImage
from samgap.datasets.names import summarize_names
from samgap.datasets.warning_log import warn
from samgap.errors import UserError

MAX_LEFT_OUT = 0.05
"""Default of the option `max-left-out`: the largest fraction of lost annotations with which a run goes on."""
IGNORED_IN_BOX = "are ignored in the evaluation, in their whole box"
"""End of the reason of a lost annotation whose region is known."""
LEFT_OUT = "are left out"
"""End of the reason of a lost annotation whose region is unknown."""

IdsByReason = dict[str, list[str]]
"""Reason, which completes "n annotations …" -> ids of the annotations."""


@dataclass
class LabelCounts:
    """The annotations that a data set was made from.

    Attributes:
        lost: Annotations that cannot be used, by reason: left out, or ignored in their whole box.
        not_used: Annotations that are left out on purpose, by reason.
        changed: Annotations that are read with a change or in doubt, by description.
        n_usable: Number of the annotations that are used.
        usable_nouns: Number of usable annotations by noun.
        lost_nouns: Number of lost annotations by noun, as far as it is known.
    """

    lost: IdsByReason = field(default_factory=lambda: defaultdict(list))
    not_used: IdsByReason = field(default_factory=lambda: defaultdict(list))
    changed: IdsByReason = field(default_factory=lambda: defaultdict(list))
    n_usable: int = 0
    usable_nouns: Counter[str] = field(default_factory=Counter)
    lost_nouns: Counter[str] = field(default_factory=Counter)

    @property
    def n_lost(self) -> int:
        """Number of lost annotations."""
        return sum(map(len, self.lost.values()))

    @property
    def n_read(self) -> int:
        """Number of annotations that were read."""
        return self.n_usable + self.n_lost + sum(map(len, self.not_used.values()))

    def add_usable(self, noun: str) -> None:
        """Count an annotation that is used."""
        self.n_usable += 1
        self.usable_nouns[noun] += 1

    def add_lost(self, reason: str, annotation_id: str, noun: str | None = None) -> None:
        """Count an annotation that cannot be used; its noun is None if it is unknown."""
        self.lost[reason].append(annotation_id)
        if noun is not None:
            self.lost_nouns[noun] += 1

    def add(self, other: "LabelCounts") -> None:
        """Add the counts of other annotations."""
        self.n_usable += other.n_usable
        self.usable_nouns += other.usable_nouns
        self.lost_nouns += other.lost_nouns
        for name in ("lost", "not_used", "changed"):
            for reason, ids in getattr(other, name).items():
                getattr(self, name)[reason] += ids

    def raise_if_many_lost(self, source_name: str, max_left_out: float, n_labels: int) -> None:
        """Raise UserError if more annotations than a fraction of all are lost.

        Args:
            source_name: Name of the data for messages.
            max_left_out: The fraction.
            n_labels: Number of annotations that can be used or lost. If not all of them are read yet, the message says
                that more may follow.
        """
        if self.n_lost > max_left_out * n_labels:
            at_least = "at least " if self.n_lost + self.n_usable < n_labels else ""
            raise UserError(
                f"{source_name}: {at_least}{self.n_lost} of {n_labels} annotations cannot be used: "
                f"{_describe(self.lost)}; correct them, or raise `max-left-out` ({max_left_out:g})"
            )

    def raise_if_all_lost(self, source_name: str) -> None:
        """Raise UserError if there are annotations and all of them are lost, whatever fraction is accepted."""
        if self.n_lost and not self.n_usable:
            raise UserError(
                f"{source_name}: all {self.n_lost} annotations cannot be used: {_describe(self.lost)}; "
                "correct them, or leave the file out"
            )

    def raise_if_noun_lost(self, source_name: str) -> None:
        """Raise UserError if all annotations of a noun are lost, whatever their fraction of all."""
        for noun, n_lost in self.lost_nouns.items():
            if not self.usable_nouns[noun]:
                raise UserError(
                    f"{source_name}: all {n_lost} annotations of {noun} cannot be used: {_describe(self.lost)}; "
                    "correct them, or leave it out"
                )

    def log_warning(self, source_name: str) -> None:
        """Log one warning with the number of annotations and the first ids of each reason, if there is any."""
        texts = [_describe(ids) for ids in (self.lost, self.not_used, self.changed) if ids]
        if texts:
            # What is lost has a remark of its own (`left_out`), and what is not used is left out on purpose.
            summaries = [f"of {self.n_read} annotations, {n} {reason}" for reason, n in _count(self.changed).items()]
            warn(source_name, f"of {self.n_read} annotations, {'; '.join(texts)}", summaries)

    def to_card(self) -> dict[str, Any]:
        """Return the entries of `dataset.json`: counts by reason."""
        return {
            "n_annotations_read": self.n_read,
            "left_out": _count(self.lost),
            "not_used": _count(self.not_used),
            "read_with_changes": _count(self.changed),
        }


class ReturnedCounts:
    """Iterates over the images of a kind of data set, and keeps their counts in `counts`.

    These are what the generator of the kind returns. A kind that returns none uses all annotations that it reads.
    """

    def __init__(self, images: Iterable[AnnotatedImage]) -> None:
        self.images = images
        self.counts = LabelCounts()

    def __iter__(self) -> Iterator[AnnotatedImage]:
        counts = LabelCounts()
        returned = yield from self._count_usable(counts)
        self.counts = counts if returned is None else returned

    def _count_usable(self, counts: LabelCounts) -> Generator[AnnotatedImage, None, LabelCounts | None]:
        images = iter(self.images)
        while True:
            try:
                image = next(images)
            except StopIteration as end:
                return cast(LabelCounts | None, end.value)
            for annotation in image.annotations:
                counts.add_usable(annotation.noun)
            yield image


def _describe(ids_by_reason: IdsByReason) -> str:
    return "; ".join(
        f"{len(ids)} {reason} (id {summarize_names(ids)})" for reason, ids in sorted(ids_by_reason.items())
    )


def _count(ids_by_reason: IdsByReason) -> dict[str, int]:
    return {reason: len(ids) for reason, ids in sorted(ids_by_reason.items())}
