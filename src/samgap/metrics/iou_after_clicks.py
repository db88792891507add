"""Mean IoU after 1, 2, 3, 5, 10 or 20 clicks, over instances.

A series that ended early keeps its last IoU. Source: the SAM and SAM2 papers' mIoU at k clicks. Range 0 to 1.
An instance that nothing answers counts 0. Not evaluable where no prompt is corrected by clicks.
"""

from samgap.metrics import _clicks, _ratio

VARIANTS = ("1", "2", "3", "5", "10", "20")


def variant(name: str) -> _ratio.Ratio:
    return _ratio.Ratio(
        _clicks.reduce_click_ious(_clicks.iou_after(int(name))),
        _ratio.constant,
        _clicks.is_click_prompt,
        _clicks.not_evaluable_reason,
    )
