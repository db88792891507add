"""Masks and boxes of instances after a transform of their image."""

from dataclasses import dataclass

import numpy as np

from samgap.annotations.ground_truth import Instance
from samgap.datasets.image_transforms import Transform
from samgap.errors import UserError

MIN_VISIBLE = 0.2
"""Default fraction of an instance that a transform has to leave in the image; a smaller rest is ignored."""
MIN_AREA_FRACTION = 1 / 4000
"""What is left of an instance that is cut off is ignored if its area is a smaller fraction of the image."""
TOLERANCE = 1e-6
"""Positions that differ by less are the same, px."""


@dataclass(frozen=True)
class MovedShape:
    """What is left of an instance in the image: its mask, or its box if it has no mask.

    Attributes:
        mask: bool (height, width), or None.
        box: x0, y0, x1, y1 in px, inside the image, or None.
        is_rest: whether the image cuts the instance off and so little is left that it does not count.
    """

    mask: np.ndarray | None
    box: tuple[float, float, float, float] | None
    is_rest: bool


def move_shape(
    instance: Instance, transform: Transform, size: tuple[int, int], min_visible: float, place: str
) -> MovedShape | None:
    """Return an instance's shape after a transform; None if nothing of it is left in the image.

    Args:
        instance: the instance.
        transform: a transform of its image.
        size: width and height of the image, px.
        min_visible: fraction of the instance below which what is left is a rest.
        place: the image and the instance, for messages.

    Raises:
        UserError: the instance has only a box, which the transform rotates; ignored instances keep the box around it.
    """
    x0, y0, x1, y1 = transform.apply_to_box(instance.box)
    is_cut = min(x0, y0) < -TOLERANCE or x1 > size[0] + TOLERANCE or y1 > size[1] + TOLERANCE
    mask, box = None, None
    if instance.rle is not None:
        mask = transform.apply_to_mask(instance.decode_mask())
        area = float(mask.sum())
    elif transform.is_axis_aligned or instance.ignore:
        box = (max(x0, 0.0), max(y0, 0.0), min(x1, float(size[0])), min(y1, float(size[1])))
        area = max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0)
    else:
        raise UserError(
            f"{place}: has only a box, and that of a rotated object cannot be computed from it; leave `affine` out of "
            "the transforms, or use data with masks"
        )
    if area == 0:
        return None
    visible = area / (instance.area * transform.area_scale)
    is_small = visible < min_visible or area < MIN_AREA_FRACTION * size[0] * size[1]
    return MovedShape(mask, box, is_cut and is_small)
