"""Mean IoU after 1, 2, 3, 5, 10 or 20 clicks, over instances.

A series that ended earlier keeps its last IoU. An instance without a prediction counts 0. Not evaluable without
prompts that are corrected by clicks.
"""

from samgap.metrics.clicks import iou_after, mean_over_click_prompts
from samgap.metrics.operating_point import TARGET_KNOWN

VARIANTS = ("1", "2", "3", "5", "10", "20")

METRICS = {
    variant: mean_over_click_prompts(
        iou_after(int(variant)),
        higher_is_better=True,
        operating_point=TARGET_KNOWN,
        label=f"mIoU@{variant} click{'' if variant == '1' else 's'}",
        source="the SAM and SAM2 papers' mIoU at k clicks",
    )
    for variant in VARIANTS
}
