"""Mean boundary IoU over the instances asked for, each with the one prediction assigned to it.

IoU of the two bands of pixels inside a mask that d erosions by 3×3 take away; d is 0.02 of the image's diagonal,
rounded, or 2 px. Outside the image is background.
Source: Cheng et al. (2021), and their boundary-iou-api.
Range 0 to 1. At apple scale 0.02 of the diagonal is more than an apple's radius, and the value that of plain IoU.
An instance that nothing answers counts 0. Not evaluable where no labelled instance is asked for.
"""

from samgap.metrics import _ratio

VARIANTS = ("", "2px")


def variant(name: str) -> _ratio.Ratio:
    return _ratio.mean("boundary_iou_2px" if name else "boundary_iou")
