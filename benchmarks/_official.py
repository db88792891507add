"""The baselines of the inference benchmark: loops over the packages' predictors, and drawn images for both sides.

samgap returns masks as RLEs. A loop either encodes its masks too, by pycocotools, or discards them. It encodes each
image once.
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

from samgap.models.runtime.device import cuda_shim
from samgap.predictions.image_io import to_records
from samgap.predictions.shard import predict_images

PHRASES = (
    "apple", "ripe apple", "unripe apple", "damaged apple", "orange", "pear", "ball", "leaf", "branch", "green apple",
    "red apple",
    "large apple", "small apple", "healthy apple", "rotten apple", "fruit", "trunk", "sky", "grass", "bird",
)  # fmt: skip
BOX_KEYS = ("x0", "y0", "x1", "y1")


def draw_images(folder: Path, n_images: int, width: int, height: int, n_objects: int) -> tuple[pd.DataFrame, list[Any]]:
    """Draw red disks on noise and save the images.

    Returns:
        Rows of table `images`, and for each image the boxes of its disks.
    """
    rows, boxes = [], []
    for image_id in range(n_images):
        rng = np.random.default_rng(image_id)
        pixels = rng.integers(30, 120, (height, width, 3)).astype(np.uint8)
        y, x = np.mgrid[:height, :width]
        radii = rng.uniform(0.02, 0.05, n_objects) * height
        centers = rng.uniform(0.06, 0.94, (n_objects, 2)) * (width, height)
        for (center_x, center_y), radius in zip(centers, radii, strict=True):
            pixels[(x - center_x) ** 2 + (y - center_y) ** 2 <= radius**2] = (200, 45, 40)
        Image.fromarray(pixels).save(folder / f"{image_id}.png", compress_level=1)
        rows.append({"image_id": image_id, "file": f"{image_id}.png", "width": width, "height": height})
        corners = np.clip(np.c_[centers - radii[:, None], centers + radii[:, None]], 0, [width, height] * 2)
        boxes.append([dict(zip(BOX_KEYS, map(float, box), strict=True), label=1) for box in corners])
    return pd.DataFrame(rows), boxes


def read_first_image(folder: Path, images: pd.DataFrame) -> Image.Image:
    """Return the first of the images."""
    return Image.open(folder / images["file"].iloc[0]).convert("RGB")


def make_box_prompts(images: pd.DataFrame, boxes: Sequence[Any]) -> pd.DataFrame:
    """Return rows of table `prompts`: each box of each image."""
    return pd.DataFrame(
        [
            {"prompt_id": f"{n}-{k}", "image_id": n, "kind": "box", "boxes": [box], "points": None, "mask": None}
            for n in images["image_id"]
            for k, box in enumerate(boxes[n])
        ]
    )


def make_phrase_prompts(images: pd.DataFrame, phrases: Sequence[str]) -> pd.DataFrame:
    """Return rows of table `prompts`: each phrase for each image."""
    return pd.DataFrame(
        [
            {"prompt_id": f"{n}-{k}", "image_id": n, "kind": "phrase", "phrase": phrase, "boxes": None, "points": None}
            for n in images["image_id"]
            for k, phrase in enumerate(phrases)
        ]
    )


def make_samgap_run(model: Any, images: pd.DataFrame, folder: Path, prompts: pd.DataFrame) -> Callable[[], int]:
    """Return a function that runs samgap on all images and returns the number of masks."""
    device = model.device
    return lambda: sum(len(output.mask_rows) for output in predict_images(model, images, folder, prompts, device))


def make_sam2_loop(
    model: Any, images: pd.DataFrame, folder: Path, boxes: Sequence[Any], encode_rles: bool
) -> Callable[[], int]:
    """Return a loop over `SAM2ImagePredictor` with one `predict` call for each box; it returns the number of masks."""
    corners = {n: [np.array([box[edge] for edge in BOX_KEYS]) for box in boxes[n]] for n in images["image_id"]}

    def loop() -> int:
        n_masks = 0
        for image in to_records(images):
            with model.precision.autocast(model.device), torch.inference_mode():
                model.predictor.set_image(Image.open(folder / image["file"]).convert("RGB"))
                for box in corners[image["image_id"]]:
                    masks, _, _ = model.predictor.predict(box=box, multimask_output=False)
                    n_masks += len(encode_masks(masks > 0) if encode_rles else masks)
        return n_masks

    return loop


def make_sam3_loop(
    model: Any,
    images: pd.DataFrame,
    folder: Path,
    phrases: Sequence[str],
    thresholds: dict[tuple[int, str], float],
    encode_rles: bool,
) -> Callable[[], int]:
    """Return a loop over `Sam3Processor` with one `set_text_prompt` call for each phrase.

    Args:
        model: the loaded model.
        images: rows of table `images`.
        folder: folder of the images.
        phrases: phrases for each image.
        thresholds: score threshold by image id and phrase.
        encode_rles: whether to encode the masks as RLEs.
    """
    from sam3.model.sam3_image_processor import Sam3Processor

    with cuda_shim(model.device):
        processor = Sam3Processor(model.model, model.image_size, model.device)

    def loop() -> int:
        n_masks = 0
        for image in to_records(images):
            with cuda_shim(model.device), model.precision.autocast(model.device):
                state = processor.set_image(Image.open(folder / image["file"]).convert("RGB"))
                for phrase in phrases:
                    processor.confidence_threshold = thresholds[image["image_id"], phrase]
                    state = processor.set_text_prompt(phrase, state)
                    masks = state["masks"][:, 0].cpu().numpy()
                    n_masks += len(encode_masks(masks) if encode_rles else masks)
        return n_masks

    return loop


def find_score_thresholds(
    model: Any, images: pd.DataFrame, folder: Path, phrases: Sequence[str], n_masks: int
) -> dict[Any, float]:
    """Return the threshold that `n_masks` masks of each image and phrase pass, so that both sides make as many.

    It also sets the model to that many masks.
    """
    model.min_score, model.max_masks = -1.0, n_masks + 1
    thresholds = {}
    for image in to_records(images):
        model.set_image(Image.open(folder / image["file"]).convert("RGB"))
        predictions = model.predict([{"kind": "phrase", "phrase": phrase} for phrase in phrases])
        for phrase, masks in zip(phrases, predictions, strict=True):
            thresholds[image["image_id"], phrase] = masks[-1].score if len(masks) > n_masks else -1.0
    model.max_masks = n_masks
    return thresholds


def encode_masks(masks: np.ndarray) -> list[Any]:
    """Return bool masks (N, height, width) as RLEs, by pycocotools."""
    return coco_mask.encode(np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8))) if len(masks) else []


def measure_seconds(function: Callable[[], Any]) -> float:
    """Return the wall time of a function, including its work on the GPU."""
    started = time.perf_counter()
    function()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def time_interleaved(n_repeats: int, *functions: Callable[[], Any]) -> tuple[list[float], list[float]]:
    """Run functions in turn, after one warm-up run of each.

    Returns:
        For each function the median seconds, and the median ratio to the seconds of the first function.
    """
    for function in functions:
        function()
    seconds = np.array([[measure_seconds(function) for function in functions] for _ in range(n_repeats)])
    return np.median(seconds, axis=0).tolist(), np.median(seconds / seconds[:, :1], axis=0).tolist()
