"""A measure's mean over those instances asked for that something answers: how good a mask is where there is one.

As `iou`, `dice`, `boundary-f-…`, but an instance without an assigned prediction (no prediction of the prompt has a
pixel in common with it) is left out in place of counting 0. Source: the paper's comparison of mask quality on matched
pairs. Range 0 to 1; undefined (NaN) where nothing is answered. A model that answers only what is easy gains here:
read it beside the recall.
"""

from samgap.metrics import _ratio

VARIANTS = (
    "iou",
    "dice",
    "boundary-f-1px",
    "boundary-f-2px",
    "boundary-f-3px",
    "boundary-f-5px",
    "boundary-f-relative",
    "boundary-f-davis",
    "boundary-iou",
)


def variant(name: str) -> _ratio.Ratio:
    return _ratio.mean_over_matched(name.replace("-", "_"))
