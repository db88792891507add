"""What inference is measured against: the loops that the packages' own predictors ask for, and pictures for both.

The engine ends in RLEs, as that is what is kept. A loop does too, by pycocotools, or drops its masks. It encodes
an image once.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from pycocotools import mask as coco_mask

from samgap.models.runtime import device as _device
from samgap.predictions.image_io import to_records
from samgap.predictions.shard import predict_images

PHRASES = (
    "apple", "ripe apple", "unripe apple", "damaged apple", "orange", "pear", "ball", "leaf", "branch", "green apple",
    "red apple",
    "large apple", "small apple", "healthy apple", "rotten apple", "fruit", "trunk", "sky", "grass", "bird",
)  # fmt: skip
BOX_KEYS = ("x0", "y0", "x1", "y1")


def draw_images(folder: Path, n_images: int, width: int, height: int, n_objects: int) -> tuple[pd.DataFrame, list[Any]]:
    """Draw pictures of red disks on noise; returns the rows of table `images`, and the disks' boxes of each."""
    rows, boxes = [], []
    for image_id in range(n_images):
        random = np.random.default_rng(image_id)
        pixels = random.integers(30, 120, (height, width, 3)).astype(np.uint8)
        y, x = np.mgrid[:height, :width]
        radii = random.uniform(0.02, 0.05, n_objects) * height
        places = random.uniform(0.06, 0.94, (n_objects, 2)) * (width, height)
        for (left, top), radius in zip(places, radii, strict=True):
            pixels[(x - left) ** 2 + (y - top) ** 2 <= radius**2] = (200, 45, 40)
        Image.fromarray(pixels).save(folder / f"{image_id}.png", compress_level=1)
        rows.append({"image_id": image_id, "file": f"{image_id}.png", "width": width, "height": height})
        ends = np.clip(np.c_[places - radii[:, None], places + radii[:, None]], 0, [width, height] * 2)
        boxes.append([dict(zip(BOX_KEYS, map(float, end), strict=True), label=1) for end in ends])
    return pd.DataFrame(rows), boxes


def read_first_image(folder: Path, images: pd.DataFrame) -> Image.Image:
    """The first of the pictures, read."""
    return Image.open(folder / images["file"].iloc[0]).convert("RGB")


def make_box_prompts(images: pd.DataFrame, boxes: Sequence[Any]) -> pd.DataFrame:
    """Rows of table `prompts`: every box of every image."""
    return pd.DataFrame(
        [
            {"prompt_id": f"{n}-{k}", "image_id": n, "kind": "box", "boxes": [box], "points": None, "mask": None}
            for n in images["image_id"]
            for k, box in enumerate(boxes[n])
        ]
    )


def make_phrase_prompts(images: pd.DataFrame, phrases: Sequence[str]) -> pd.DataFrame:
    """Rows of table `prompts`: every phrase of every image."""
    return pd.DataFrame(
        [
            {"prompt_id": f"{n}-{k}", "image_id": n, "kind": "phrase", "phrase": phrase, "boxes": None, "points": None}
            for n in images["image_id"]
            for k, phrase in enumerate(phrases)
        ]
    )


def make_samgap_run(model: Any, images: pd.DataFrame, folder: Path, prompts: pd.DataFrame) -> Callable[[], int]:
    """The engine over all images; returns how many masks it made."""
    device = model.device
    return lambda: sum(len(one.mask_rows) for one in predict_images(model, images, folder, prompts, device))


def make_sam2_loop(
    model: Any, images: pd.DataFrame, folder: Path, boxes: Sequence[Any], encode_rles: bool
) -> Callable[[], int]:
    """`SAM2ImagePredictor`: an image, then one `predict` a box; `keep` makes RLEs of the masks."""
    corners = {n: [np.array([box[edge] for edge in BOX_KEYS]) for box in boxes[n]] for n in images["image_id"]}

    def loop() -> int:
        made = 0
        for image in to_records(images):
            with model.precision.autocast(model.device), torch.inference_mode():
                model.predictor.set_image(Image.open(folder / image["file"]).convert("RGB"))
                for box in corners[image["image_id"]]:
                    masks, _, _ = model.predictor.predict(box=box, multimask_output=False)
                    made += len(encode_masks(masks > 0) if encode_rles else masks)
        return made

    return loop


def make_sam3_loop(
    model: Any,
    images: pd.DataFrame,
    folder: Path,
    phrases: Sequence[str],
    thresholds: dict[tuple[int, str], float],
    encode_rles: bool,
) -> Callable[[], int]:
    """`Sam3Processor`: an image, then one text after the other; masks above the threshold of each, `keep` as above."""
    from sam3.model.sam3_image_processor import Sam3Processor

    with _device.cuda_shim(model.device):
        processor = Sam3Processor(model.model, model.image_size, model.device)

    def loop() -> int:
        made = 0
        for image in to_records(images):
            with _device.cuda_shim(model.device), model.precision.autocast(model.device):
                state = processor.set_image(Image.open(folder / image["file"]).convert("RGB"))
                for phrase in phrases:
                    processor.confidence_threshold = thresholds[image["image_id"], phrase]
                    state = processor.set_text_prompt(phrase, state)
                    masks = state["masks"][:, 0].cpu().numpy()
                    made += len(encode_masks(masks) if encode_rles else masks)
        return made

    return loop


def find_score_thresholds(
    model: Any, images: pd.DataFrame, folder: Path, phrases: Sequence[str], n_masks: int
) -> dict[Any, float]:
    """The score that lets `most` masks of each image and phrase through, so that both sides make the same masks."""
    model.min_score, model.max_masks = -1.0, n_masks + 1
    found = {}
    for image in to_records(images):
        model.set_image(Image.open(folder / image["file"]).convert("RGB"))
        answers = model.predict([{"kind": "phrase", "phrase": phrase} for phrase in phrases])
        for phrase, answer in zip(phrases, answers, strict=True):
            found[image["image_id"], phrase] = answer[-1].score if len(answer) > n_masks else -1.0
    model.max_masks = n_masks
    return found


def encode_masks(masks: np.ndarray) -> list[Any]:
    return coco_mask.encode(np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8))) if len(masks) else []


def measure_seconds(function: Callable[[], Any]) -> float:
    started = time.perf_counter()
    function()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def time_interleaved(n_repeats: int, *functions: Callable[[], Any]) -> tuple[list[float], list[float]]:
    """Medians of all ways in seconds, and of their ratios to the first, run in turn after a run to warm up."""
    for way in functions:
        way()
    times = np.array([[measure_seconds(way) for way in functions] for _ in range(n_repeats)])
    return np.median(times, axis=0).tolist(), np.median(times / times[:, :1], axis=0).tolist()
