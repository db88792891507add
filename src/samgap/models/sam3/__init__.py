"""Family `sam3`: the package `sam3`, for noun phrases and exemplar boxes; its interactive head adds SAM2's prompts.

Options: `architecture` (the sizes of a small model; default: the published model), `interactive` (whether the weights
contain the interactive head and the tracker, as the published file does), `tracks` (whether these have the tracker's
memory), `nms` (mask IoU above which, of two detections of a phrase, the one with the lower score is removed),
`presence` (whether scores include the predicted presence of the phrase), `keep` (of the interactive head: whether the
masks that are not chosen are kept), and those of `samgap.models.runtime.precision`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samgap.models import Model, Tracker

if TYPE_CHECKING:
    from torch import nn

KINDS = ("text", "exemplars")
SCORE_THRESHOLD = 0.5  # the default of sam3's image processor
KINDS_WITH = {"interactive": ("spatial", "automatic")}
MODULES_WITH = {"interactive": ("samgap.models.sam3.interactive",)}
KINDS_WITHOUT = {"tracks": ("sequence",)}
OPTIONS = {
    "required": ["weights"],
    "properties": {
        "architecture": {
            "description": (
                "Sizes of a small SAM3, or the path of a YAML file with them; default is the published model."
            ),
            "$ref": "#/$defs/settings",
        },
        "precision": {"$ref": "#/$defs/precision"},
        "compile": {"$ref": "#/$defs/compile"},
        "channels-last": {"$ref": "#/$defs/channels-last"},
        "interactive": {
            "description": (
                "Whether the weights include the interactive head for boxes, points, masks, clicks and tracks. Those "
                "of the published model do."
            ),
            "type": "boolean",
            "default": False,
        },
        "tracks": {
            "description": (
                "Whether the weights of the interactive head include the memory of the tracker, as the published ones "
                "do; false refuses prompt sets of tracks."
            ),
            "type": "boolean",
            "default": True,
        },
        "presence": {
            "description": (
                "The presence that a score is multiplied by; as the model predicts it for the phrase, or fixed to 1, "
                "so that a score is that of the mask alone. Column `presence` of the masks has the prediction in both "
                "cases."
            ),
            "enum": ["predicted", "fixed"],
            "default": "predicted",
        },
        "keep": {"$ref": "#/$defs/keep-masks"},
        "nms": {
            "description": (
                "IoU threshold of non-maximum suppression among the masks of a phrase, as in the published video model "
                "(0.1); default is no suppression."
            ),
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
        },
    },
    "allOf": [
        {
            "if": {"not": {"required": ["interactive"], "properties": {"interactive": {"const": True}}}},
            "then": {
                "properties": {
                    "keep": {
                        "description": "Without the interactive head no prompt has several masks.",
                        "not": {
                            "description": (
                                "is all-masks, but only the interactive head predicts several masks; set "
                                "`interactive: true`, or remove keep"
                            ),
                            "const": "all-masks",
                        },
                    },
                },
            },
        },
    ],
}


def build_network(options: Mapping[str, Any], device: str) -> "nn.Module":
    """Return the image model without weights, for the inventory."""
    from samgap.models.sam3.build import build_image_model

    return build_image_model(options, device)


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> Model:
    """Return the image model with its weights."""
    from samgap.models.sam3.image import open_model

    return open_model(options, weights, device)


def open_tracker(options: Mapping[str, Any], weights: Path, device: str) -> Tracker:
    """Return the tracker with its weights, for prompt sets of kind `track`."""
    from samgap.models.sam3.video import open_tracker

    return open_tracker(options, weights, device)
