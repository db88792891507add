"""Views of labelled images with a noun and attributes at every location, and boxes at the centres of objects."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from samgap.annotations.ground_truth import Instance
from samgap.training.sam3.views import Crop, ViewSampler, is_small_crop, split_visible

BACKGROUND, IGNORE_LABEL = 0, -1
"""Labels of a location without a labelled object, and of one without a loss."""

NO_INSTANCE, UNLABELLED = -1, -2
"""Values of an instance map where there is no instance, and where it is unknown whether there is one."""


@dataclass(frozen=True)
class Vocabulary:
    """The nouns, and the values of each attribute, that a location can have."""

    nouns: tuple[str, ...]
    attributes: Mapping[str, tuple[str, ...]]

    def encode_instance(self, instance: Instance, skipped_attribute: str | None = None) -> list[int]:
        """Return an instance's labels: its noun, counted from 1, then the index of each attribute's value.

        IGNORE_LABEL stands for a noun or value that is missing or unknown here, and for `skipped_attribute`.
        """
        noun = self.nouns.index(instance.noun) + 1 if instance.noun in self.nouns else IGNORE_LABEL
        values = [
            possible.index(instance.attributes[name])
            if instance.attributes.get(name) in possible and name != skipped_attribute
            else IGNORE_LABEL
            for name, possible in self.attributes.items()
        ]
        return [noun, *values]


@dataclass(frozen=True)
class DenseView:
    """A view and its labels on a fine grid (f x f) and a coarse grid (c x c): the noun, then each attribute."""

    pixels: torch.Tensor  # float32 (3, size, size), -1 to 1
    fine_labels: torch.Tensor  # int64 (labels, f, f)
    coarse_labels: torch.Tensor  # int64 (labels, c, c): of an object only at its centre
    boxes: torch.Tensor  # float32 (4, c, c): that object's x0, y0, x1, y1 as fractions of the view
    visible: tuple[Instance, ...]
    instance_map: torch.Tensor  # int64 (f, f): index into `visible`, NO_INSTANCE or UNLABELLED
    ambiguous: tuple[Instance, ...]  # instances that count neither as present nor as absent
    phrases: tuple[Mapping[str, Any], ...]  # phrases that can be evaluated in this view


@dataclass(frozen=True)
class _LabelledCrop:
    """What the labels of a grid are made from; the fields are those of `DenseView` where the names are the same."""

    crop: Crop
    visible: Sequence[Instance]
    label_rows: Sequence[Sequence[int]]  # the labels of each visible instance
    ambiguous: Sequence[Instance]
    is_exhaustive: bool  # whether a location without a label is background

    def make_grid(self, n_labels: int, grid_size: int) -> np.ndarray:
        """Return the labels of a grid without objects, int64 (n_labels, grid_size, grid_size)."""
        labels = np.full((n_labels, grid_size, grid_size), IGNORE_LABEL, np.int64)
        labels[0] = BACKGROUND if self.is_exhaustive else IGNORE_LABEL
        return labels


@dataclass(frozen=True)
class _Labels:
    """The labels of a view as NumPy arrays; the fields are those of `DenseView`."""

    fine_labels: np.ndarray
    coarse_labels: np.ndarray
    boxes: np.ndarray
    instance_map: np.ndarray

    def flip(self) -> "_Labels":
        """Return the labels of the horizontally flipped view."""
        boxes = self.boxes[..., ::-1]
        boxes = np.stack([1 - boxes[2], boxes[1], 1 - boxes[0], boxes[3]])
        return _Labels(self.fine_labels[..., ::-1], self.coarse_labels[..., ::-1], boxes, self.instance_map[:, ::-1])


def sample_dense_view(
    sampler: ViewSampler, vocabulary: Vocabulary, fine_size: int, coarse_size: int, rng: np.random.Generator
) -> DenseView:
    """Return a random view of a random image.

    Args:
        sampler: the data set
        vocabulary: nouns and attributes of the labels
        fine_size: locations per side of the fine grid
        coarse_size: locations per side of the coarse grid
        rng: source of randomness
    """
    truth = sampler.ground_truth
    image_id = sampler.sample_image_id(rng)
    row, instances = truth.images[image_id], truth.instances_of(image_id)
    crop, flip = sampler.sample_crop(row["width"], row["height"], rng), rng.random() < 0.5
    image = Image.open(sampler.source.image_folder / row["file_name"]).convert("RGB")
    visible, ambiguous = split_visible(instances, crop, sampler.view_size)
    # A location without a label is background only if every noun of the vocabulary is labelled in the image.
    has_all_nouns = not truth.incomplete_nouns(image_id) and truth.nouns.issuperset(vocabulary.nouns)
    is_exhaustive = sampler.sample_exhaustive(image_id, rng) and has_all_nouns
    skipped_attribute = "size" if is_small_crop(crop, row) else None
    label_rows = [vocabulary.encode_instance(instance, skipped_attribute) for instance in visible]
    n_labels = 1 + len(vocabulary.attributes)
    content = _LabelledCrop(crop, visible, label_rows, ambiguous, is_exhaustive)
    fine_labels, instance_map = _label_fine_grid(
        content, functools.partial(sampler.load_mask, image=image), content.make_grid(n_labels, fine_size)
    )
    coarse_labels, boxes = _label_centres(content, content.make_grid(n_labels, coarse_size))
    labels = _Labels(fine_labels, coarse_labels, boxes, instance_map)
    if flip:
        labels = labels.flip()
    return DenseView(
        sampler.crop_pixels(image, crop, flip, rng),
        torch.from_numpy(labels.fine_labels.copy()),
        torch.from_numpy(labels.coarse_labels.copy()),
        torch.from_numpy(labels.boxes.astype(np.float32)),
        tuple(visible),
        torch.from_numpy(labels.instance_map.copy()),
        tuple(ambiguous),
        tuple(sampler.select_phrases(image_id, crop)),
    )


def compute_grid_centres(crop: Crop, grid_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and the columns of the image, px, of the centres of a grid's locations in a crop."""
    left, top, side = crop
    offsets = (np.arange(grid_size) + 0.5) * side / grid_size
    return (top + offsets).astype(int), (left + offsets).astype(int)


