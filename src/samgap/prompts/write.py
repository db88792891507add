"""Rows of a prompt set: validate them against the images, number them and write the table."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.errors import UserError
from samgap.prompts.kinds import get_row_kind
from samgap.tables.prompts import PROMPTS

NULL_COLUMNS = {"phrase": None, "points": None, "boxes": None, "mask": None}


def write_prompts(
    path: str | Path, rows: Iterable[Mapping[str, Any]], truth: GroundTruth, provenance: Mapping[str, Any]
) -> int:
    """Write table `prompts` and return its number of rows.

    Args:
        path: the Parquet file.
        rows: rows without `prompt_id`; missing columns are null.
        truth: the images that the rows belong to.
        provenance: is stored with the table.

    Raises:
        UserError: a prompt is not valid on its image; no file is written.
    """
    numbered = []
    counts: dict[int, int] = {}
    for row in rows:
        validate_prompt(row, truth.images[row["image_id"]])
        number = counts[row["image_id"]] = counts.get(row["image_id"], 0) + 1
        numbered.append({**NULL_COLUMNS, **row, "prompt_id": f"{row['image_id']}-{number}"})
    PROMPTS.write(path, numbered, provenance)
    return len(numbered)


def validate_prompt(prompt: Mapping[str, Any], image_row: Mapping[str, Any]) -> None:
    """Check a prompt against its image.

    Args:
        prompt: row of table `prompts`.
        image_row: entry of `GroundTruth.images`.

    Raises:
        UserError: the kind is undeclared, a point or a box is not inside the image, or the phrase is empty.
    """
    row_kind = get_row_kind(prompt["kind"])
    width, height = image_row["width"], image_row["height"]
    where = f"image {image_row['file_name']} ({width}x{height} px)"
    for point in prompt.get("points") or []:
        if not (0 <= point["x"] < width and 0 <= point["y"] < height):
            raise UserError(
                f"{where}: prompt point ({point['x']}, {point['y']}) is outside the image; correct the prompt set"
            )
    for box in prompt.get("boxes") or []:
        is_inside = 0 <= box["x0"] < box["x1"] <= width and 0 <= box["y0"] < box["y1"] <= height
        if not is_inside:
            corners = ", ".join(str(box[edge]) for edge in ("x0", "y0", "x1", "y1"))
            raise UserError(f"{where}: prompt box ({corners}) is empty or outside the image; correct the prompt set")
    if row_kind.takes_phrase and not (prompt.get("phrase") or "").strip():
        raise UserError(f"{where}: an empty phrase; correct the prompt set")
