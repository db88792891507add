"""Family `sam3`: the package `sam3`, for noun phrases and exemplar boxes, and with its interactive head for all prompts
of SAM2.

Options: `architecture` (the sizes of a small model; default: the published model), `interactive` (whether the weights
contain the interactive head and the tracker, as the published file does), `nms` (mask IoU above which, of two
detections of a phrase, the one with the lower score is removed), and those of `samgap.models.runtime.precision`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.models import Model, Tracker

KINDS = ("text", "exemplars")
KINDS_WITH = {"interactive": ("spatial", "automatic")}


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> Model:
    """Return the image model with its weights."""
    from samgap.models.sam3.image import open_model

    return open_model(options, weights, device)


def open_tracker(options: Mapping[str, Any], weights: Path, device: str) -> Tracker:
    """Return the tracker with its weights, for prompt sets of kind `track`."""
    from samgap.models.sam3.video import open_tracker

    return open_tracker(options, weights, device)
