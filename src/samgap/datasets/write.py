"""Writing a data set: `images/`, `instances.json` (COCO) and `images.parquet`."""

import hashlib
import json
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from samgap.datasets import AnnotatedImage, Annotation
from samgap.errors import UserError
from samgap.io.files import atomic_directory, atomic_write
from samgap.io.progress import report_progress
from samgap.masks.coco_annotation import encode_annotation
from samgap.tables.images import IMAGES

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg"}


@dataclass(frozen=True)
class _WrittenImage:
    """What the tables need of an image whose file is written."""

    entry: dict[str, Any]  # of `images` in instances.json, without id and file name
    annotations: list[dict[str, Any]]  # without id and image_id
    sha256: str
    extra_sha256: dict[str, str]  # of the files beside it, by name


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
    """Write a data set: its images, `instances.json` and the table `images`; outputs are replaced at the end.

    Images get ids from 1 in the order of their file names, whatever order they come in, and instances from 1 by image
    and order within it. One image is held in memory at a time.

    Args:
        annotated_images: The images with their annotations.
        info: `nouns` and `attributes` of the data set, see `samgap.annotations.ground_truth`.
        images_dir: Folder of the images.
        instances_path: The COCO file.
        table_path: The table `images`.
        dataset: Id of the data set, for messages and the COCO file.
        provenance: Written with the table.

    Returns:
        `n_images`, `n_instances`, `n_ignored` and `images_sha256` (over all names and bytes); where there are files
        beside the images, `n_extras` and `extras_sha256` too.

    Raises:
        UserError: There is no image, or two have the same name.
        ValueError: An annotation does not fit its image.
    """
    nouns = list(info["nouns"])
    written: dict[str, _WrittenImage] = {}
    with atomic_directory(images_dir) as folder, report_progress(f"{dataset}: images", None, "images") as step:
        for image in annotated_images:
            _check_file_name(image, written, dataset)
            written[image.file_name] = _write_image(image, folder, nouns)
            step(1)
        if not written:
            raise UserError(f"{dataset}: no image in it; check its options in the configuration")
    images, instances = _number(written)
    coco = {
        "info": {"dataset": dataset, "nouns": nouns, "attributes": info["attributes"]},
        "images": images,
        "categories": [{"id": number, "name": noun} for number, noun in enumerate(nouns, start=1)],
        "annotations": instances,
    }
    with atomic_write(instances_path) as temporary:
        temporary.write_text(json.dumps(coco, sort_keys=True) + "\n", encoding="utf-8")
    IMAGES.write(table_path, [_make_table_row(image) for image in images], provenance)
    extras = {name: sha256 for image in written.values() for name, sha256 in image.extra_sha256.items()}
    return {
        "n_images": len(images),
        "n_instances": len(instances),
        "n_ignored": sum(instance["ignore"] for instance in instances),
        "images_sha256": _hash_checksums({name: image.sha256 for name, image in written.items()}),
        **({"n_extras": len(extras), "extras_sha256": _hash_checksums(extras)} if extras else {}),
    }


def _check_file_name(image: AnnotatedImage, written: Container[str], dataset: str) -> None:
    name = image.file_name
    plain = name.removeprefix(f"{image.sequence}/") if image.sequence else name
    if plain != PurePosixPath(plain.replace("\\", "/")).name or Path(plain).suffix.lower() not in IMAGE_SUFFIXES:
        raise UserError(f"{dataset}: {name!r} is not the plain name of a .png or .jpg file")
    if name in written:
        raise UserError(f"{dataset}: two images are named {name}; names must be unique in a data set")


def _write_image(image: AnnotatedImage, folder: Path, nouns: list[str]) -> _WrittenImage:
    for name, data in {image.file_name: image.encoded_bytes, **image.extra_files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with open(folder / name, "xb") as stream:
            stream.write(data)
    entry: dict[str, Any] = {"width": image.width, "height": image.height, "group": image.group}
    if image.attributes:
        entry["attributes"] = dict(image.attributes)
    if image.sequence:
        entry |= {"sequence": image.sequence, "frame": image.frame_index}
    return _WrittenImage(
        entry,
        [_to_coco_annotation(image, annotation, nouns) for annotation in image.annotations],
        hashlib.sha256(image.encoded_bytes).hexdigest(),
        {name: hashlib.sha256(data).hexdigest() for name, data in image.extra_files.items()},
    )


def _number(written: Mapping[str, _WrittenImage]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The COCO entries of all images and instances, with their ids."""
    images: list[dict[str, Any]] = []
    instances: list[dict[str, Any]] = []
    for image_id, name in enumerate(sorted(written), start=1):
        images.append({"id": image_id, "file_name": name, **written[name].entry})
        for annotation in written[name].annotations:
            instances.append({"id": len(instances) + 1, "image_id": image_id, **annotation})
    return images, instances


def _make_table_row(image: Mapping[str, Any]) -> dict[str, Any]:
    columns = {"id": "image_id", "file_name": "file", "width": "width", "height": "height", "group": "group"}
    optional = {key: image.get(key) for key in ("sequence", "frame")}
    return {column: image[key] for key, column in columns.items()} | optional


def _hash_checksums(checksums: Mapping[str, str]) -> str:
    """One sha256 over the names and checksums of several files."""
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
    optional = {"occlusion": annotation.occluded_fraction, "track": annotation.track_id}
    row |= {key: value for key, value in optional.items() if value is not None}
    if annotation.mask is None:
        if annotation.box is None:
            raise ValueError(f"{image.file_name}: an annotation with neither mask nor box")
        x0, y0, x1, y1 = annotation.box
        return {**row, "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)}
    size, at = (image.height, image.width), annotation.offset
    ends = tuple(np.add(at or (0, 0), annotation.mask.shape))
    if min(at or (0, 0)) < 0 or (ends != size if at is None else np.greater(ends, size).any()):
        raise ValueError(f"{image.file_name}: mask {annotation.mask.shape} at {at}, image {size}")
    box, area, rle = encode_annotation(annotation.mask, at or (0, 0), size)
    return {**row, "bbox": box, "area": area, "segmentation": rle}
