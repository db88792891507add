"""Box AP: COCO's mean average precision of boxes, with phrases as categories.

As `map`, with the IoU of boxes: `box-map` with 1,000 predictions per image, `-coco` with 100, `-50` and `-75` at one
IoU threshold, `-small`, `-medium` and `-large` by the area of the instance's mask (of its box, if it has no mask). A
prediction's box is the one that the model returned. No masks are needed in the ground truth.
"""

from samgap.metrics.average_precision import average_precision_variants

VARIANTS = ("", "50", "75", "small", "medium", "large", "coco")

METRICS = average_precision_variants("box", "Box mAP", source="pycocotools' `COCOeval`, equal to the last digit")
