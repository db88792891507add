"""NoC, the number of clicks until a mask reaches an IoU of 0.80, 0.85 or 0.90.

The first click after which the IoU is at the target, 20 if there is none; mean over instances. `noc-90-failures`: the
share of instances that never reach the target, decided by the IoU, because an instance may reach it at click 20. An
instance without a prediction is a failure. Not evaluable without prompts that are corrected by clicks.
"""

from samgap.metrics.base import SumMetric
from samgap.metrics.clicks import MAX_CLICKS, clicks_to_reach, mean_over_click_prompts, never_reaches
from samgap.metrics.operating_point import NOT_USED, OperatingPoint

VARIANTS = ("80", "85", "90", "80-failures", "85-failures", "90-failures")
SOURCE = "Sofiiuk, Petrov & Konushin (2022, RITM)"
TARGETS = (80, 85, 90)


def _make_operating_point(target: int) -> OperatingPoint:
    return OperatingPoint(f"{target / 100:.2f}", NOT_USED, NOT_USED)


def _number_of_clicks(target: int) -> SumMetric:
    return mean_over_click_prompts(
        clicks_to_reach(target / 100),
        operating_point=_make_operating_point(target),
        label=f"NoC@{target}",
        source=SOURCE,
        unit="clicks",
        value_range=(1.0, float(MAX_CLICKS)),
        higher_is_better=False,
        decimals=2,
    )


def _failure_rate(target: int) -> SumMetric:
    return mean_over_click_prompts(
        never_reaches(target / 100),
        operating_point=_make_operating_point(target),
        label=f"NoC@{target} failure rate",
        source=SOURCE,
        higher_is_better=False,
    )


METRICS = {
    **{f"{target}": _number_of_clicks(target) for target in TARGETS},
    **{f"{target}-failures": _failure_rate(target) for target in TARGETS},
}
