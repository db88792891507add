"""Mean relative error of an instance's area, over the instances asked for that something answers.

|area of the prediction − area of the truth| / area of the truth. Source: the usual definition.
Range 0 upwards, lower is better. An instance without an assigned prediction is left out; undefined (NaN) where none is
answered.
"""

from samgap.metrics import _ratio

VARIANTS = ("",)


def variant(name: str) -> _ratio.Ratio:
    return _ratio.mean_over_matched("area_error", "fraction", float("inf"))
