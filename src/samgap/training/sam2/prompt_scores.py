"""The validation of a training with spatial prompts: the mean IoU of boxes and points."""

from typing import Any

VALIDATION_PROMPTS: tuple[dict[str, Any], ...] = (
    {"kind": "box", "options": {}, "scores": {"iou": "val_box_iou"}},
    {
        "kind": "point",
        "options": {"points": 1, "place": "centre", "negative-points": 0},
        "scores": {"iou": "val_point_iou"},
    },
)
"""Arguments of `samgap.training.tasks.make_validator`."""
