"""Views of labelled images with a label at every place: what is seen there, and where an object has its middle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from samgap.annotations.ground_truth import Instance
from samgap.training.sam3.views import EXHAUSTIVE_PROBABILITY, MIN_CROP_FRACTION_FOR_SIZE, ViewSampler, split_visible

BACKGROUND, IGNORE_LABEL = 0, -1
"""Labels of a place that shows nothing labelled, and of one of which nobody knows (nothing is learnt there)."""


NO_INSTANCE, UNLABELLED = -1, -2
"""What a place shows, where it shows no instance, and where what it shows is not known."""


@dataclass(frozen=True)
class Vocabulary:
    """What is told of a place: its noun, and of each attribute the value."""

    nouns: tuple[str, ...]
    attributes: Mapping[str, tuple[str, ...]]

    def encode_instance(self, instance: Instance, skipped_attribute: str | None = None) -> list[int]:
        """Of an instance: its noun counted from 1, then of each attribute the value's index, or UNSURE."""
        noun = self.nouns.index(instance.noun) + 1 if instance.noun in self.nouns else IGNORE_LABEL
        values = [
            known.index(instance.attributes[name])
            if name in instance.attributes and name != skipped_attribute
            else IGNORE_LABEL
            for name, known in self.attributes.items()
        ]
        return [noun, *values]


@dataclass(frozen=True)
class DenseView:
    """A view of `size` px and its labels; the first row of `fine` and `coarse` is the noun, then each attribute."""

    pixels: torch.Tensor  # float32 (3, size, size), -1 to 1
    fine_labels: torch.Tensor  # int64 (labels, f, f)
    coarse_labels: torch.Tensor  # int64 (labels, c, c): set where an object has its middle
    boxes: torch.Tensor  # float32 (4, c, c): that object's x0, y0, x1, y1 as shares of the view
    visible: tuple[Instance, ...]  # what can be asked for
    instance_map: torch.Tensor  # int64 (f, f): the position in `things` of what is at a place, NOBODY or NOBODY_KNOWS
    ambiguous: tuple[Instance, ...]  # what is seen too little of to be asked for
    phrases: tuple[Mapping[str, Any], ...]  # what can be asked of this view


def sample_dense_view(
    sampler: ViewSampler, vocabulary: Vocabulary, fine_size: int, coarse_size: int, rng: np.random.Generator
) -> DenseView:
    """A random view of a random image of `views`, labelled on a grid of `fine` places a side and one of `coarse`."""
    truth = sampler.ground_truth
    image_id = sampler.image_ids[rng.integers(len(sampler.image_ids))]
    image = truth.images[image_id]
    crop, flip = sampler.sample_crop(image["width"], image["height"], rng), rng.random() < 0.5
    picture = Image.open(sampler.source.image_folder / image["file_name"]).convert("RGB")
    there, unsure = split_visible(truth.instances_of(image_id), crop, sampler.view_size)
    exhaustive = (
        all(item.rle is not None for item in truth.instances_of(image_id)) or rng.random() < EXHAUSTIVE_PROBABILITY
    )
    skip = "size" if crop[2] < MIN_CROP_FRACTION_FOR_SIZE * min(image["width"], image["height"]) else None
    rows = [vocabulary.encode_instance(item, skip) for item in there]
    label = np.full((1 + len(vocabulary.attributes), fine_size, fine_size), IGNORE_LABEL, np.int64)
    label[0] = BACKGROUND if exhaustive else IGNORE_LABEL
    places = grid_centres(crop, fine_size)
    whose = np.full((fine_size, fine_size), NO_INSTANCE if exhaustive else UNLABELLED, np.int64)
    for item in unsure:
        at = _sample_mask(sampler.load_mask(item, picture), places)
        label[0][at], whose[at] = IGNORE_LABEL, UNLABELLED
    for number, (item, row) in enumerate(zip(there, rows, strict=True)):
        at = _sample_mask(sampler.load_mask(item, picture), places)
        label[:, at], whose[at] = np.array(row)[:, None], number
    middle, boxes = _label_centres(there, rows, unsure, crop, coarse_size, len(label), exhaustive)
    if flip:
        label, middle, boxes, whose = label[..., ::-1], middle[..., ::-1], boxes[..., ::-1], whose[:, ::-1]
        boxes = np.stack([1 - boxes[2], boxes[1], 1 - boxes[0], boxes[3]])
    return DenseView(
        sampler.crop_pixels(picture, crop, flip, rng),
        torch.from_numpy(label.copy()),
        torch.from_numpy(middle.copy()),
        torch.from_numpy(boxes.astype(np.float32)),
        tuple(there),
        torch.from_numpy(whose.copy()),
        tuple(unsure),
        tuple(phrase for phrase in sampler.phrases if skip is None or skip not in phrase.get("attributes", {})),
    )


def grid_centres(crop: tuple[float, float, float], grid_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the image, px, of the middles of `count` x `count` places in a crop (left, top, side)."""
    left, top, side = crop
    steps = (np.arange(grid_size) + 0.5) * side / grid_size
    return (top + steps).astype(int), (left + steps).astype(int)


def _sample_mask(mask: np.ndarray, grid_points: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return mask[np.ix_(*grid_points)]


def _label_centres(
    visible: Sequence[Instance],
    label_rows: Sequence[Sequence[int]],
    ambiguous: Sequence[Instance],
    crop: tuple[float, float, float],
    grid_size: int,
    n_labels: int,
    is_exhaustive: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Labels int64 (kinds, count, count) and boxes float64 (4, count, count) of the cells in objects' middles.

    An object has the cell that holds the middle of its box, and those whose own middle lies in the inner quarter of
    it; of several objects the smaller has the cell. All else shows nothing, but where something unsure lies.
    """
    left, top, side = crop
    labels = np.full((n_labels, grid_size, grid_size), IGNORE_LABEL, np.int64)
    labels[0] = BACKGROUND if is_exhaustive else IGNORE_LABEL
    boxes = np.zeros((4, grid_size, grid_size))
    centres = (np.arange(grid_size) + 0.5) / grid_size

    def box(item: Instance) -> np.ndarray:
        corners = (np.array(item.box, float) - [left, top, left, top]) / side
        return np.clip(corners, 0, 1)

    for item in ambiguous:
        x0, y0, x1, y1 = box(item)
        inside = ((centres > y0) & (centres < y1))[:, None] & ((centres > x0) & (centres < x1))[None]
        labels[0][inside] = IGNORE_LABEL
    order = sorted(
        range(len(visible)), key=lambda index: -float(np.prod(box(visible[index])[2:] - box(visible[index])[:2]))
    )
    for index in order:
        x0, y0, x1, y1 = box(visible[index])
        x, y, wide, high = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
        inner = (np.abs(centres - y) < high / 4)[:, None] & (np.abs(centres - x) < wide / 4)[None]
        inner[min(int(y * grid_size), grid_size - 1), min(int(x * grid_size), grid_size - 1)] = True
        labels[:, inner] = np.array(label_rows[index])[:, None]
        boxes[:, inner] = np.array([x0, y0, x1, y1])[:, None]
    return labels, boxes


def build_vocabulary(samplers: Sequence[ViewSampler], phrases: Sequence[Mapping[str, Any]]) -> Vocabulary:
    """The nouns that the first data set labels, and those of its attributes that some phrase asks for."""
    truth = samplers[0].ground_truth
    asked = {name for phrase in phrases for name in phrase.get("attributes", {})}
    return Vocabulary(
        tuple(sorted(truth.nouns)), {name: values for name, values in truth.attributes.items() if name in asked}
    )
