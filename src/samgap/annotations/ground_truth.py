"""Read the ground truth of a data set from its `instances.json`, a COCO file with `ignore` and attributes.

`info.nouns` lists the nouns that are fully labelled: every instance has a label, or no image contains one.
`info.attributes` lists the labelled attributes with their values. A phrase with other nouns or values is not evaluable.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from samgap.errors import UserError
from samgap.io.files import read_json


@dataclass(frozen=True)
class Instance:
    """One labelled instance.

    Attributes:
        id: Id, unique in the data set.
        image_id: Id of its image.
        noun: Class.
        box: Corners (x0, y0, x1, y1) in px, end exclusive.
        area: Area in px.
        rle: Mask as COCO RLE (`size` [height, width], compressed `counts` as bytes); None if only the box is labelled.
        attributes: Attribute name -> value.
        ignore: Whether the instance is excluded from the evaluation.
        occlusion: Fraction hidden by other objects, 0 to 1; None if unknown.
        track: Number of the object, the same in all frames of a sequence; None in single images.
        unknown_attributes: Names of the attributes whose value could not be read.
    """

    id: int
    image_id: int
    noun: str
    box: tuple[float, float, float, float]
    area: int
    rle: dict[str, Any] | None
    attributes: Mapping[str, str] = field(default_factory=dict)
    ignore: bool = False
    occlusion: float | None = None
    track: int | None = None
    unknown_attributes: frozenset[str] = frozenset()

    def decode_mask(self) -> np.ndarray:
        """Return the mask, bool, (height, width)."""
        assert self.rle is not None
        return coco_mask.decode(self.rle).astype(bool)


@dataclass(frozen=True)
class GroundTruth:
    """All labelled instances of a data set.

    Attributes:
        images: Image id -> entry of the COCO file: `file_name`, `width`, `height`, `group`, and optionally
            `attributes`, `sequence`, `frame` and `incomplete`, the nouns of which the image lost a label.
        instances: Image id -> instances; images without instances are missing.
        nouns: Fully labelled nouns: every instance has a label, or no image contains one.
        attributes: Labelled attribute -> its values.
    """

    images: Mapping[int, Mapping[str, Any]]
    instances: Mapping[int, list[Instance]]
    nouns: frozenset[str]
    attributes: Mapping[str, tuple[str, ...]]

    def instances_of(self, image_id: int) -> list[Instance]:
        """Return the instances of an image, which may be none."""
        return self.instances.get(image_id, [])

    def incomplete_nouns(self, image_id: int) -> frozenset[str]:
        """Return the nouns of which labels of an image could not be used, so that objects may lack a label."""
        return frozenset(self.images[image_id].get("incomplete", ()))

    def is_complete(self, image_id: int) -> bool:
        """Return whether all labels of an image could be used, with the values of their attributes."""
        return not self.incomplete_nouns(image_id) and not any(
            instance.unknown_attributes for instance in self.instances_of(image_id)
        )


def read_ground_truth(path: str | Path, image_ids: Iterable[int] | None = None) -> GroundTruth:
    """Read `instances.json`.

    Args:
        path: The COCO file.
        image_ids: Ids of the images to read; by default all.

    Raises:
        UserError: The file lacks a key.
    """
    coco = read_json(path)
    try:
        category_names = {category["id"]: category["name"] for category in coco["categories"]}
        images = {image["id"]: image for image in coco["images"]}
        selected_ids = set(images) if image_ids is None else set(image_ids)
        instances = defaultdict(list)
        for annotation in coco["annotations"]:
            if annotation["image_id"] in selected_ids:
                instances[annotation["image_id"]].append(_parse_instance(annotation, category_names))
        info = coco["info"]
        attributes = {name: tuple(values) for name, values in info["attributes"].items()}
        selected_images = {image_id: image for image_id, image in images.items() if image_id in selected_ids}
        return GroundTruth(selected_images, dict(instances), frozenset(info["nouns"]), attributes)
    except KeyError as error:
        raise UserError(f"{path}: the key {error} is missing; make the data set again") from error


def _parse_instance(annotation: Mapping[str, Any], category_names: Mapping[int, str]) -> Instance:
    x, y, width, height = annotation["bbox"]
    rle = annotation.get("segmentation")
    if rle is not None:
        rle = {"size": rle["size"], "counts": rle["counts"].encode()}
    return Instance(
        id=annotation["id"],
        image_id=annotation["image_id"],
        noun=category_names[annotation["category_id"]],
        box=(x, y, x + width, y + height),
        area=int(annotation["area"]),
        rle=rle,
        attributes=annotation.get("attributes", {}),
        ignore=bool(annotation.get("ignore", 0)),
        occlusion=annotation.get("occlusion"),
        track=annotation.get("track"),
        unknown_attributes=frozenset(annotation.get("unknown_attributes", ())),
    )
