"""An image of a red and a blue disc on green, with masks and with boxes only, and batches of it."""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from samgap.masks import rle
from samgap.training.sam2.batch import PIXEL_MEAN, PIXEL_STD, BatchLoader
from samgap.training.tasks import DatasetSource

SIDE = 128
"""The side of a view of the model, px."""
RED, BLUE, GREEN = (230, 20, 20), (20, 20, 230), (20, 160, 20)


def write_discs(folder: Path) -> None:
    """Write `a.png` with its ground truth, `masks.json` and `boxes.json`, to a folder."""
    rows, columns = np.mgrid[:160, :200]
    pixels = np.full((160, 200, 3), GREEN, np.uint8)
    annotations = []
    for number, (x, y, radius, colour) in enumerate([(60, 70, 25, RED), (140, 90, 18, BLUE)], start=1):
        mask = (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
        pixels[mask] = colour
        box = [x - radius, y - radius, 2 * radius + 1, 2 * radius + 1]
        encoded = {"size": [160, 200], "counts": rle.encode(mask)["counts"].decode()}
        row = {"id": number, "image_id": 1, "category_id": 1, "bbox": box, "area": int(mask.sum()), "attributes": {}}
        annotations.append({**row, "segmentation": encoded, "ignore": 0})
    Image.fromarray(pixels).save(folder / "a.png")
    image = {"id": 1, "file_name": "a.png", "width": 200, "height": 160, "group": "a"}
    content = {"info": {"nouns": ["apple"], "attributes": {}}, "images": [image]}
    content["categories"] = [{"id": 1, "name": "apple"}]
    (folder / "masks.json").write_text(json.dumps({**content, "annotations": annotations}), encoding="utf-8")
    boxes = [{**row, "segmentation": None} for row in annotations]
    (folder / "boxes.json").write_text(json.dumps({**content, "annotations": boxes}), encoding="utf-8")


def make_loader(folder: Path, *files: str, **options) -> BatchLoader:
    """Return the loader of batches of ground-truth files in a folder, each with the same share of the images."""
    sources = [DatasetSource(folder, folder / file, file, 1 / len(files)) for file in files]
    return BatchLoader(sources, SIDE, {"batch": 3, "objects": 4, **options})


def to_rgb(pixels: torch.Tensor) -> np.ndarray:
    """Return normalised pixels (..., 3, h, w) as RGB (..., h, w, 3), 0 to 255."""
    return (np.moveaxis(pixels.numpy(), -3, -1) * PIXEL_STD + PIXEL_MEAN) * 255