def _label_fine_grid(
    content: _LabelledCrop, load_mask: Callable[[Instance], np.ndarray], labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Label locations by the masks of instances.

    Args:
        content: the crop and its instances.
        load_mask: returns the mask of an instance in the image, bool (height, width).
        labels: of `make_grid`; changed in place.

    Returns:
        The labels, int64 (n_labels, f, f), and the instance map, int64 (f, f).
    """
    grid_size = labels.shape[-1]
    instance_map = np.full((grid_size, grid_size), NO_INSTANCE if content.is_exhaustive else UNLABELLED, np.int64)
    locations = np.ix_(*compute_grid_centres(content.crop, grid_size))
    for instance in content.ambiguous:
        is_covered = load_mask(instance)[locations]
        labels[0][is_covered], instance_map[is_covered] = IGNORE_LABEL, UNLABELLED
    for index, (instance, row) in enumerate(zip(content.visible, content.label_rows, strict=True)):
        is_covered = load_mask(instance)[locations]
        labels[:, is_covered], instance_map[is_covered] = np.array(row)[:, None], index
    return labels, instance_map


def _label_centres(content: _LabelledCrop, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Label the locations at objects' centres: labels int64 (n_labels, c, c), and boxes float64 (4, c, c).

    An object is labelled at the location that contains the centre of its box, and at those whose centres are in the
    inner quarter of the box; if several objects qualify, the smallest is used. Other locations are background, but
    those in the box of an ambiguous instance have no loss. `labels` is of `make_grid` and changed in place.
    """
    (left, top, side), visible, grid_size = content.crop, content.visible, labels.shape[-1]
    boxes = np.zeros((4, grid_size, grid_size))
    centres = (np.arange(grid_size) + 0.5) / grid_size

    def crop_box(instance: Instance) -> np.ndarray:
        corners = (np.array(instance.box, float) - [left, top, left, top]) / side
        return np.clip(corners, 0, 1)

    for instance in content.ambiguous:
        x0, y0, x1, y1 = crop_box(instance)
        is_inside = ((centres > y0) & (centres < y1))[:, None] & ((centres > x0) & (centres < x1))[None]
        labels[0][is_inside] = IGNORE_LABEL
    visible_boxes = [crop_box(instance) for instance in visible]
    largest_first = sorted(
        range(len(visible)), key=lambda index: -float(np.prod(visible_boxes[index][2:] - visible_boxes[index][:2]))
    )
    for index in largest_first:
        x0, y0, x1, y1 = visible_boxes[index]
        x, y, width, height = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
        is_centre = (np.abs(centres - y) < height / 4)[:, None] & (np.abs(centres - x) < width / 4)[None]
        is_centre[min(int(y * grid_size), grid_size - 1), min(int(x * grid_size), grid_size - 1)] = True
        labels[:, is_centre] = np.array(content.label_rows[index])[:, None]
        boxes[:, is_centre] = np.array([x0, y0, x1, y1])[:, None]
    return labels, boxes


def build_vocabulary(samplers: Sequence[ViewSampler], phrases: Sequence[Mapping[str, Any]]) -> Vocabulary:
    """Return the nouns of the first data set, and those of its attributes that occur in a phrase."""
    truth = samplers[0].ground_truth
    used = {name for phrase in phrases for name in phrase.get("attributes", {})}
    return Vocabulary(
        tuple(sorted(truth.nouns)), {name: values for name, values in truth.attributes.items() if name in used}
    )
