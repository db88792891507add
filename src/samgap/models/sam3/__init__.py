"""Family `sam3`: the package `sam3`, prompted by noun phrases and exemplar boxes, and where it has its interactive head
by points, boxes, masks and clicks.

Options: `architecture` (sizes of a small model; without it the published one is built), `interactive` (the weights hold
the head for points, boxes, masks and clicks, and the tracker; the published file does), `nms` (mask IoU above which
of two detections of a phrase only the better one is kept), and those of `samgap.models.runtime.precision`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.models import Model, Tracker

KINDS = ("phrases", "templates", "perturbations", "exemplar")
KINDS_WITH = {"interactive": ("spatial", "grid")}


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> Model:
    """The image model with its weights."""
    from samgap.models.sam3 import image

    return image.open_model(options, weights, device)


def open_tracker(options: Mapping[str, Any], weights: Path, device: str) -> Tracker:
    """The tracker alone with its weights, for objects that are tracked through sequences (kind `track`)."""
    from samgap.models.sam3 import video

    return video.open_tracker(options, weights, device)
