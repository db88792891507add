"""Mask AP: COCO's mean average precision, with phrases as categories.

The predictions of a phrase over all images are ranked by score and matched greedily within their image. Precision is
made monotone and read at 101 recalls; the mean is over IoU 0.50, 0.55 … 0.95 and over phrases that are present in some
image. Every score counts, independently of the score threshold; equal scores are ranked by image id, then by prediction
id. Variants:

- `map`: 1,000 predictions per image; `map-coco`: COCO's 100, which truncates crowded trees.
- `map-50`, `map-75`: one IoU threshold.
- `map-small`, `map-medium`, `map-large`: instances up to 32² px, 32² to 96² px, and from 96² px, limits included as in
  COCO. Other instances count neither as matched nor as missed.

Instances of a phrase's nouns that are marked `ignore` are treated as COCO's crowds. COCO's −1 is "not evaluable" here.
Not evaluable for spatial prompts, whose scores do not rank anything.
"""

from samgap.metrics.average_precision import average_precision_variants

VARIANTS = ("", "50", "75", "small", "medium", "large", "coco")

METRICS = average_precision_variants("mask", "mAP", source="pycocotools' `COCOeval`, equal to the last digit")
