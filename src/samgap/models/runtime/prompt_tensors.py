"""Point, box and mask prompts as arrays, in the form that SAM2's prompt encoder and SAM3's interactive head take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from samgap.models import get_only_box


@dataclass
class PromptBatch:
    """Prompts of one form, in px of the original image.

    All have the same number of points; either all have a box or none, and either all have a mask or none.

    Point coordinates are those of the packages, where the centre of the first pixel is 0; in table `prompts` it is 0.5
    (see `stack_points`).
    """

    point_coords: np.ndarray | None  # float32 (n, points, 2): x, y
    point_labels: np.ndarray | None  # int32 (n, points): 1 foreground, 0 background
    boxes: np.ndarray | None  # float32 (n, 4): x0, y0, x1, y1
    mask_inputs: torch.Tensor | None  # float32 (n, 1, side / 4, side / 4): logits of a prior mask


@dataclass
class MaskBatch:
    """One mask for each prompt of a `PromptBatch`."""

    masks: np.ndarray  # bool (n, height, width)
    scores: np.ndarray  # float32 (n,): predicted IoU
    logits: torch.Tensor  # float32 (n, 1, side / 4, side / 4): mask input for a further click


def stack_points(prompts: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the points of prompts with equally many points each.

    Half a pixel is subtracted, because the packages take the centre of the first pixel as 0 and add it again.

    Returns:
        Coordinates, float32 (prompts, points, 2) in px, and labels, int32 (prompts, points).
    """
    coordinates = [[(point["x"] - 0.5, point["y"] - 0.5) for point in prompt["points"]] for prompt in prompts]
    labels = [[point["label"] for point in prompt["points"]] for prompt in prompts]
    return np.array(coordinates, np.float32), np.array(labels, np.int32)


def stack_grid_points(prompt: Mapping[str, Any]) -> np.ndarray:
    """Return the points of a grid prompt, float32 (points, 2) in px.

    The half pixel is not subtracted: the automatic mask generator takes positions in the image, not pixel indices.
    """
    return np.array([(point["x"], point["y"]) for point in prompt["points"]], np.float32)


def stack_boxes(prompts: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return the box of each prompt, float32 (prompts, 4): x0, y0, x1, y1 in px.

    Raises:
        UserError: a prompt has several boxes, or a negative one.
    """
    boxes = [get_only_box(prompt) for prompt in prompts]
    return np.array([[box[edge] for edge in ("x0", "y0", "x1", "y1")] for box in boxes], np.float32)


def has_values(values: Any) -> bool:
    """Return whether a list column of table `prompts` is neither null nor empty."""
    return values is not None and len(values) > 0
