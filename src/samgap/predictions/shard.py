"""One shard: every image is encoded once, all its prompts are answered, masks are kept as RLE."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from samgap.errors import UserError
from samgap.models import Model, Prediction
from samgap.progress import progress
from samgap.truth import Truth

logger = logging.getLogger("samgap")


def predict(
    model: Model, images: pd.DataFrame, folder: Path, prompts: pd.DataFrame, device: str, truth: Truth | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of the tables `masks` and `timing` for `images` (rows of table `images`) and their `prompts`.

    Clicks correct an answer by the `truth`, which nothing else here may see.
    """
    asked = {image_id: _records(rows) for image_id, rows in prompts.groupby("image_id")}
    masks: list[dict[str, Any]] = []
    timing: list[dict[str, Any]] = []
    with progress("predictions", len(images), "images") as step:
        for image in _records(images):
            rows = asked.get(image["image_id"], [])
            if rows:
                started = time.perf_counter()
                picture = open_image(folder / image["file"], image)
                read = time.perf_counter()
                model.encode(picture)
                encoded = time.perf_counter()
                masks += _answers(model, rows, image, truth)
                answered = time.perf_counter()
                timing.append(
                    {
                        "image_id": image["image_id"],
                        "n_prompts": len(rows),
                        "read_ms": 1e3 * (read - started),
                        "encode_ms": 1e3 * (encoded - read),
                        "decode_ms": 1e3 * (answered - encoded),
                        "device": device,
                    }
                )
            step(1)
    logger.info("%d images, %d prompts, %d masks", len(timing), sum(row["n_prompts"] for row in timing), len(masks))
    return masks, timing


def _answers(
    model: Model, rows: list[dict[str, Any]], image: Mapping[str, Any], truth: Truth | None
) -> list[dict[str, Any]]:
    if rows[0].get("kind") != "clicks":
        answers = zip(rows, model.answer(rows), strict=True)
        return [_row(row, index, one, image) for row, answer in answers for index, one in enumerate(answer)]
    from samgap.models._clicks import clicked  # imports torch

    assert truth is not None
    by_id = {item.id: item for item in truth.of(image["image_id"])}
    truths = [by_id[row["truth_ids"][0]].mask() for row in rows]
    series = zip(rows, clicked(model, rows, truths), strict=True)  # type: ignore[arg-type]
    return [_row(row, index, one, image, index + 1) for row, answer in series for index, one in enumerate(answer)]


def open_image(path: Path, image: Mapping[str, Any]) -> Image.Image:
    """The image as RGB, of the size that the table states; unreadable or of another size raises UserError."""
    try:
        with Image.open(path) as file:
            picture = file.convert("RGB")
    except OSError as error:
        raise UserError(f"{path}: not a readable image ({error}); make the data set again") from error
    if picture.size != (image["width"], image["height"]):
        raise UserError(
            f"{path}: is {picture.width}x{picture.height} px, images.parquet says {image['width']}x{image['height']}; "
            "make the data set again"
        )
    return picture


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _row(
    prompt: Mapping[str, Any], index: int, one: Prediction, image: Mapping[str, Any], clicks: int | None = None
) -> dict[str, Any]:
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
