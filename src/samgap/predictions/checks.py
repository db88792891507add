"""Validation of prompts before prediction, and of the scores after it.

An invalid prompt is skipped with a reason, and the others are predicted. A prompt whose predictions are not finite is
reported, and if most are, the shard fails.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from samgap.errors import UserError
from samgap.prompts.kinds import get_row_kind

FULL_PRECISION = "fp32"
"""The default of a model's option `precision`."""

MAX_NOT_FINITE_SHARE = 0.5
"""Share of the prompts of a shard that may have predictions with NaN or infinity. With more the shard fails."""


def split_valid(
    prompts: Iterable[Mapping[str, Any]], image_row: Mapping[str, Any]
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Split the prompts of an image into valid prompts and a message for each invalid one.

    Args:
        prompts: rows of table `prompts`.
        image_row: the row of table `images`.

    Raises:
        UserError: no kind of prompts declares the kind of a row.
    """
    valid, messages = [], []
    for prompt in prompts:
        reason = find_prompt_fault(prompt, image_row)
        if reason is None:
            valid.append(prompt)
        else:
            messages.append(f"prompt {prompt['prompt_id']} of image {image_row['file']} skipped: {reason}")
    return valid, messages


def find_prompt_fault(prompt: Mapping[str, Any], image_row: Mapping[str, Any]) -> str | None:
    """Return why a prompt is not valid on an image, or None if it is valid.

    Raises:
        UserError: no kind of prompts declares the kind of the row.
    """
    row_kind = get_row_kind(prompt["kind"])
    points, boxes = _as_list(prompt.get("points")), _as_list(prompt.get("boxes"))
    for point in points:
        if reason := _find_point_fault(point, image_row):
            return reason
    for box in boxes:
        if reason := _find_box_fault(box, image_row):
            return reason
    if row_kind.takes_phrase:
        has_phrase = bool((prompt.get("phrase") or "").strip())
        return None if has_phrase or boxes else "its phrase is empty"
    # Only the first row of a track has a prompt.
    if not row_kind.sequence and not points and not boxes and prompt.get("mask") is None:
        return "it has no point, no box and no mask"
    return None


def _find_point_fault(point: Mapping[str, Any], image_row: Mapping[str, Any]) -> str | None:
    width, height = image_row["width"], image_row["height"]
    name = f"point ({point['x']:g}, {point['y']:g})"
    if not (math.isfinite(point["x"]) and math.isfinite(point["y"])):
        return f"{name} has a coordinate that is not a finite number"
    if not (0 <= point["x"] < width and 0 <= point["y"] < height):
        return f"{name} is outside the image of {width}x{height} px"
    return None


def _find_box_fault(box: Mapping[str, Any], image_row: Mapping[str, Any]) -> str | None:
    width, height = image_row["width"], image_row["height"]
    x0, y0, x1, y1 = (float(box[edge]) for edge in ("x0", "y0", "x1", "y1"))
    name = f"box ({x0:g}, {y0:g}, {x1:g}, {y1:g})"
    if not all(map(math.isfinite, (x0, y0, x1, y1))):
        return f"{name} has a coordinate that is not a finite number"
    if not (x0 < x1 and y0 < y1):
        return f"{name} has no area"
    if not (x0 < width and y0 < height and x1 > 0 and y1 > 0):
        return f"{name} is outside the image of {width}x{height} px"
    return None


def _as_list(values: Any) -> list[Mapping[str, Any]]:
    return [] if values is None else list(values)


@dataclass(frozen=True)
class ModelLabel:
    """A model in messages: its id, and the option `precision` of it or of its components."""

    model_id: str = "model"
    precisions: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"model {self.model_id} (precision {', '.join(self.precisions)})"


UNNAMED_MODEL = ModelLabel()
"""The label where no model of a configuration is predicted with."""


def describe_model(model_id: str, options: Mapping[str, Any]) -> ModelLabel:
    """Return the label of a model.

    Args:
        model_id: id of the model.
        options: its entry in `models`; a composed model has those of its components in `parts`.
    """
    parts = options.get("parts", {"": options}).values()
    return ModelLabel(model_id, tuple(part.get("precision", FULL_PRECISION) for part in parts))


def check_finite_share(not_finite_images: Sequence[str], n_prompts: int, model: ModelLabel) -> None:
    """Check that most predictions are finite.

    Args:
        not_finite_images: the image of each prompt whose predictions are not finite.
        n_prompts: number of prompts of the shard.
        model: the label of the model (`describe_model`).

    Raises:
        UserError: the share of such prompts is larger than `MAX_NOT_FINITE_SHARE`.
    """
    if len(not_finite_images) > MAX_NOT_FINITE_SHARE * n_prompts:
        is_reduced = any(precision != FULL_PRECISION for precision in model.precisions)
        remedy = f"`precision: {FULL_PRECISION}` in the model's entry" if is_reduced else "other weights or another GPU"
        raise UserError(
            f"{model}: scores or masks of {len(not_finite_images)} of {n_prompts} prompts are NaN or infinite, "
            f"first on image {not_finite_images[0]}; try {remedy}"
        )
