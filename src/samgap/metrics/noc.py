"""NoC, the number of clicks until a mask is good: at an IoU of 0.80, 0.85 or 0.90.

The first click after which the IoU is at the target, 20 where none is; mean over instances. `noc-90-failures`: the
share of instances that never reach it, told from the IoU, not from 20 clicks, at which some succeed. Source: Sofiiuk,
Petrov & Konushin (2022, RITM). Range 1 to 20, failures 0 to 1; lower is better. An instance that nothing answers is a
failure. Not evaluable where no prompt is corrected by clicks.
"""

from samgap.metrics import _clicks, _ratio

VARIANTS = ("80", "85", "90", "80-failures", "85-failures", "90-failures")


def variant(name: str) -> _ratio.Ratio:
    target = int(name[:2]) / 100
    rows = _ratio.constant, _clicks.is_click_prompt, _clicks.not_evaluable_reason
    if name.endswith("failures"):
        return _ratio.Ratio(_clicks.reduce_click_ious(_clicks.never_reaches(target)), *rows)
    return _ratio.Ratio(
        _clicks.reduce_click_ious(_clicks.clicks_to_reach(target)), *rows, "clicks", (1.0, float(_clicks.MAX_CLICKS))
    )
