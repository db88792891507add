"""Rows of a prompt set: checked against the images, numbered, written."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.errors import UserError
from samgap.tables.prompts import PROMPTS

NULL_COLUMNS = {"phrase": None, "points": None, "boxes": None, "mask": None}


def write_prompts(
    path: str | Path, rows: Iterable[Mapping[str, Any]], truth: GroundTruth, provenance: Mapping[str, Any]
) -> int:
    """Write table `prompts`; returns how many there are. A prompt outside its image raises UserError."""
    numbered = []
    counts: dict[int, int] = {}
    for row in rows:
        image = truth.images[row["image_id"]]
        validate_prompt(row, image)
        number = counts[row["image_id"]] = counts.get(row["image_id"], 0) + 1
        numbered.append({**NULL_COLUMNS, **row, "prompt_id": f"{row['image_id']}-{number}"})
    PROMPTS.write(path, numbered, provenance)
    return len(numbered)


def validate_prompt(prompt: Mapping[str, Any], image_row: Mapping[str, Any]) -> None:
    """Raise UserError where a point, a box or a phrase cannot be asked of `image`."""
    width, height = image_row["width"], image_row["height"]
    where = f"image {image_row['file_name']} ({width}x{height} px)"
    for point in prompt.get("points") or []:
        if not (0 <= point["x"] < width and 0 <= point["y"] < height):
            raise UserError(f"{where}: prompt point ({point['x']}, {point['y']}) lies outside; correct the prompt set")
    for box in prompt.get("boxes") or []:
        inside = 0 <= box["x0"] < box["x1"] <= width and 0 <= box["y0"] < box["y1"] <= height
        if not inside:
            corners = ", ".join(str(box[edge]) for edge in ("x0", "y0", "x1", "y1"))
            raise UserError(f"{where}: prompt box ({corners}) is empty or lies outside; correct the prompt set")
    if prompt["kind"] in ("phrase", "other") and not (prompt.get("phrase") or "").strip():
        raise UserError(f"{where}: an empty phrase; correct the prompt set")
