"""Batches of SAM2's training: crops of images, and some of their objects with masks, boxes and points.

An instance labelled only with a box has a mask estimated from the image's pixels, with a lower loss weight.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from PIL import Image
from pycocotools import mask as coco_mask
from scipy import ndimage

from samgap.annotations.ground_truth import GroundTruth, Instance, read_ground_truth
from samgap.errors import UserError
from samgap.masks import rle
from samgap.training.augmentation import sample_augmentation
from samgap.training.box_masks import estimate_pseudo_mask
from samgap.training.crops import CropWindow, image_to_array, jitter_image, sample_window
from samgap.training.sampling import retry_sample
from samgap.training.tasks import DatasetSource, sample_source_indices

PIXEL_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
PIXEL_STD = np.array([0.229, 0.224, 0.225], np.float32)
"""Mean and standard deviation of the package's image normalisation, that of SAM2."""

MIN_VISIBLE_FRACTION = 0.4
"""An object that a crop cuts to less than this fraction of its area is not prompted."""

MIN_TARGET_AREA_PX = 12
"""An object with fewer pixels than this in its target mask is not prompted."""

ESTIMATED_MASK_WEIGHT = 0.5
"""Loss weight of a mask estimated from a box with confidence 1."""


@dataclass
class ObjectBatch:
    """`n` images and `m` of their objects; lengths in px of the model's input."""

    pixels: torch.Tensor  # (n, 3, side, side), normalised
    image_indices: torch.Tensor  # (m,) image of each object
    masks: torch.Tensor  # (m, side / 2, side / 2), 0 or 1
    boxes: torch.Tensor  # (m, 2, 2): top left and bottom right corner
    points: torch.Tensor  # (m, 2), inside the mask
    loss_weights: torch.Tensor  # (m,)
    is_ground_truth: torch.Tensor  # (m,) bool: the mask is annotated, not estimated

    def to(self, device: str) -> "ObjectBatch":
        """Return the batch with all tensors on a device."""
        return ObjectBatch(*(getattr(self, field.name).to(device) for field in fields(self)))


def drop_ignored(instances: Sequence[Instance]) -> list[Instance]:
    """Return the instances that are not annotated as `ignore`."""
    return [instance for instance in instances if not instance.ignore]


