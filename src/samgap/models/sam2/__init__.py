"""Family `sam2`: the package `sam2`, for points, boxes, masks, clicks, grids of points and tracks.

Options: `config` (one of the package's configurations), `overrides` (Hydra overrides by key, for a small model),
`keep` (whether the masks that are not chosen are kept), and those of `samgap.models.runtime.precision`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samgap.models import Model, Tracker

if TYPE_CHECKING:
    from torch import nn

KINDS = ("spatial", "automatic")
OPTIONS = {
    "required": ["config", "weights"],
    "properties": {
        "config": {"description": "Name of a configuration of the package sam2.", "$ref": "#/$defs/text"},
        "overrides": {
            "description": "Hydra overrides of `config` by key, or the path of a YAML file with them; default is none.",
            "$ref": "#/$defs/settings",
        },
        "keep": {"$ref": "#/$defs/keep-masks"},
        "precision": {"$ref": "#/$defs/precision"},
        "compile": {"$ref": "#/$defs/compile"},
        "channels-last": {"$ref": "#/$defs/channels-last"},
    },
}


def build_network(options: Mapping[str, Any], device: str) -> "nn.Module":
    """Return the image model without weights, for the inventory."""
    from samgap.models.sam2.image import build_model

    return build_model(options, device)


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> Model:
    """Return the image model with its weights."""
    from samgap.models.sam2.image import open_model

    return open_model(options, weights, device)


def open_tracker(options: Mapping[str, Any], weights: Path, device: str) -> Tracker:
    """Return the video model with its weights, for prompt sets of kind `track`."""
    from samgap.models.sam2.video import open_tracker

    return open_tracker(options, weights, device)
