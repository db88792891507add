"""Warnings about photographs whose labels may be for the stored or for the upright image (EXIF orientation)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from samgap.datasets.coco_values import InvalidAnnotationError, parse_box_numbers, parse_numbers, parse_polygons
from samgap.datasets.exif_orientation import ROTATIONS, Size
from samgap.datasets.names import summarize_names
from samgap.datasets.photographs import Photograph
from samgap.datasets.warning_log import warn

TOLERANCE_PX = 1.0
"""Distance in px up to which a corner outside an image is a matter of rounding."""

INVALID = ("photographs with an invalid EXIF orientation, which is ignored", "")
UNDECIDED_STORED = (
    "photographs that EXIF rotates, labelled with the size as stored, and read as stored",
    "; set `orientation: shown` if they were labelled upright, as viewers show them, or `orientation: stored` if not",
)
UNDECIDED_SHOWN = (
    "photographs that EXIF rotates or mirrors, read as viewers show them, with labels that fit the stored image, too",
    "; set `orientation: stored` if they were labelled as stored, or `orientation: shown` if not",
)


@dataclass
class LabelGeometry:
    """What the labels of an image tell about the size of the image for which they were made.

    Attributes:
        corners: x and y of the corners of polygons and boxes, in px.
        mask_sizes: Width and height of their masks, in px.
        n_labels: Number of the labels.
    """

    corners: list[tuple[float, float]] = field(default_factory=list)
    mask_sizes: set[Size] = field(default_factory=set)
    n_labels: int = 0

    def find_orientation(self, stored_size: Size, upright_size: Size) -> str:
        """Return the image that the labels fit: `stored`, `shown` (upright), or an empty text if undecided.

        A corner outside the stored and inside the upright image proves that the labels are for the upright image, and
        vice versa; so does a mask that has the size of only one of them.

        Args:
            stored_size: Size of the stored image.
            upright_size: Size of the upright image.
        """
        fits = [(size == stored_size, size == upright_size) for size in self.mask_sizes]
        fits += [(_is_inside(corner, stored_size), _is_inside(corner, upright_size)) for corner in self.corners]
        evidence = {"stored" if in_stored else "shown" for in_stored, in_upright in fits if in_stored != in_upright}
        return evidence.pop() if len(evidence) == 1 else ""


def read_geometry(coco_annotations: Iterable[Mapping[str, Any]]) -> LabelGeometry:
    """Return the corners of the boxes and polygons, and the sizes of the run lengths; invalid ones are left out."""
    geometry = LabelGeometry()
    for annotation in coco_annotations:
        geometry.n_labels += 1
        segmentation = annotation.get("segmentation")
        if isinstance(segmentation, Mapping):
            size = parse_numbers(segmentation.get("size"))
            if size is not None and len(size) == 2:
                geometry.mask_sizes.add((round(size[1]), round(size[0])))
        else:
            for polygon in filter(None, parse_polygons(segmentation)):
                geometry.corners += zip(polygon[::2], polygon[1::2], strict=True)
        try:
            x, y, width, height = parse_box_numbers(annotation)
        except InvalidAnnotationError:
            continue
        geometry.corners += (x, y), (x + width, y + height)
    return geometry


class OrientationNotes:
    """Names of photographs whose orientation is not certain, for one warning of each type.

    Args:
        option: Option `orientation` of the data set; None if it is not set.
    """

    def __init__(self, option: str | None) -> None:
        self._option = option
        self._names: dict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, name: str, photo: Photograph, labels: LabelGeometry, labelled_size: Size | None) -> None:
        """Note a photograph if its orientation is invalid, or is not that of its labels, or if that cannot be told.

        Args:
            name: Its name.
            photo: The photograph in the orientation in which it is used.
            labels: Its labels.
            labelled_size: Size that the labels state, if any. If it is only the upright size, it decides; the size as
                stored does not, because tools write it for labels of either image.
        """
        if photo.orientation is None:
            self._names[INVALID].append(name)
        if photo.orientation not in ROTATIONS:
            return
        is_upright_stated = labelled_size == photo.upright_size != photo.stored_size
        labelled = labels.find_orientation(photo.stored_size, photo.upright_size)
        if labelled == ("shown" if photo.is_rotated else "stored"):
            return
        if labelled:
            self._names[self._describe_contradiction(photo.is_rotated, is_upright_stated)].append(name)
        elif self._option is None and not photo.is_rotated:
            self._names[UNDECIDED_STORED].append(name)
        elif self._option is None and not is_upright_stated and labels.n_labels:
            self._names[UNDECIDED_SHOWN].append(name)

    def _describe_contradiction(self, is_rotated: bool, is_upright_stated: bool) -> tuple[str, str]:
        """Return the problem and the remedy of labels that fit only the image that is not used."""
        used, other = ("viewers show them", "stored") if is_rotated else ("stored", "upright")
        problem = f"photographs that EXIF rotates, read as {used}, but with labels that fit only the {other} image"
        if self._option is not None:
            return problem, f"; `orientation: {self._option}` is set: correct these labels"
        if is_upright_stated:
            return problem, "; their width and height are those of the upright image: correct them, or the labels"
        return problem, f"; set `orientation: {'stored' if is_rotated else 'shown'}`"

    def log_warnings(self, source_name: str) -> None:
        """Log a warning with the number and the first names of each type, if there is any."""
        for (problem, remedy), names in self._names.items():
            summary = f"{problem} ({len(names)})"
            warn(source_name, f"{summary}: {summarize_names(names)}{remedy}", [summary])


def _is_inside(corner: tuple[float, float], size: Size) -> bool:
    return all(-TOLERANCE_PX <= value <= length + TOLERANCE_PX for value, length in zip(corner, size, strict=True))
