"""What a step of SAM2 sees: crops of images, and some of their objects with masks, boxes and points.

An instance of which only the box is known (real photographs) is asked with a mask estimated from its pixels, at a
lower weight.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from PIL import Image
from pycocotools import mask as coco_mask
from scipy import ndimage

from samgap.annotations.ground_truth import GroundTruth, Instance, read_ground_truth
from samgap.masks import rle
from samgap.training.crops import CropWindow, image_to_array, jitter_image, sample_window
from samgap.training.loop import DatasetSource, sample_source_indices

PIXEL_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
PIXEL_STD = np.array([0.229, 0.224, 0.225], np.float32)
"""Those by which the package normalises images."""

MIN_VISIBLE_FRACTION = 0.4
"""An object that a crop cuts to less than this share of its area is not asked for."""

MIN_TARGET_AREA_PX = 12
"""Nor is one that covers fewer pixels than this in the target mask."""

ESTIMATED_MASK_WEIGHT = 0.5
"""Weight of a mask that is estimated from a box, at full confidence."""


@dataclass
class ObjectBatch:
    """`n` images and `m` objects in them; lengths in px of the model's input."""

    pixels: torch.Tensor  # (n, 3, side, side), normalised
    image_indices: torch.Tensor  # (m,) each object's image
    masks: torch.Tensor  # (m, side / 2, side / 2), 0 or 1
    boxes: torch.Tensor  # (m, 2, 2): two corners
    points: torch.Tensor  # (m, 2), inside the mask
    loss_weights: torch.Tensor  # (m,) of the object in the loss
    is_ground_truth: torch.Tensor  # (m,) bool: the mask is the truth, not an estimate

    def to(self, device: str) -> "ObjectBatch":
        return ObjectBatch(*(getattr(self, each.name).to(device) for each in fields(self)))


def drop_ignored(instances: Sequence[Instance]) -> list[Instance]:
    return [item for item in instances if not item.ignore]


class BatchLoader:
    """Draws batches from one data set or several. `options` are those of the training."""

    def __init__(self, sources: Sequence[DatasetSource], image_size: int, options: Mapping[str, Any]) -> None:
        self.sources, self.image_size, self.options = sources, image_size, options
        self.ground_truths: list[GroundTruth] = [read_ground_truth(each.ground_truth_path) for each in sources]
        self.image_ids = [
            [key for key in truth.images if drop_ignored(truth.instances_of(key))] for truth in self.ground_truths
        ]
        self.pseudo_mask_cache: dict[tuple[int, int], tuple[dict[str, Any], float]] = {}

    def sample_batch(self, rng: np.random.Generator) -> ObjectBatch:
        pixels: list[np.ndarray] = []
        rows: list[tuple[Any, ...]] = []
        owners: list[int] = []
        for source in sample_source_indices(self.sources, self.options["batch"], rng):
            picture, items = self.sample_image(int(source), rng)
            area = self._sample_crop_window(picture.size, items, rng)
            flip = bool(rng.random() < 0.5)
            pixels.append(self.crop_pixels(picture, area, flip, rng))
            for item in [items[pick] for pick in rng.permutation(len(items))]:
                if owners.count(len(pixels) - 1) == self.options["objects"]:
                    break
                if _visible_fraction(item, area) < (MIN_VISIBLE_FRACTION if item.rle is None else 0.01):
                    continue  # before its mask is made
                mask, weight = self.load_mask(int(source), item, items, picture)
                row = _crop_object(mask, item.area if item.rle else int(mask.sum()), area, flip, self.image_size, rng)
                if row and weight > 0:
                    rows.append((*row, weight, item.rle is not None))
                    owners.append(len(pixels) - 1)
        if not rows:  # every object was cut away, which is rare; the next draw is another
            return self.sample_batch(rng)
        masks, boxes, points, weights, known = zip(*rows, strict=True)
        return ObjectBatch(
            torch.from_numpy(np.stack(pixels)),
            torch.tensor(owners),
            torch.from_numpy(np.stack(masks)),
            torch.from_numpy(np.stack(boxes)),
            torch.from_numpy(np.stack(points)),
            torch.tensor(weights, dtype=torch.float32),
            torch.tensor(known),
        )

    def sample_image(self, source_index: int, rng: np.random.Generator) -> tuple[Image.Image, list[Instance]]:
        """A random image of a data set, and its objects."""
        truth = self.ground_truths[source_index]
        image = truth.images[self.image_ids[source_index][rng.integers(len(self.image_ids[source_index]))]]
        with Image.open(self.sources[source_index].image_folder / image["file_name"]) as picture:
            return picture.convert("RGB"), drop_ignored(truth.instances_of(image["id"]))

    def _sample_crop_window(
        self, original_size: tuple[int, int], instances: Sequence[Instance], rng: np.random.Generator
    ) -> CropWindow:
        if "crops" not in self.options:
            return 0, 0, *original_size
        crops = self.options["crops"]
        return sample_window(
            original_size, instances[int(rng.integers(len(instances)))].box, crops["low"], crops["high"], rng
        )

    def crop_pixels(
        self, image: Image.Image, crop_window: CropWindow, flip: bool, rng: np.random.Generator
    ) -> np.ndarray:
        """(3, side, side), normalised."""
        seen = image.resize((self.image_size, self.image_size), Image.Resampling.BILINEAR, box=crop_window)
        values = jitter_image(seen, rng) if self.options.get("jitter") else image_to_array(seen)
        values = ((values - PIXEL_MEAN) / PIXEL_STD)[:, :: -1 if flip else 1]
        return np.ascontiguousarray(values.transpose(2, 0, 1))

    def load_mask(
        self, source_index: int, instance: Instance, image_instances: Sequence[Instance], image: Image.Image
    ) -> tuple[np.ndarray, float]:
        """The object's mask, uint8 (height, width), and its weight; estimated once where only its box is known."""
        if instance.rle is not None:
            return coco_mask.decode(instance.rle), 1.0
        key = (source_index, instance.id)
        if key not in self.pseudo_mask_cache:
            from samgap.demo_models.box_masks import estimate_pseudo_mask  # imports what only box data need

            boxes = [other.box for other in image_instances if other.id != instance.id]
            mask, confidence = estimate_pseudo_mask(np.asarray(image), instance.box, boxes)
            self.pseudo_mask_cache[key] = rle.encode(mask), float(confidence)
        found, confidence = self.pseudo_mask_cache[key]
        return coco_mask.decode(found), ESTIMATED_MASK_WEIGHT * confidence


