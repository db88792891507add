"""Mean relative error of the area, over the matched instances.

|area of the prediction − area of the instance| / area of the instance. An instance without an assigned prediction is
left out. Undefined (NaN) if no instance has an assigned prediction.
"""

from samgap.metrics.instance_means import mean_over_matched

METRICS = {
    "": mean_over_matched(
        "area_error",
        label="Relative area error",
        source="the usual definition",
        value_range=(0.0, float("inf")),
        higher_is_better=False,
    )
}
