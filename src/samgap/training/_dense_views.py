"""Views of labelled images with a label at every place: what is seen there, and where an object has its middle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from samgap.training._sam3_views import EXHAUSTIVE, WHOLE, Views, seen
from samgap.truth import Instance

NOTHING, UNSURE = 0, -1
"""Labels of a place that shows nothing labelled, and of one of which nobody knows (nothing is learnt there)."""


NOBODY, NOBODY_KNOWS = -1, -2
"""What a place shows, where it shows no instance, and where what it shows is not known."""


@dataclass(frozen=True)
class Vocabulary:
    """What is told of a place: its noun, and of each attribute the value."""

    nouns: tuple[str, ...]
    attributes: Mapping[str, tuple[str, ...]]

    def labels(self, item: Instance, skip: str | None = None) -> list[int]:
        """Of an instance: its noun counted from 1, then of each attribute the value's index, or UNSURE."""
        noun = self.nouns.index(item.noun) + 1 if item.noun in self.nouns else UNSURE
        values = [
            known.index(item.attributes[name]) if name in item.attributes and name != skip else UNSURE
            for name, known in self.attributes.items()
        ]
        return [noun, *values]


@dataclass(frozen=True)
class Dense:
    """A view of `size` px and its labels; the first row of `fine` and `coarse` is the noun, then each attribute."""

    pixels: torch.Tensor  # float32 (3, size, size), -1 to 1
    fine: torch.Tensor  # int64 (labels, f, f)
    coarse: torch.Tensor  # int64 (labels, c, c): set where an object has its middle
    boxes: torch.Tensor  # float32 (4, c, c): that object's x0, y0, x1, y1 as shares of the view
    things: tuple[Instance, ...]  # what can be asked for
    whose: torch.Tensor  # int64 (f, f): the position in `things` of what is at a place, NOBODY or NOBODY_KNOWS
    unsure: tuple[Instance, ...]  # what is seen too little of to be asked for
    phrases: tuple[Mapping[str, Any], ...]  # what can be asked of this view


def view(views: Views, vocabulary: Vocabulary, fine: int, coarse: int, rng: np.random.Generator) -> Dense:
    """A random view of a random image of `views`, labelled on a grid of `fine` places a side and one of `coarse`."""
    truth = views.truth
    image_id = views.image_ids[rng.integers(len(views.image_ids))]
    image = truth.images[image_id]
    crop, flip = views.crop(image["width"], image["height"], rng), rng.random() < 0.5
    picture = Image.open(views.data.images / image["file_name"]).convert("RGB")
    there, unsure = seen(truth.of(image_id), crop, views.size)
    exhaustive = all(item.rle is not None for item in truth.of(image_id)) or rng.random() < EXHAUSTIVE
    skip = "size" if crop[2] < WHOLE * min(image["width"], image["height"]) else None
    rows = [vocabulary.labels(item, skip) for item in there]
    label = np.full((1 + len(vocabulary.attributes), fine, fine), UNSURE, np.int64)
    label[0] = NOTHING if exhaustive else UNSURE
    places = crop_places(crop, fine)
    whose = np.full((fine, fine), NOBODY if exhaustive else NOBODY_KNOWS, np.int64)
    for item in unsure:
        at = _at(views.mask(item, picture), places)
        label[0][at], whose[at] = UNSURE, NOBODY_KNOWS
    for number, (item, row) in enumerate(zip(there, rows, strict=True)):
        at = _at(views.mask(item, picture), places)
        label[:, at], whose[at] = np.array(row)[:, None], number
    middle, boxes = _middles(there, rows, unsure, crop, coarse, len(label), exhaustive)
    if flip:
        label, middle, boxes, whose = label[..., ::-1], middle[..., ::-1], boxes[..., ::-1], whose[:, ::-1]
        boxes = np.stack([1 - boxes[2], boxes[1], 1 - boxes[0], boxes[3]])
    return Dense(
        views.pixels(picture, crop, flip, rng),
        torch.from_numpy(label.copy()),
        torch.from_numpy(middle.copy()),
        torch.from_numpy(boxes.astype(np.float32)),
        tuple(there),
        torch.from_numpy(whose.copy()),
        tuple(unsure),
        tuple(phrase for phrase in views.phrases if skip is None or skip not in phrase.get("attributes", {})),
    )


def crop_places(crop: tuple[float, float, float], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the image, px, of the middles of `count` x `count` places in a crop (left, top, side)."""
    left, top, side = crop
    steps = (np.arange(count) + 0.5) * side / count
    return (top + steps).astype(int), (left + steps).astype(int)


def _at(mask: np.ndarray, places: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return mask[np.ix_(*places)]


def _middles(
    there: Sequence[Instance],
    rows: Sequence[Sequence[int]],
    unsure: Sequence[Instance],
    crop: tuple[float, float, float],
    count: int,
    kinds: int,
    exhaustive: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Labels int64 (kinds, count, count) and boxes float64 (4, count, count) of the cells in objects' middles.

    An object has the cell that holds the middle of its box, and those whose own middle lies in the inner quarter of
    it; of several objects the smaller has the cell. All else shows nothing, but where something unsure lies.
    """
    left, top, side = crop
    labels = np.full((kinds, count, count), UNSURE, np.int64)
    labels[0] = NOTHING if exhaustive else UNSURE
    boxes = np.zeros((4, count, count))
    centres = (np.arange(count) + 0.5) / count

    def box(item: Instance) -> np.ndarray:
        corners = (np.array(item.box, float) - [left, top, left, top]) / side
        return np.clip(corners, 0, 1)

    for item in unsure:
        x0, y0, x1, y1 = box(item)
        inside = ((centres > y0) & (centres < y1))[:, None] & ((centres > x0) & (centres < x1))[None]
        labels[0][inside] = UNSURE
    order = sorted(range(len(there)), key=lambda index: -float(np.prod(box(there[index])[2:] - box(there[index])[:2])))
    for index in order:
        x0, y0, x1, y1 = box(there[index])
        x, y, wide, high = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
        inner = (np.abs(centres - y) < high / 4)[:, None] & (np.abs(centres - x) < wide / 4)[None]
        inner[min(int(y * count), count - 1), min(int(x * count), count - 1)] = True
        labels[:, inner] = np.array(rows[index])[:, None]
        boxes[:, inner] = np.array([x0, y0, x1, y1])[:, None]
    return labels, boxes


def vocabulary(views: Sequence[Views], phrases: Sequence[Mapping[str, Any]]) -> Vocabulary:
    """The nouns that the first data set labels, and those of its attributes that some phrase asks for."""
    truth = views[0].truth
    asked = {name for phrase in phrases for name in phrase.get("attributes", {})}
    return Vocabulary(
        tuple(sorted(truth.nouns)), {name: values for name, values in truth.attributes.items() if name in asked}
    )
