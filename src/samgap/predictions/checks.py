"""Prompts that cannot be asked: left out and named, so that the rest of a shard is answered."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

PHRASE_KINDS = ("phrase", "other")
"""Kinds of rows that are asked in words, or by examples in their place."""


SPATIAL_KINDS = ("box", "point", "point-box", "mask", "clicks", "grid")
"""Kinds of rows that show something."""


def split_valid(
    prompts: Iterable[Mapping[str, Any]], image_row: Mapping[str, Any]
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The prompts of an image (rows of tables `prompts` and `images`) that can be asked, and a line for each other."""
    fit, told = [], []
    for prompt in prompts:
        why = invalid_reason(prompt, image_row)
        if why is None:
            fit.append(prompt)
        else:
            told.append(f"prompt {prompt['prompt_id']} of image {image_row['file']} left out: {why}")
    return fit, told


def invalid_reason(prompt: Mapping[str, Any], image_row: Mapping[str, Any]) -> str | None:
    """Why the prompt cannot be asked of the image, or None."""
    width, height = image_row["width"], image_row["height"]
    points, boxes = _as_list(prompt.get("points")), _as_list(prompt.get("boxes"))
    for point in points:
        at = f"point ({point['x']:g}, {point['y']:g})"
        if not (math.isfinite(point["x"]) and math.isfinite(point["y"])):
            return f"{at} has a coordinate that is no number"
        if not (0 <= point["x"] < width and 0 <= point["y"] < height):
            return f"{at} lies outside the image of {width}x{height} px"
    for box in boxes:
        corners = [float(box[edge]) for edge in ("x0", "y0", "x1", "y1")]
        at = "box ({:g}, {:g}, {:g}, {:g})".format(*corners)
        if not all(map(math.isfinite, corners)):
            return f"{at} has a coordinate that is no number"
        if not (corners[0] < corners[2] and corners[1] < corners[3]):
            return f"{at} has no area"
        if not (corners[0] < width and corners[1] < height and corners[2] > 0 and corners[3] > 0):
            return f"{at} lies outside the image of {width}x{height} px"
    if prompt.get("kind") in SPATIAL_KINDS and not points and not boxes and prompt.get("mask") is None:
        return "it shows neither a point, nor a box, nor a mask"
    if prompt.get("kind") in PHRASE_KINDS and not boxes and not (prompt.get("phrase") or "").strip():
        return "its phrase is empty"
    return None


def _as_list(value: Any) -> list[Mapping[str, Any]]:
    return [] if value is None else list(value)
