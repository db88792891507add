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

from samgap import masks as rle
from samgap.training._crops import Window, jitter, plain, window
from samgap.training._run import Data, draw
from samgap.truth import Instance, Truth, read

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
SPREAD = np.array([0.229, 0.224, 0.225], np.float32)
"""Those by which the package normalises images."""

LEAST_SEEN = 0.4
"""An object that a crop cuts to less than this share of its area is not asked for."""

LEAST_AREA = 12
"""Nor is one that covers fewer pixels than this in the target mask."""

ESTIMATED = 0.5
"""Weight of a mask that is estimated from a box, at full confidence."""


@dataclass
class Batch:
    """`n` images and `m` objects in them; lengths in px of the model's input."""

    pixels: torch.Tensor  # (n, 3, side, side), normalised
    owners: torch.Tensor  # (m,) each object's image
    masks: torch.Tensor  # (m, side / 2, side / 2), 0 or 1
    boxes: torch.Tensor  # (m, 2, 2): two corners
    points: torch.Tensor  # (m, 2), inside the mask
    weights: torch.Tensor  # (m,) of the object in the loss
    known: torch.Tensor  # (m,) bool: the mask is the truth, not an estimate

    def to(self, device: str) -> "Batch":
        return Batch(*(getattr(self, each.name).to(device) for each in fields(self)))


def wanted(instances: Sequence[Instance]) -> list[Instance]:
    return [item for item in instances if not item.ignore]


class Reader:
    """Draws batches from one data set or several. `options` are those of the training."""

    def __init__(self, data: Sequence[Data], side: int, options: Mapping[str, Any]) -> None:
        self.data, self.side, self.options = data, side, options
        self.truths: list[Truth] = [read(each.truth) for each in data]
        self.images = [[key for key in truth.images if wanted(truth.of(key))] for truth in self.truths]
        self.estimates: dict[tuple[int, int], tuple[dict[str, Any], float]] = {}

    def batch(self, rng: np.random.Generator) -> Batch:
        pixels: list[np.ndarray] = []
        rows: list[tuple[Any, ...]] = []
        owners: list[int] = []
        for source in draw(self.data, self.options["batch"], rng):
            picture, items = self.image(int(source), rng)
            area = self._window(picture.size, items, rng)
            flip = bool(rng.random() < 0.5)
            pixels.append(self.pixels(picture, area, flip, rng))
            for item in [items[pick] for pick in rng.permutation(len(items))]:
                if owners.count(len(pixels) - 1) == self.options["objects"]:
                    break
                if _seen(item, area) < (LEAST_SEEN if item.rle is None else 0.01):
                    continue  # before its mask is made
                mask, weight = self.mask(int(source), item, items, picture)
                row = _object(mask, item.area if item.rle else int(mask.sum()), area, flip, self.side, rng)
                if row and weight > 0:
                    rows.append((*row, weight, item.rle is not None))
                    owners.append(len(pixels) - 1)
        if not rows:  # every object was cut away, which is rare; the next draw is another
            return self.batch(rng)
        masks, boxes, points, weights, known = zip(*rows, strict=True)
        return Batch(
            torch.from_numpy(np.stack(pixels)),
            torch.tensor(owners),
            torch.from_numpy(np.stack(masks)),
            torch.from_numpy(np.stack(boxes)),
            torch.from_numpy(np.stack(points)),
            torch.tensor(weights, dtype=torch.float32),
            torch.tensor(known),
        )

    def image(self, source: int, rng: np.random.Generator) -> tuple[Image.Image, list[Instance]]:
        """A random image of a data set, and its objects."""
        truth = self.truths[source]
        image = truth.images[self.images[source][rng.integers(len(self.images[source]))]]
        with Image.open(self.data[source].images / image["file_name"]) as picture:
            return picture.convert("RGB"), wanted(truth.of(image["id"]))

    def _window(self, size: tuple[int, int], items: Sequence[Instance], rng: np.random.Generator) -> Window:
        if "crops" not in self.options:
            return 0, 0, *size
        crops = self.options["crops"]
        return window(size, items[int(rng.integers(len(items)))].box, crops["low"], crops["high"], rng)

    def pixels(self, picture: Image.Image, area: Window, flip: bool, rng: np.random.Generator) -> np.ndarray:
        """(3, side, side), normalised."""
        seen = picture.resize((self.side, self.side), Image.Resampling.BILINEAR, box=area)
        values = jitter(seen, rng) if self.options.get("jitter") else plain(seen)
        values = ((values - MEAN) / SPREAD)[:, :: -1 if flip else 1]
        return np.ascontiguousarray(values.transpose(2, 0, 1))

    def mask(
        self, source: int, item: Instance, others: Sequence[Instance], picture: Image.Image
    ) -> tuple[np.ndarray, float]:
        """The object's mask, uint8 (height, width), and its weight; estimated once where only its box is known."""
        if item.rle is not None:
            return coco_mask.decode(item.rle), 1.0
        key = (source, item.id)
        if key not in self.estimates:
            from samgap.training._box_masks import pseudo_mask  # imports what only box data need

            boxes = [other.box for other in others if other.id != item.id]
            mask, confidence = pseudo_mask(np.asarray(picture), item.box, boxes)
            self.estimates[key] = rle.encode(mask), float(confidence)
        found, confidence = self.estimates[key]
        return coco_mask.decode(found), ESTIMATED * confidence


