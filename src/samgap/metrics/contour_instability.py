"""Contour instability, DAVIS's T: what it costs to turn an object's contour into the one of the frame before.

The outer contour of the largest part is sampled at 100 points; a point's shape context counts the others in 5 rings by
log distance × 12 directions; points of both contours are paired by dynamic programming, from where a cyclic shift says
that both begin; the mean χ² cost of the pairs, mean over steps from frame to frame. Source: Belongie, Malik & Puzicha
(2002); DAVIS's T (Perazzi et al. 2016), which samples contours and chooses their beginning in ways of its own: figures
are not to be set beside DAVIS's. Range 0 to 1, lower is better, 0 for the same shape wherever it goes; what hides an
object changes its shape too. Steps without a mask on both frames are left out: read it beside `j-and-f`. Not evaluable
where no single object is asked for on two frames in a row.
"""

from samgap.metrics import _ratio, _steps

VARIANTS = ("",)


def variant(name: str) -> _ratio.Ratio:
    rows, applies = (
        _steps.has_value("contour_cost"),
        _steps.require_rows(_steps.has_value("contour_cost"), _steps.NO_STEP),
    )
    return _ratio.Ratio(_steps.zero_filled("contour_cost"), _ratio.column("n_contours"), rows, applies, BY_PHRASE=False)
