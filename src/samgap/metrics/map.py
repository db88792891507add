"""Mask AP, mean average precision as COCO has it; a phrase is a category.

Predictions of a phrase over all images, ranked by score and matched greedily within their image; precision made
monotone and read at 101 recalls; mean over IoU 0.50, 0.55 … 0.95 and over phrases that some image has. `map` counts
1,000 predictions an image, `map-coco` COCO's 100, which cuts off crowded trees; `map-50`, `map-75`: at that IoU
alone; `map-small`, `map-medium`, `map-large`: instances below 32² px, to 96² px, above (others neither hit nor
false). Instances to be ignored count as COCO's crowds. Source: pycocotools' `COCOeval`, to its last digit. Range 0 to
1 (COCO's −1 is "not evaluable" here). Every score counts, whatever the score threshold. Not evaluable for spatial
prompts, whose scores rank nothing.
"""

from samgap.metrics import _ap

VARIANTS = ("", "50", "75", "small", "medium", "large", "coco")


def variant(name: str) -> _ap.AveragePrecision:
    return _ap.make_variant("mask", name)