def drawn(batch: Batch, count: int, rng: np.random.Generator) -> Batch:
    """The batch with `count` ellipses in random boxes in place of its objects, whatever its pixels show there."""
    side = batch.pixels.shape[-1]
    extent = side * np.exp(rng.uniform(np.log(0.05), np.log(0.5), (count, 1)) + rng.uniform(-0.3, 0.3, (count, 2)))
    middle = rng.uniform(0, side, (count, 2))
    low = np.clip(middle - extent / 2, 0, side - 8)
    high = np.clip(middle + extent / 2, low + 6, side)
    middle, reach = (low + high) / 2, (high - low) / 2
    places = np.arange(side // 2) * 2 + 1.0  # the middles of the target's pixels
    across = ((places - middle[:, :1]) / reach[:, :1]) ** 2
    down = ((places - middle[:, 1:]) / reach[:, 1:]) ** 2
    device = batch.pixels.device
    return Batch(
        batch.pixels,
        torch.from_numpy(rng.integers(0, len(batch.pixels), count)).to(device),
        torch.from_numpy((down[:, :, None] + across[:, None] <= 1).astype(np.float32)).to(device),
        torch.from_numpy(np.stack([low, high], axis=1).astype(np.float32)).to(device),
        torch.from_numpy(middle.astype(np.float32)).to(device),
        torch.ones(count, device=device),
        torch.ones(count, dtype=torch.bool, device=device),
    )


def _seen(item: Instance, area: Window) -> float:
    """The share of the object's box that a window shows."""
    x0, y0, x1, y1 = item.box
    width, height = min(x1, area[2]) - max(x0, area[0]), min(y1, area[3]) - max(y0, area[1])
    return max(width, 0) * max(height, 0) / max((x1 - x0) * (y1 - y0), 1)


def _object(
    mask: np.ndarray, area_px: int, area: Window, flip: bool, side: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """What a window shows of an object: its target (side / 2, side / 2), box (2, 2) and a point (2,), or None."""
    x0, y0, x1, y1 = area
    cut = mask[y0:y1, x0:x1]
    columns, rows = np.flatnonzero(cut.any(axis=0)), np.flatnonzero(cut.any(axis=1))
    if not len(columns) or cut.sum() < LEAST_SEEN * area_px:
        return None
    whole = Image.fromarray(np.ascontiguousarray(cut) * np.uint8(255))
    target = np.asarray(whole.resize((side // 2, side // 2), Image.Resampling.BOX)) >= 128
    if target.sum() < LEAST_AREA:
        return None
    scale = np.array([side / (x1 - x0), side / (y1 - y0)], np.float32)
    box = np.array([[columns[0], rows[0]], [columns[-1] + 1, rows[-1] + 1]], np.float32) * scale
    if flip:
        target = target[:, ::-1]
        box[:, 0] = side - box[::-1, 0]
    return target.astype(np.float32), box, point(target, rng)


def point(target: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A point (x, y) in px of the model's input, twice as fine as `target`: its deepest pixel, or one at random."""
    rows, columns = np.nonzero(target)
    if rng.random() < 0.5:
        pick = int(rng.integers(len(rows)))
        return np.array([columns[pick] + 0.5, rows[pick] + 0.5], np.float32) * 2
    return np.array(deepest(target), np.float32) * 2


def deepest(mask: np.ndarray) -> tuple[float, float]:
    """The middle (x, y) of the pixel that lies deepest in a mask that is not empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    near = np.pad(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], 1)
    depth = ndimage.distance_transform_edt(near)
    row, column = np.unravel_index(np.argmax(depth), depth.shape)
    return float(columns[0] + column) - 0.5, float(rows[0] + row) - 0.5
