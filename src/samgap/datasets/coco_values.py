"""Read the numbers, flags, boxes and polygons of COCO annotations as tools write them, and refuse all else.

A value is read if it has one meaning: a number written as text, a polygon written as one flat list or as points.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Box = tuple[float, float, float, float]
"""Numbers of a box in px; their meaning (corners, or a corner and a size) is stated where it is used."""

MAX_NUMBER = 1e9
"""Numbers of a larger amount are not coordinates in px."""
TRUE_TEXTS, FALSE_TEXTS = ("1", "true"), ("0", "false")


class InvalidAnnotationError(ValueError):
    """An invalid value of an annotation; the message names the problem in few words."""


def parse_number(value: Any) -> float | None:
    """Return a number, also one that is written as text; None for all else, NaN and infinity included."""
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?\s*", value, re.ASCII):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -MAX_NUMBER < value < MAX_NUMBER:
        return None
    return float(value)


def parse_numbers(values: Any) -> list[float] | None:
    """Return a list of numbers; None if it is not a list or has an element that is not a number."""
    if not isinstance(values, Sequence) or isinstance(values, str | bytes):
        return None
    if all(type(value) in (int, float) and -MAX_NUMBER < value < MAX_NUMBER for value in values):
        return [float(value) for value in values]
    numbers = [parse_number(value) for value in values]
    return None if None in numbers else numbers  # type: ignore[return-value]


def parse_flag(coco_annotation: Mapping[str, Any], name: str) -> bool:
    """Return a flag (`iscrowd`, `ignore`) that is 0, 1, false or true, also as text; False if it is missing or null.

    Raises:
        InvalidAnnotationError: The flag has another value.
    """
    value = coco_annotation.get(name)
    text = value.strip().lower() if isinstance(value, str) else value
    if text is None or text in FALSE_TEXTS or (isinstance(text, int | float) and text == 0):
        return False
    if text in TRUE_TEXTS or (isinstance(text, int | float) and text == 1):
        return True
    raise InvalidAnnotationError(f"an invalid value of {name}")


def parse_box_numbers(coco_annotation: Mapping[str, Any]) -> Box:
    """Return the four numbers of `bbox`: x, y, width and height in px.

    Raises:
        InvalidAnnotationError: The box is missing, not four numbers, or has no area.
    """
    values = coco_annotation.get("bbox")
    if values is None or values == []:
        raise InvalidAnnotationError("no box")
    if isinstance(values, Mapping):
        raise InvalidAnnotationError("an invalid box (an object instead of a list)")
    numbers = parse_numbers(values)
    if numbers is None and isinstance(values, list) and all(type(value) in (int, float) for value in values):
        raise InvalidAnnotationError("an invalid box (a number is NaN, infinite or too large)")
    if numbers is None or len(numbers) != 4:
        raise InvalidAnnotationError("an invalid box (not four numbers)")
    if min(numbers[2:]) <= 0:
        raise InvalidAnnotationError("an invalid box (width or height not above 0)")
    x, y, width, height = numbers
    return x, y, width, height


def iter_numbers(values: Sequence[Any], max_depth: int = 3) -> Iterator[float]:
    """Yield the numbers of a list and of the lists in it, up to a depth."""
    for value in values:
        if isinstance(value, list) and max_depth > 1:
            yield from iter_numbers(value, max_depth - 1)
        elif (number := parse_number(value)) is not None:
            yield number


def has_number_as_text(values: Any) -> bool:
    """Return whether a box, or a list of polygons, contains numbers that are written as text."""
    if isinstance(values, list):
        return any(
            isinstance(part, str) for value in values for part in (value if isinstance(value, list) else [value])
        )
    return False


def has_shares_only(numbers: Iterable[float]) -> bool:
    """Return whether all numbers of a box or of polygons are from 0 to 1, as shares of the image are."""
    return all(0 <= number <= 1 for number in numbers)


def parse_polygons(segmentation: Any) -> list[list[float] | None]:
    """Return the polygons of a segmentation, each as x0, y0, x1, y1 … in px; None for an invalid polygon.

    A polygon has at least three corners. A segmentation may also be one flat list of a polygon's numbers, a list of its
    points (x, y), or a list of such lists.
    """
    if not isinstance(segmentation, Sequence) or isinstance(segmentation, str | bytes):
        return []
    if is_flat_polygon(segmentation):
        return [parse_numbers(segmentation)]
    if _is_point_list(segmentation):
        return [_join_points(segmentation)]
    return [_parse_polygon(polygon) for polygon in segmentation]


def has_segmentation(coco_annotation: Mapping[str, Any]) -> bool:
    """Return whether an annotation has a segmentation, valid or not; `[]`, `[[]]`, `{}` and null are none."""
    segmentation = coco_annotation.get("segmentation")
    return bool(segmentation) and segmentation != [[]]


def is_flat_polygon(segmentation: Any) -> bool:
    """Return whether a segmentation is one list of the numbers of a polygon, instead of a list of polygons."""
    numbers = parse_numbers(segmentation)
    return numbers is not None and len(numbers) >= 6 and len(numbers) % 2 == 0


def _parse_polygon(polygon: Any) -> list[float] | None:
    if _is_point_list(polygon):
        return _join_points(polygon)
    numbers = parse_numbers(polygon)
    return numbers if numbers is not None and len(numbers) >= 6 and len(numbers) % 2 == 0 else None


def _is_point_list(values: Any) -> bool:
    if not isinstance(values, Sequence) or isinstance(values, str | bytes) or len(values) < 3:
        return False
    return all((numbers := parse_numbers(value)) is not None and len(numbers) == 2 for value in values)


def _join_points(points: Sequence[Sequence[Any]]) -> list[float]:
    return [number for point in points for number in parse_numbers(point) or ()]


def parse_size(image_row: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the width and height of an image row in px; None if the file does not state both (missing, null or 0).

    Raises:
        InvalidAnnotationError: One of them is not a whole number above 0.
    """
    sides: list[int | None] = []
    for name in ("width", "height"):
        value = image_row.get(name)
        number = parse_number(value)
        if value is None or number == 0:
            sides.append(None)
        elif number is None or number < 0 or not math.isclose(number, round(number), rel_tol=0, abs_tol=1e-6):
            raise InvalidAnnotationError(f"{name} is {ascii(value)[:40]}, not a whole number of px")
        else:
            sides.append(round(number))
    width, height = sides
    return None if width is None or height is None else (width, height)
