"""Mean boundary IoU over the prompted instances, each with the prediction that is assigned to it.

IoU of two bands. The band of a mask is the set of its pixels that d erosions by 3×3 remove; d is 0.02 of the image's
diagonal, rounded, or 2 px (`boundary-iou-2px`). Pixels outside the image are background. For an apple, 0.02 of the
diagonal is more than its radius, so `boundary-iou` equals `iou`. An instance without an assigned prediction counts 0.
Not evaluable if no annotated instance is prompted.
"""

from samgap.metrics.instance_means import mean_over_instances

VARIANTS = ("", "2px")
SOURCE = "Cheng et al. (2021) and their boundary-iou-api"

METRICS = {
    "": mean_over_instances("boundary_iou", label="Boundary IoU", source=SOURCE),
    "2px": mean_over_instances("boundary_iou_2px", label="Boundary IoU (2 px)", source=SOURCE),
}
