"""Reading of images, and conversion of predictions to rows of table `masks`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from samgap.errors import UserError
from samgap.models import Prediction

HIGH_BIT_DEPTH_MODES = ("I", "F", "I;16", "I;16B", "I;16L")
"""Pillow's modes with more than 8 bits per channel. Pillow clips them on conversion to RGB instead of scaling them."""

OUT_OF_MEMORY_MESSAGE = "out of memory, even with one prompt; use a smaller model or a device with more memory"


def open_image(path: Path, image_row: Mapping[str, Any]) -> Image.Image:
    """Return an image as RGB.

    The EXIF orientation is not applied here: the data set was written in the orientation of its labels
    (`samgap.datasets.photographs`). A grey image gets three equal channels; transparency is dropped.

    Args:
        path: the image file.
        image_row: row of table `images`, with the expected `width` and `height`.

    Raises:
        UserError: the file is not readable, has another size, or has more than 8 bits per channel.
    """
    try:
        with Image.open(path) as file:
            if file.mode in HIGH_BIT_DEPTH_MODES:
                raise UserError(f"{path}: more than 8 bits per channel (mode {file.mode}); save it with 8")
            image = file.convert("RGB")
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: not a readable image ({error}); make the data set again") from error
    if image.size != (image_row["width"], image_row["height"]):
        raise UserError(
            f"{path}: the image has {image.width}x{image.height} px, but images.parquet lists "
            f"{image_row['width']}x{image_row['height']} px; make the data set again"
        )
    return image


def to_records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a data frame as mappings."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def make_mask_row(
    prompt: Mapping[str, Any],
    prediction_id: int,
    prediction: Prediction,
    image_row: Mapping[str, Any],
    n_clicks: int | None = None,
) -> dict[str, Any]:
    """Return a row of table `masks`.

    Args:
        prompt: row of table `prompts`.
        prediction_id: index of the prediction within its prompt.
        prediction: the predicted mask.
        image_row: row of table `images`.
        n_clicks: the number of clicks before the prediction, in the interactive protocol.
    """
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
        "presence": prediction.presence,
        "clicks": n_clicks,
    }