def sample_ellipse_batch(batch: ObjectBatch, n_ellipses: int, rng: np.random.Generator) -> ObjectBatch:
    """The batch with `count` ellipses in random boxes in place of its objects, whatever its pixels show there."""
    side = batch.pixels.shape[-1]
    extent = side * np.exp(
        rng.uniform(np.log(0.05), np.log(0.5), (n_ellipses, 1)) + rng.uniform(-0.3, 0.3, (n_ellipses, 2))
    )
    middle = rng.uniform(0, side, (n_ellipses, 2))
    low = np.clip(middle - extent / 2, 0, side - 8)
    high = np.clip(middle + extent / 2, low + 6, side)
    middle, reach = (low + high) / 2, (high - low) / 2
    places = np.arange(side // 2) * 2 + 1.0  # the middles of the target's pixels
    across = ((places - middle[:, :1]) / reach[:, :1]) ** 2
    down = ((places - middle[:, 1:]) / reach[:, 1:]) ** 2
    device = batch.pixels.device
    return ObjectBatch(
        batch.pixels,
        torch.from_numpy(rng.integers(0, len(batch.pixels), n_ellipses)).to(device),
        torch.from_numpy((down[:, :, None] + across[:, None] <= 1).astype(np.float32)).to(device),
        torch.from_numpy(np.stack([low, high], axis=1).astype(np.float32)).to(device),
        torch.from_numpy(middle.astype(np.float32)).to(device),
        torch.ones(n_ellipses, device=device),
        torch.ones(n_ellipses, dtype=torch.bool, device=device),
    )


def _visible_fraction(instance: Instance, crop_window: CropWindow) -> float:
    """The share of the object's box that a window shows."""
    x0, y0, x1, y1 = instance.box
    width, height = min(x1, crop_window[2]) - max(x0, crop_window[0]), min(y1, crop_window[3]) - max(y0, crop_window[1])
    return max(width, 0) * max(height, 0) / max((x1 - x0) * (y1 - y0), 1)


def _crop_object(
    mask: np.ndarray,
    object_area_px: int,
    crop_window: CropWindow,
    flip: bool,
    image_size: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """What a window shows of an object: its target (side / 2, side / 2), box (2, 2) and a point (2,), or None."""
    x0, y0, x1, y1 = crop_window
    cut = mask[y0:y1, x0:x1]
    columns, rows = np.flatnonzero(cut.any(axis=0)), np.flatnonzero(cut.any(axis=1))
    if not len(columns) or cut.sum() < MIN_VISIBLE_FRACTION * object_area_px:
        return None
    whole = Image.fromarray(np.ascontiguousarray(cut) * np.uint8(255))
    target = np.asarray(whole.resize((image_size // 2, image_size // 2), Image.Resampling.BOX)) >= 128
    if target.sum() < MIN_TARGET_AREA_PX:
        return None
    scale = np.array([image_size / (x1 - x0), image_size / (y1 - y0)], np.float32)
    box = np.array([[columns[0], rows[0]], [columns[-1] + 1, rows[-1] + 1]], np.float32) * scale
    if flip:
        target = target[:, ::-1]
        box[:, 0] = image_size - box[::-1, 0]
    return target.astype(np.float32), box, sample_point(target, rng)


def sample_point(target_mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A point (x, y) in px of the model's input, twice as fine as `target`: its deepest pixel, or one at random."""
    rows, columns = np.nonzero(target_mask)
    if rng.random() < 0.5:
        pick = int(rng.integers(len(rows)))
        return np.array([columns[pick] + 0.5, rows[pick] + 0.5], np.float32) * 2
    return np.array(find_deepest_point(target_mask), np.float32) * 2


def find_deepest_point(mask: np.ndarray) -> tuple[float, float]:
    """The middle (x, y) of the pixel that lies deepest in a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    near = np.pad(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 1)
    depth = ndimage.distance_transform_edt(near)
    row, column = np.unravel_index(np.argmax(depth), depth.shape)
    return float(columns[0] + column) - 0.5, float(rows[0] + row) - 0.5
