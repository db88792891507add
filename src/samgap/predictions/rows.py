"""Images as they are read, and rows of tables in and out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from samgap.errors import UserError
from samgap.models import Prediction

DEEP = ("I", "F", "I;16", "I;16B", "I;16L")
"""Pillow's modes of more than 8 bits a channel: what it makes of them in RGB is cut off, not scaled."""

TOO_LARGE = "the model does not fit into the memory with it; take a smaller model or a device with more memory"


def open_image(path: Path, image: Mapping[str, Any]) -> Image.Image:
    """The image as RGB, of the size that the table states; unreadable or of another size raises UserError.

    Its pixels as they are stored: whether a camera's note that they are to be turned is followed was decided when the
    data set was made, for the labels together with the pixels (`samgap.datasets._images`). A grey image has three
    equal channels; transparency is left out; more than 8 bits a channel are refused.
    """
    try:
        with Image.open(path) as file:
            if file.mode in DEEP:
                raise UserError(f"{path}: more than 8 bits a channel (mode {file.mode}); save it with 8")
            picture = file.convert("RGB")
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: not a readable image ({error}); make the data set again") from error
    if picture.size != (image["width"], image["height"]):
        raise UserError(
            f"{path}: is {picture.width}x{picture.height} px, images.parquet says {image['width']}x{image['height']}; "
            "make the data set again"
        )
    return picture


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a data frame, as mappings."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def mask_row(
    prompt: Mapping[str, Any], index: int, one: Prediction, image: Mapping[str, Any], clicks: int | None = None
) -> dict[str, Any]:
    """A row of table `masks`."""
    x0, y0, x1, y1 = one.box
    return {
        "prompt_id": prompt["prompt_id"],
        "prediction_id": index,
        "image_id": prompt["image_id"],
        "score": one.score,
        "x0": x0,
        "y0": y0,
        "x1": x1,
        "y1": y1,
        "height": image["height"],
        "width": image["width"],
        "area_px": one.area,
        "rle": one.rle,
        "clicks": clicks,
    }
