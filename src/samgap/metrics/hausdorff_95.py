"""Mean 95 % Hausdorff distance in px, over the matched instances.

For each boundary, the 95 % quantile (linear interpolation) of the Euclidean distances from its pixels to the other
boundary; the greater of the two quantiles. An instance without an assigned prediction has no distance and is left out,
so compare the recall as well. Undefined (NaN) if no instance has an assigned prediction.
"""

from samgap.metrics.instance_means import mean_over_matched

METRICS = {
    "": mean_over_matched(
        "hausdorff_95_px",
        label="HD95 (px)",
        source="Huttenlocher et al. (1993); 95 % quantile as in Taha & Hanbury (2015)",
        unit="px",
        value_range=(0.0, float("inf")),
        higher_is_better=False,
        decimals=1,
    )
}
