"""Mean 95 % Hausdorff distance of the instances asked for that something answers, px.

Of both boundaries, the greater of the two 95 % quantiles (linear between neighbours) of a pixel's Euclidean distance to
the other boundary. Source: Huttenlocher et al. (1993); the 95 % quantile as in Taha & Hanbury (2015).
Range 0 upwards, lower is better. An instance without an assigned prediction has no distance and is left out: read it
beside the recall. Undefined (NaN) where nothing is answered.
"""

from samgap.metrics import _ratio

VARIANTS = ("",)


def variant(name: str) -> _ratio.Ratio:
    return _ratio.mean_over_matched("hausdorff_95_px", "px", float("inf"))
