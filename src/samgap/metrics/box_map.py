"""Box AP, mean average precision of boxes as COCO has it; a phrase is a category.

As `map`, with the IoU of boxes: `box-map` at 1,000 predictions an image, `-coco` at 100, `-50` and `-75` at one IoU,
and by the size of the instance's mask (of its box, where it has none). A prediction's box is the one that the model
gave. Source: pycocotools' `COCOeval`, to its last digit. Range 0 to 1. Needs no masks in the ground truth.
"""

from samgap.metrics import _ap

VARIANTS = ("", "50", "75", "small", "medium", "large", "coco")


def variant(name: str) -> _ap.AveragePrecision:
    return _ap.make_variant("box", name)
