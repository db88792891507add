"""Small COCO files with images, and a reader of them."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from samgap.datasets import AnnotatedImage, Annotation, coco
from samgap.datasets.left_out import ReturnedCounts
from samgap.errors import UserError

WIDTH, HEIGHT = 40, 30
OPTIONS: dict[str, Any] = {"annotations": ["labels.json"], "nouns": {"apple": "apple"}}


def make_jpeg(seed: int = 0, size: tuple[int, int] = (WIDTH, HEIGHT), mode: str = "RGB") -> bytes:
    """Return a JPEG of random pixels; `size` is width and height in px."""
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, "JPEG")
    return stream.getvalue()


def make_rotated_jpeg(orientation: Any, size: tuple[int, int] = (WIDTH, HEIGHT)) -> bytes:
    """Return a JPEG whose left half is bright, with an EXIF orientation; `size` is its stored size in px."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[:, : size[0] // 2] = 250
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=95, exif=exif)
    return stream.getvalue()


def square_mask(left: int = 5, top: int = 4, side: int = 6) -> np.ndarray:
    """Return a mask of a square, uint8, (HEIGHT, WIDTH)."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    mask[top : top + side, left : left + side] = 1
    return mask


def count_runs(mask: np.ndarray) -> list[int]:
    """Return the uncompressed COCO counts of a mask, counted pixel by pixel."""
    counts, value = [0], 0
    for pixel in mask.ravel(order="F"):
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return counts


def compress(mask: np.ndarray) -> dict[str, Any]:
    """Return the compressed COCO RLE of a mask."""
    rle = coco_mask.encode(np.asfortranarray(mask))
    return {"size": rle["size"], "counts": rle["counts"].decode()}


def make_labels(*annotations: dict[str, Any], images: tuple[str, ...] = ("a.jpg",)) -> dict[str, Any]:
    """Return the content of a COCO file; by default annotations belong to image 1 and category 3 (apple)."""
    rows = [{"id": number, "image_id": 1, "category_id": 3, **row} for number, row in enumerate(annotations, start=1)]
    image_rows = [
        {"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT}
        for number, name in enumerate(images, start=1)
    ]
    return {"images": image_rows, "categories": [{"id": 3, "name": "apple"}], "annotations": rows}


VALID_LABELS = make_labels({"bbox": [1, 1, 2, 2]}, images=("a.jpg", "b.jpg"))


def write_folder(path: Path, labels: dict[str, Any], **files: bytes) -> Path:
    """Write a folder with labels.json and `files`, by default the images of the labels."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    for name, content in (files or {row["file_name"]: make_jpeg() for row in labels["images"]}).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def get_full_mask(annotation: Annotation) -> np.ndarray:
    """Return the mask in the size of the image; check that the annotation has it cropped to its box."""
    assert annotation.mask.any(axis=0)[[0, -1]].all() and annotation.mask.any(axis=1)[[0, -1]].all()
    mask = np.zeros((HEIGHT, WIDTH), bool)
    row, column = annotation.offset
    mask[row : row + annotation.mask.shape[0], column : column + annotation.mask.shape[1]] = annotation.mask
    return mask


def read_coco(source: Path, **options: Any) -> list[AnnotatedImage]:
    """Return the images of a source with labels.json."""
    return list(coco.iter_images({**OPTIONS, **options}, {"data": source}, seed=0))


def read_coco_counts(source: Path, **options: Any) -> tuple[list[AnnotatedImage], dict[str, Any]]:
    """Return the images of a source with labels.json, and the counts of its annotations as in dataset.json."""
    images = ReturnedCounts(coco.iter_images({**OPTIONS, **options}, {"data": source}, seed=0))
    read = list(images)
    assert images.counts is not None
    return read, images.counts.to_card()


def read_coco_error(source: Path, **options: Any) -> str:
    """Return the message, one line, of the error that reading the source raises."""
    with pytest.raises(UserError) as caught:
        read_coco(source, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)
