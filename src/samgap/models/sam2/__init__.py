"""Family `sam2`: the package `sam2`, prompted by points, boxes, masks and clicks, on a grid, and through sequences.

Options: `config` (one of the package's own configurations), `overrides` (hydra overrides by key, for a small model),
and those of `samgap.models.runtime.precision`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.models import Model, Tracker

KINDS = ("spatial", "grid")


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> Model:
    """The image model with its weights."""
    from samgap.models.sam2 import image

    return image.open_model(options, weights, device)


def open_tracker(options: Mapping[str, Any], weights: Path, device: str) -> Tracker:
    """The video model with its weights, for objects that are tracked through sequences (kind `track`)."""
    from samgap.models.sam2 import video

    return video.open_tracker(options, weights, device)
