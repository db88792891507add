"""Training of the model family `sam2`."""

from typing import Any

OPTIONS = {
    "required": ["objects"],
    "properties": {
        "objects": {"description": "Instances prompted for in an image of a step.", "type": "integer", "minimum": 1},
        "drawn": {
            "description": (
                "Share of the steps whose targets are ellipses drawn into random boxes, which teach box prompts; a "
                "fraction."
            ),
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0,
        },
        "clicks": {
            "description": (
                "Maximum number of corrective clicks after the first prompt, each with the previous prediction as mask "
                "prompt. From 1 on, coarse masks are first prompts too."
            ),
            "type": "integer",
            "minimum": 0,
            "default": 0,
        },
        "precision": {
            "description": "Precision of matrix products and convolutions in training; bf16 is faster.",
            "enum": ["fp32", "bf16"],
            "default": "fp32",
        },
        "clips": {
            "description": "Short clips made of single images, which train memory and tracking; default is none.",
            "type": "object",
            "required": ["share", "frames", "objects"],
            "additionalProperties": False,
            "properties": {
                "share": {
                    "description": "Share of the steps that use clips instead of images, a fraction.",
                    "type": "number",
                    "exclusiveMinimum": 0,
                    "maximum": 1,
                },
                "frames": {"description": "Frames of a clip.", "type": "integer", "minimum": 2},
                "videos": {"description": "Clips a step.", "type": "integer", "minimum": 1, "default": 1},
                "objects": {"description": "Instances tracked in a clip.", "type": "integer", "minimum": 1},
            },
        },
    },
}


def open_task(**arguments: Any) -> Any:
    """Return the family's training task for `samgap.training.loop`; the arguments are those of `task.open_task`."""
    from samgap.training.sam2 import task

    return task.open_task(**arguments)
