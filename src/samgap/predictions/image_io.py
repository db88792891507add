"""Images as they are read, and rows of tables in and out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from samgap.errors import UserError
from samgap.models import Prediction

HIGH_BIT_DEPTH_MODES = ("I", "F", "I;16", "I;16B", "I;16L")
"""Pillow's modes of more than 8 bits a channel: what it makes of them in RGB is cut off, not scaled."""

OUT_OF_MEMORY_MESSAGE = (
    "the model does not fit into the memory with it; take a smaller model or a device with more memory"
)


def open_image(path: Path, image_row: Mapping[str, Any]) -> Image.Image:
    """The image as RGB, of the size that the table states; unreadable or of another size raises UserError.

    Its pixels as they are stored: whether a camera's note that they are to be turned is followed was decided when the
    data set was made, for the labels together with the pixels (`samgap.datasets.photographs`). A grey image has three
    equal channels; transparency is left out; more than 8 bits a channel are refused.
    """
    try:
        with Image.open(path) as file:
            if file.mode in HIGH_BIT_DEPTH_MODES:
                raise UserError(f"{path}: more than 8 bits a channel (mode {file.mode}); save it with 8")
            picture = file.convert("RGB")
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: not a readable image ({error}); make the data set again") from error
    if picture.size != (image_row["width"], image_row["height"]):
        raise UserError(
            f"{path}: is {picture.width}x{picture.height} px, images.parquet says {image_row['width']}x{image_row['height']}; "
            "make the data set again"
        )
    return picture


def to_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a data frame, as mappings."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def make_mask_row(
    prompt: Mapping[str, Any],
    prediction_id: int,
    prediction: Prediction,
    image_row: Mapping[str, Any],
    n_clicks: int | None = None,
) -> dict[str, Any]:
    """A row of table `masks`."""
    x0, y0, x1, y1 = prediction.box
    return {
        "prompt_id": prompt["prompt_id"],
        "prediction_id": prediction_id,
        "image_id": prompt["image_id"],
        "score": prediction.score,
        "x0": x0,
        "y0": y0,
        "x1": x1,
        "y1": y1,
        "height": image_row["height"],
        "width": image_row["width"],
        "area_px": prediction.area,
        "rle": prediction.rle,
        "clicks": n_clicks,
    }
