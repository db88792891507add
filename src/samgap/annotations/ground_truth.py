"""Ground truth as every data set ends in it: `instances.json` (COCO, with `ignore` and attributes kept).

`info.nouns` lists the nouns that are labelled exhaustively or known to be absent; `info.attributes` the
attributes that every instance of a noun carries, with their values. A phrase outside them is "not evaluable".
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
    """One labelled object: its mask as COCO RLE (`size` (height, width), `counts` bytes), or a box alone."""

    id: int
    image_id: int
    noun: str
    box: tuple[float, float, float, float]  # x0, y0, x1, y1 in px, end exclusive
    area: int
    rle: dict[str, Any] | None
    attributes: Mapping[str, str] = field(default_factory=dict)
    ignore: bool = False
    occlusion: float | None = None  # share of it that something hides, 0 to 1; None where it is not known
    track: int | None = None  # one number for one object in all frames of a sequence; None where there is none

    def decode_mask(self) -> np.ndarray:
        """The mask, bool, (height, width)."""
        assert self.rle is not None
        return coco_mask.decode(self.rle).astype(bool)


@dataclass(frozen=True)
class GroundTruth:
    """All instances of a data set, by image."""

    images: Mapping[int, Mapping[str, Any]]  # id -> file_name, width, height, group; maybe attributes, sequence, frame
    instances: Mapping[int, list[Instance]]  # image id -> its instances (an image without any has none)
    nouns: frozenset[str]
    attributes: Mapping[str, tuple[str, ...]]

    def instances_of(self, image_id: int) -> list[Instance]:
        return self.instances.get(image_id, [])


def read_ground_truth(path: str | Path, image_ids: Iterable[int] | None = None) -> GroundTruth:
    """Read `instances.json`, of all images or of `image_ids` alone."""
    data = read_json(path)
    try:
        names = {category["id"]: category["name"] for category in data["categories"]}
        images = {image["id"]: image for image in data["images"]}
        wanted = set(images) if image_ids is None else set(image_ids)
        instances = defaultdict(list)
        for row in data["annotations"]:
            if row["image_id"] in wanted:
                instances[row["image_id"]].append(_parse_instance(row, names))
        info = data["info"]
        attributes = {name: tuple(values) for name, values in info["attributes"].items()}
        kept = {key: image for key, image in images.items() if key in wanted}
        return GroundTruth(kept, dict(instances), frozenset(info["nouns"]), attributes)
    except KeyError as error:
        raise UserError(f"{path}: no {error} in it; make the data set again") from error


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
    )