class BatchLoader:
    """Samples batches from one or several data sets."""

    def __init__(
        self,
        sources: Sequence[DatasetSource],
        image_size: int,
        options: Mapping[str, Any],
        pixel_mean: np.ndarray = PIXEL_MEAN,
        pixel_std: np.ndarray = PIXEL_STD,
    ) -> None:
        """Read the ground truth of the sources.

        Args:
            sources: the data sets
            image_size: side of the model's input, px
            options: the entry of `trainings`
            pixel_mean: of the model's image normalisation, float32 (3,)
            pixel_std: of the model's image normalisation, float32 (3,)

        Raises:
            UserError: a data set has no instance to prompt for.
        """
        self.sources, self.image_size, self.options = sources, image_size, options
        self.pixel_mean, self.pixel_std = pixel_mean, pixel_std
        self.ground_truths: list[GroundTruth] = [read_ground_truth(source.ground_truth_path) for source in sources]
        self.image_ids = [
            [image_id for image_id in truth.images if drop_ignored(truth.instances_of(image_id))]
            for truth in self.ground_truths
        ]
        for source, image_ids in zip(sources, self.image_ids, strict=True):
            if not image_ids:
                raise UserError(
                    f"{source.ground_truth_path}: it has no instance to prompt for, except those marked ignore; use "
                    "another data set for training"
                )
        self.pseudo_mask_cache: dict[tuple[int, int], tuple[dict[str, Any], float]] = {}
        self.sampled_image_names: list[str] = []  # the caller clears it

    def sample_batch(self, rng: np.random.Generator) -> ObjectBatch:
        """Sample `batch` images and at most `objects` objects in each (options of the training).

        Raises:
            UserError: no batch has an object that is large enough.
        """
        paths = ", ".join(str(source.ground_truth_path) for source in self.sources)
        return retry_sample(
            lambda: self._sample_objects(rng),
            f"{paths}: no instance is large enough to be prompted for in training; use larger images, smaller crops or "
            "another data set",
        )

    def _sample_objects(self, rng: np.random.Generator) -> ObjectBatch | None:
        """Sample a batch, or return None if the crops cut all objects away, which is rare."""
        pixels: list[np.ndarray] = []
        rows: list[tuple[Any, ...]] = []
        image_indices: list[int] = []
        for source_index in sample_source_indices(self.sources, self.options["batch"], rng):
            image, instances = self.sample_image(int(source_index), rng)
            window = self._sample_crop_window(image.size, instances, rng)
            flip = bool(rng.random() < 0.5) and "augmentation" not in self.options
            pixels.append(self.crop_pixels(image, window, flip, rng))
            for n_objects, row in enumerate(
                self._iter_objects(int(source_index), image, instances, window, flip, rng), start=1
            ):
                rows.append(row)
                image_indices.append(len(pixels) - 1)
                if n_objects == self.options["objects"]:
                    break
        if not rows:
            return None
        masks, boxes, points, weights, is_ground_truth = zip(*rows, strict=True)
        return ObjectBatch(
            torch.from_numpy(np.stack(pixels)),
            torch.tensor(image_indices),
            torch.from_numpy(np.stack(masks)),
            torch.from_numpy(np.stack(boxes)),
            torch.from_numpy(np.stack(points)),
            torch.tensor(weights, dtype=torch.float32),
            torch.tensor(is_ground_truth),
        )

    def _iter_objects(
        self,
        source_index: int,
        image: Image.Image,
        instances: Sequence[Instance],
        window: CropWindow,
        flip: bool,
        rng: np.random.Generator,
    ) -> Iterator[tuple[Any, ...]]:
        """Yield mask, box, point, weight and is_ground_truth of objects visible in a window, in random order."""
        for instance in [instances[index] for index in rng.permutation(len(instances))]:
            # Checked before a mask is estimated. With a labelled mask, `_crop_object` checks the mask itself.
            if _compute_visible_fraction(instance, window) < (MIN_VISIBLE_FRACTION if instance.rle is None else 0.01):
                continue
            mask, weight = self.load_mask(source_index, instance, instances, image)
            area_px = instance.area if instance.rle else int(mask.sum())
            cropped = _crop_object(mask, area_px, window, flip, self.image_size, rng)
            if cropped and weight > 0:
                yield (*cropped, weight, instance.rle is not None)

    def sample_image(self, source_index: int, rng: np.random.Generator) -> tuple[Image.Image, list[Instance]]:
        """Return a random image of a data set, augmented, and its instances that are not ignored."""
        truth, image_ids = self.ground_truths[source_index], self.image_ids[source_index]
        row = truth.images[image_ids[rng.integers(len(image_ids))]]
        self.sampled_image_names.append(self.sources[source_index].name_image(row["file_name"]))
        with Image.open(self.sources[source_index].image_folder / row["file_name"]) as image:
            image_rgb = image.convert("RGB")
        if steps := self.options.get("augmentation"):
            augmentation = sample_augmentation(steps, image_rgb.size, rng)
            image_rgb = augmentation.apply_to_image(image_rgb)
            truth = augmentation.apply_to_ground_truth(truth, row["id"])
        return image_rgb, drop_ignored(truth.instances_of(row["id"]))

    def _sample_crop_window(
        self, original_size: tuple[int, int], instances: Sequence[Instance], rng: np.random.Generator
    ) -> CropWindow:
        if "crops" not in self.options or not instances:
            return 0, 0, *original_size
        crops = self.options["crops"]
        return sample_window(
            original_size, instances[int(rng.integers(len(instances)))].box, crops["low"], crops["high"], rng
        )

    def crop_pixels(
        self, image: Image.Image, crop_window: CropWindow, flip: bool, rng: np.random.Generator
    ) -> np.ndarray:
        """Return the window at the model's input size, augmented if `jitter` is set: (3, side, side), normalised."""
        resized = image.resize((self.image_size, self.image_size), Image.Resampling.BILINEAR, box=crop_window)
        has_jitter = self.options.get("jitter") and "augmentation" not in self.options
        values = jitter_image(resized, rng) if has_jitter else image_to_array(resized)
        values = ((values - self.pixel_mean) / self.pixel_std)[:, :: -1 if flip else 1]
        return np.ascontiguousarray(values.transpose(2, 0, 1))

    def load_mask(
        self, source_index: int, instance: Instance, image_instances: Sequence[Instance], image: Image.Image
    ) -> tuple[np.ndarray, float]:
        """Return an instance's mask, uint8 (height, width), and its loss weight.

        The mask of an instance labelled only with a box is estimated once, and cached, unless the image is augmented.
        """
        if instance.rle is not None:
            return coco_mask.decode(instance.rle), 1.0
        key = (source_index, instance.id)
        if key not in self.pseudo_mask_cache or "augmentation" in self.options:
            other_boxes = [neighbour.box for neighbour in image_instances if neighbour.id != instance.id]
            mask, confidence = estimate_pseudo_mask(np.asarray(image), instance.box, other_boxes)
            self.pseudo_mask_cache[key] = rle.encode(mask), float(confidence)
        pseudo_mask, confidence = self.pseudo_mask_cache[key]
        return coco_mask.decode(pseudo_mask), ESTIMATED_MASK_WEIGHT * confidence


