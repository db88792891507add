"""What every data set ends in: `images/`, `instances.json` (COCO) and `images.parquet`."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from samgap.datasets import AnnotatedImage, Annotation
from samgap.errors import UserError
from samgap.io.files import atomic_directory, atomic_write
from samgap.io.progress import report_progress
from samgap.masks.encoding import encode_annotation
from samgap.tables.images import IMAGES

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg"}


def write_dataset(
    annotated_images: Iterable[AnnotatedImage],
    info: Mapping[str, Any],
    images_dir: str | Path,
    instances_path: str | Path,
    table_path: str | Path,
    *,
    dataset: str,
    provenance: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Write `pictures` (one held at a time) as the data set `dataset`; nothing is replaced before all are there.

    `info` has `nouns` and `attributes` (see samgap.annotations.ground_truth). Images are numbered from 1 by file
    name, whatever order they come in, and instances from 1 by image and order within it. Two pictures of one name, or
    none at all, raise UserError; a label that does not fit its picture raises ValueError.
    Returns `{"n_images", "n_instances", "n_ignored", "images_sha256"}`, the last over all names and bytes; and where
    there are files beside the images, `"n_extras"` and `"extras_sha256"` for these.
    """
    nouns = list(info["nouns"])
    found: dict[str, tuple[dict[str, Any], list[dict[str, Any]], str]] = {}
    extras: dict[str, str] = {}
    with atomic_directory(images_dir) as folder, report_progress(f"{dataset}: images", None, "images") as step:
        for picture in annotated_images:
            name = picture.file_name
            plain = name.removeprefix(f"{picture.sequence}/") if picture.sequence else name
            if (
                plain != PurePosixPath(plain.replace("\\", "/")).name
                or Path(plain).suffix.lower() not in IMAGE_SUFFIXES
            ):
                raise UserError(f"{dataset}: {name!r} is not the plain name of a .png or .jpg file")
            if name in found:
                raise UserError(f"{dataset}: two images are named {name}; names must be unique in a data set")
            for file, data in {name: picture.encoded_bytes, **picture.extra_files}.items():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                with open(folder / file, "xb") as stream:
                    stream.write(data)
            extras |= {file: hashlib.sha256(data).hexdigest() for file, data in picture.extra_files.items()}
            image: dict[str, Any] = {"width": picture.width, "height": picture.height, "group": picture.group}
            if picture.attributes:
                image["attributes"] = dict(picture.attributes)
            if picture.sequence:
                image |= {"sequence": picture.sequence, "frame": picture.frame_index}
            annotations = [_to_coco_annotation(picture, label, nouns) for label in picture.annotations]
            found[name] = (image, annotations, hashlib.sha256(picture.encoded_bytes).hexdigest())
            step(1)
        if not found:
            raise UserError(f"{dataset}: no image in it; check its options in the configuration")

    images: list[dict[str, Any]] = []
    instances: list[dict[str, Any]] = []
    for image_id, name in enumerate(sorted(found), start=1):
        image, annotations, _ = found[name]
        images.append({"id": image_id, "file_name": name, **image})
        for annotation in annotations:
            instances.append({"id": len(instances) + 1, "image_id": image_id, **annotation})
    coco = {
        "info": {"dataset": dataset, "nouns": nouns, "attributes": info["attributes"]},
        "images": images,
        "categories": [{"id": number, "name": noun} for number, noun in enumerate(nouns, start=1)],
        "annotations": instances,
    }
    with atomic_write(instances_path) as temporary:
        temporary.write_text(json.dumps(coco, sort_keys=True) + "\n")
    keys = {"id": "image_id", "file_name": "file", "width": "width", "height": "height", "group": "group"}
    rows = [
        {column: image[key] for key, column in keys.items()} | {key: image.get(key) for key in ("sequence", "frame")}
        for image in images
    ]
    IMAGES.write(table_path, rows, provenance)
    return {
        "n_images": len(images),
        "n_instances": len(instances),
        "n_ignored": sum(instance["ignore"] for instance in instances),
        "images_sha256": _hash_checksums({name: checksum for name, (*_, checksum) in found.items()}),
        **({"n_extras": len(extras), "extras_sha256": _hash_checksums(extras)} if extras else {}),
    }


def _hash_checksums(checksums: Mapping[str, str]) -> str:
    """One sha256 over several files' names and sha256."""
    lines = (f"{checksums[name]}  {name}\n" for name in sorted(checksums))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _to_coco_annotation(image: AnnotatedImage, annotation: Annotation, nouns: list[str]) -> dict[str, Any]:
    if annotation.noun not in nouns:
        raise ValueError(f"{image.file_name}: noun {annotation.noun!r} is not among {nouns}")
    row = {
        "category_id": nouns.index(annotation.noun) + 1,
        "iscrowd": 0,
        "ignore": int(annotation.ignore),
        "attributes": dict(annotation.attributes),
    }
    known = {"occlusion": annotation.occluded_fraction, "track": annotation.track_id}
    row |= {key: value for key, value in known.items() if value is not None}
    if annotation.mask is None:
        if annotation.box is None:
            raise ValueError(f"{image.file_name}: a label with neither mask nor box")
        x0, y0, x1, y1 = annotation.box
        return {**row, "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)}
    size, at = (image.height, image.width), annotation.offset
    ends = tuple(np.add(at or (0, 0), annotation.mask.shape))
    if min(at or (0, 0)) < 0 or (ends != size if at is None else np.greater(ends, size).any()):
        raise ValueError(f"{image.file_name}: mask {annotation.mask.shape} at {at}, image {size}")
    box, area, rle = encode_annotation(annotation.mask, at or (0, 0), size)
    return {**row, "bbox": box, "area": area, "segmentation": rle}
