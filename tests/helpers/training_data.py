"""Small data sets for tests of trainings: simulated orchards, and one image with two red rectangles as apples."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from samgap.datasets import orchard_sim
from samgap.io.files import write_json
from samgap.masks import rle
from samgap.training.tasks import DatasetSource

APPLE_IMAGE_SIDE = 80
APPLE_BOXES = [(10, 20, 30, 40), (50, 50, 70, 75)]
"""x0, y0, x1, y1 of the red rectangles, px."""

APPLE_PHRASES = [
    {"phrase": "apple", "noun": "apple"},
    {"phrase": "large apple", "noun": "apple", "attributes": {"size": "large"}},
    {"phrase": "plum", "noun": "plum"},
]


def write_orchard(folder: Path, n_scenes: int = 6, side_px: int = 128) -> DatasetSource:
    """Write scenes of orchard-sim and their instances.json to a folder."""
    images, annotations = [], []
    options = {"scenes": n_scenes, "size": side_px, "seed": 11}
    for image_id, scene in enumerate(orchard_sim.iter_images(options, {}, 0), start=1):
        Image.open(io.BytesIO(scene.encoded_bytes)).save(folder / scene.file_name)
        images.append(
            {"id": image_id, "file_name": scene.file_name, "width": side_px, "height": side_px, "group": scene.group}
        )
        for label in scene.annotations:
            encoded = coco_mask.encode(np.asfortranarray(label.mask.astype(np.uint8)))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": orchard_sim.NOUNS.index(label.noun) + 1,
                    "bbox": coco_mask.toBbox(encoded).tolist(),
                    "area": int(coco_mask.area(encoded)),
                    "segmentation": {"size": [side_px, side_px], "counts": encoded["counts"].decode()},
                    "ignore": int(label.ignore),
                    "attributes": dict(label.attributes),
                }
            )
    _write_instances(folder, orchard_sim.describe_labels({}), orchard_sim.NOUNS, images, annotations)
    return DatasetSource(folder, folder / "instances.json")


def write_apples(
    folder: Path,
    boxes_only: bool = False,
    boxes: Sequence[tuple[int, int, int, int]] = APPLE_BOXES,
    exhaustive: bool = True,
    incomplete: Sequence[str] = (),
) -> DatasetSource:
    """Draw red rectangles on black as large apples, with masks or only with boxes.

    `exhaustive` says whether all objects are labelled, and `incomplete` has the nouns of which the image lost a label.
    """
    side = APPLE_IMAGE_SIDE
    pixels = np.zeros((side, side, 3), np.uint8)
    annotations = []
    for annotation_id, (x0, y0, x1, y1) in enumerate(boxes, start=1):
        pixels[y0:y1, x0:x1] = (255, 0, 0)
        mask = np.zeros((side, side), bool)
        mask[y0:y1, x0:x1] = True
        annotation = {"id": annotation_id, "image_id": 1, "category_id": 1, "bbox": [x0, y0, x1 - x0, y1 - y0]}
        annotation |= {"area": int(mask.sum()), "ignore": 0, "attributes": {"size": "large"}}
        if not boxes_only:
            annotation["segmentation"] = {"size": [side, side], "counts": rle.encode(mask)["counts"].decode()}
        annotations.append(annotation)
    Image.fromarray(pixels).save(folder / "a.png")
    image = {"id": 1, "file_name": "a.png", "width": side, "height": side, "group": "a"}
    if incomplete:
        image["incomplete"] = list(incomplete)
    info = {"nouns": ["apple"], "attributes": {"size": ["large"]}}
    _write_instances(folder, info, ["apple"], [image], annotations)
    return DatasetSource(folder, folder / "instances.json", exhaustive=exhaustive)


def _write_instances(
    folder: Path,
    info: Mapping[str, Any],
    nouns: Sequence[str],
    images: Sequence[Mapping[str, Any]],
    annotations: Sequence[Mapping[str, Any]],
) -> None:
    categories = [{"id": category_id, "name": noun} for category_id, noun in enumerate(nouns, start=1)]
    content = {"info": info, "images": images, "annotations": annotations, "categories": categories}
    write_json(folder / "instances.json", content)
