"""Contour instability, DAVIS's T: the cost of aligning an object's contour with its contour on the previous frame.

The outer contour of the largest connected component is sampled at 100 points. The shape context of a point counts the
other points in 5 rings of log distance × 12 directions. Points of both contours are paired by dynamic programming,
starting at the best cyclic shift. The value is the mean χ² cost of the pairs, mean over steps from frame to frame: 0
for a constant shape, wherever it moves. Occlusion changes a shape too. DAVIS samples contours and chooses their start
differently, so values are not comparable with DAVIS's. Steps without a mask on both frames are left out, so compare
`j-and-f` as well. Not evaluable without an object that is prompted on two consecutive frames.
"""

from samgap.metrics.base import ratio
from samgap.metrics.columns import column
from samgap.metrics.operating_point import NO_MATCH
from samgap.metrics.sequences import NO_STEP, has_value, require_rows, zero_filled

METRICS = {
    "": ratio(
        zero_filled("contour_cost"),
        column("n_contours"),
        row_mask=has_value("contour_cost"),
        not_evaluable_reason=require_rows(has_value("contour_cost"), NO_STEP),
        by_phrase=False,
        operating_point=NO_MATCH,
        label="Contour instability (T)",
        source="Belongie, Malik & Puzicha (2002); DAVIS's T (Perazzi et al. 2016)",
        higher_is_better=False,
    )
}
