"""Warnings about photographs whose labels may be for the stored or for the upright image (EXIF orientation)."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from samgap.datasets.exif_orientation import Size
from samgap.datasets.names import summarize_names
from samgap.datasets.photographs import Photograph

logger = logging.getLogger("samgap")

TOLERANCE_PX = 1.0
"""Distance in px up to which a corner outside an image is a matter of rounding."""


@dataclass
class OrientationNotes:
    """Names of photographs whose orientation is not certain, for one warning of each type.

    Attributes:
        invalid: Photographs with an invalid EXIF orientation.
        undecided: Photographs that EXIF rotates, with labels of the stored size that may be for either image.
        upright: Photographs that EXIF rotates, with labels of the stored size that fit only the upright image.
    """

    invalid: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    upright: list[str] = field(default_factory=list)

    def add(self, name: str, photo: Photograph, corners: Iterable[tuple[float, float]] | None = None) -> None:
        """Note a photograph if its orientation is not certain.

        Args:
            name: Its name.
            photo: The photograph in the orientation in which it is used.
            corners: Corners of its labels, x and y in px; None if the orientation of the labels is certain.
        """
        if photo.orientation is None:
            self.invalid.append(name)
        elif corners is not None and (photo.width, photo.height) != photo.upright_size:
            labelled = find_labelled_orientation(corners, photo.stored_size, photo.upright_size)
            if labelled != "stored":
                (self.upright if labelled else self.undecided).append(name)

    def log_warnings(self, source_name: str) -> None:
        """Log a warning with the number and the first names of each type, if there is any."""
        for names, problem, remedy in (
            (self.invalid, "photographs with an invalid EXIF orientation, which is ignored", ""),
            (
                self.undecided,
                "photographs that EXIF rotates, labelled with the size as stored, and read as stored",
                "; set `orientation: shown` if they were labelled upright, as viewers show them, or "
                "`orientation: stored` if not",
            ),
            (
                self.upright,
                "photographs that EXIF rotates, labelled with the size as stored, but with labels that fit only the "
                "upright image",
                "; set `orientation: shown`",
            ),
        ):
            if names:
                summary = summarize_names(names)
                logger.warning("warning: %s: %s (%d): %s%s", source_name, problem, len(names), summary, remedy)


def find_labelled_orientation(corners: Iterable[tuple[float, float]], stored_size: Size, upright_size: Size) -> str:
    """Return the image that the corners of labels fit: `stored`, `shown` (upright), or an empty text if undecided.

    A corner outside the stored and inside the upright image proves that the labels are for the upright image, and vice
    versa.

    Args:
        corners: x and y of the corners of polygons and boxes, in px.
        stored_size: Size of the stored image.
        upright_size: Size of the upright image.
    """
    evidence = set()
    for corner in corners:
        fits_stored, fits_upright = _is_inside(corner, stored_size), _is_inside(corner, upright_size)
        if fits_stored != fits_upright:
            evidence.add("stored" if fits_stored else "shown")
    return evidence.pop() if len(evidence) == 1 else ""


def _is_inside(corner: tuple[float, float], size: Size) -> bool:
    return all(-TOLERANCE_PX <= value <= length + TOLERANCE_PX for value, length in zip(corner, size, strict=True))
