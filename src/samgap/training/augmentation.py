"""Augmentation of training images with their labels, by the transforms of data sets of kind `augmented`.

What a transform costs a model at test time (Figure 7) is so measured with the same code.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.datasets.image_transforms import Transform, compose, list_changed_attributes, make_transform
from samgap.datasets.moved_shapes import MIN_VISIBLE, move_shape
from samgap.masks import rle


@dataclass(frozen=True)
class Augmentation:
    """The drawn augmentation of one image.

    Attributes:
        transform: all its steps as one transform.
        changed_attributes: attributes of instances that are unknown after it.
        size: width and height of the image, px.
    """

    transform: Transform
    changed_attributes: frozenset[str]
    size: tuple[int, int]

    def apply_to_image(self, image: Image.Image) -> Image.Image:
        """Return the augmented RGB image, of the same size."""
        return self.transform.apply_to_image(image)

    def apply_to_ground_truth(self, truth: GroundTruth, image_id: int) -> GroundTruth:
        """Return the ground truth of the image, without others, after the augmentation.

        Instances keep their ids. One that is cut off until almost nothing is left is marked `ignore`, and one without
        any pixel left is missing.

        Raises:
            UserError: an instance has only a box, and the augmentation rotates it.
        """
        name = truth.images[image_id]["file_name"]
        moved = [self._move_instance(instance, name) for instance in truth.instances_of(image_id)]
        instances = {image_id: [instance for instance in moved if instance is not None]}
        return dataclasses.replace(truth, instances=instances)

    def _move_instance(self, instance: Instance, image_name: str) -> Instance | None:
        shape = move_shape(instance, self.transform, self.size, MIN_VISIBLE, f"{image_name}, instance {instance.id}")
        if shape is None:
            return None
        unknown = {name for name in self.changed_attributes if name in instance.attributes}
        moved = dataclasses.replace(
            instance,
            attributes={name: value for name, value in instance.attributes.items() if name not in unknown},
            unknown_attributes=instance.unknown_attributes | unknown,
            ignore=instance.ignore or shape.is_rest,
        )
        if shape.mask is None:
            assert shape.box is not None
            x0, y0, x1, y1 = shape.box
            return dataclasses.replace(moved, box=shape.box, area=max(round((x1 - x0) * (y1 - y0)), 1))
        columns, rows = np.flatnonzero(shape.mask.any(axis=0)), np.flatnonzero(shape.mask.any(axis=1))
        box = (float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
        return dataclasses.replace(moved, box=box, area=int(shape.mask.sum()), rle=rle.encode(shape.mask))


def sample_augmentation(
    steps: Sequence[Mapping[str, Any]], size: tuple[int, int], rng: np.random.Generator
) -> Augmentation:
    """Sample the augmentation of an image.

    Args:
        steps: the option `augmentation` of a training: `transform` (one operation) and `probability`, default 1
        size: width and height of the image, px
        rng: source of randomness
    """
    transforms: list[Transform] = []
    changed: set[str] = set()
    for step in steps:
        [(operation, options)] = step["transform"].items()
        is_applied = rng.random() < step.get("probability", 1)
        transform = make_transform(operation, options, size, rng)
        if is_applied:
            transforms.append(transform)
            changed |= set(list_changed_attributes(operation, options))
    return Augmentation(compose(transforms), frozenset(changed), size)