def sample_ellipse_batch(batch: ObjectBatch, n_ellipses: int, rng: np.random.Generator) -> ObjectBatch:
    """Return the batch with ellipses in random boxes instead of its objects, independent of the pixels."""
    side = batch.pixels.shape[-1]
    extent = side * np.exp(
        rng.uniform(np.log(0.05), np.log(0.5), (n_ellipses, 1)) + rng.uniform(-0.3, 0.3, (n_ellipses, 2))
    )
    centre = rng.uniform(0, side, (n_ellipses, 2))
    low = np.clip(centre - extent / 2, 0, side - 8)
    high = np.clip(centre + extent / 2, low + 6, side)
    centre, semi_axes = (low + high) / 2, (high - low) / 2
    pixel_centres = np.arange(side // 2) * 2 + 1.0  # of the target masks
    across = ((pixel_centres - centre[:, :1]) / semi_axes[:, :1]) ** 2
    down = ((pixel_centres - centre[:, 1:]) / semi_axes[:, 1:]) ** 2
    device = batch.pixels.device
    return ObjectBatch(
        batch.pixels,
        torch.from_numpy(rng.integers(0, len(batch.pixels), n_ellipses)).to(device),
        torch.from_numpy((down[:, :, None] + across[:, None] <= 1).astype(np.float32)).to(device),
        torch.from_numpy(np.stack([low, high], axis=1).astype(np.float32)).to(device),
        torch.from_numpy(centre.astype(np.float32)).to(device),
        torch.ones(n_ellipses, device=device),
        torch.ones(n_ellipses, dtype=torch.bool, device=device),
    )


def _compute_visible_fraction(instance: Instance, crop_window: CropWindow) -> float:
    """Return the fraction of an instance's box inside a window."""
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
    """Return an object's target mask (side / 2, side / 2), box (2, 2) and point (2,) in a window, None if too small."""
    x0, y0, x1, y1 = crop_window
    cropped = mask[y0:y1, x0:x1]
    columns, rows = np.flatnonzero(cropped.any(axis=0)), np.flatnonzero(cropped.any(axis=1))
    if not len(columns) or cropped.sum() < MIN_VISIBLE_FRACTION * object_area_px:
        return None
    cropped_image = Image.fromarray(np.ascontiguousarray(cropped) * np.uint8(255))
    target = np.asarray(cropped_image.resize((image_size // 2, image_size // 2), Image.Resampling.BOX)) >= 128
    if target.sum() < MIN_TARGET_AREA_PX:
        return None
    scale = np.array([image_size / (x1 - x0), image_size / (y1 - y0)], np.float32)
    box = np.array([[columns[0], rows[0]], [columns[-1] + 1, rows[-1] + 1]], np.float32) * scale
    if flip:
        target = target[:, ::-1]
        box[:, 0] = image_size - box[::-1, 0]
    return target.astype(np.float32), box, sample_point(target, rng)


def sample_point(target_mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a point (x, y) in a target mask, px of the model's input: the deepest or a random one, each half the time.

    The model's input has twice the resolution of the target mask.
    """
    rows, columns = np.nonzero(target_mask)
    if rng.random() < 0.5:
        index = int(rng.integers(len(rows)))
        return np.array([columns[index] + 0.5, rows[index] + 0.5], np.float32) * 2
    return np.array(find_deepest_point(target_mask), np.float32) * 2


def find_deepest_point(mask: np.ndarray) -> tuple[float, float]:
    """Return the centre (x, y) of the pixel farthest from the boundary of a non-empty mask, px."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    padded = np.pad(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 1)
    depth = ndimage.distance_transform_edt(padded)
    row, column = np.unravel_index(np.argmax(depth), depth.shape)
    return float(columns[0] + column) - 0.5, float(rows[0] + row) - 0.5
