"""Write a data set: `images/`, `instances.json` (COCO) and `images.parquet`."""

import hashlib
import json
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from samgap.datasets import AnnotatedImage, Annotation
from samgap.datasets.left_out import ReturnedCounts
from samgap.datasets.names import summarize_names
from samgap.datasets.photographs import IMAGE_SUFFIXES
from samgap.datasets.warning_log import warn
from samgap.errors import UserError
from samgap.io.files import atomic_directory, atomic_write, hash_checksums
from samgap.io.progress import report_progress
from samgap.masks.coco_annotation import encode_annotation
from samgap.tables.images import IMAGES


@dataclass(frozen=True)
class _WrittenImage:
    """Entries of the COCO file for an image whose file is written."""

    entry: dict[str, Any]  # of `images` in instances.json, without id and file name
    annotations: list[dict[str, Any]]  # without id and image_id
    sha256: str
    extra_sha256: dict[str, str]  # of the extra files, by name


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
    """Write the images, `instances.json` and the table `images`; existing outputs are replaced at the end.

    Image ids count from 1 in the order of the file names, independent of the order of `annotated_images`. Instance ids
    count from 1 in the order of the image ids and, within an image, of its annotations. Images are written one at a
    time to limit the memory.

    Args:
        annotated_images: The images with their annotations.
        info: `nouns` and `attributes` that are labelled (`describe_labels` of the kind).
        images_dir: Folder of the images.
        instances_path: The COCO file.
        table_path: The table `images`.
        dataset: Id of the data set, for messages and the COCO file.
        provenance: Stored in the metadata of the table.

    Returns:
        `n_images`, `n_groups`, `n_instances`, `n_ignored` and `images_sha256` (over all names and contents); the counts
        of `LabelCounts.to_card` and `n_incomplete_images`; `n_repeated_images`, the number of single images with the
        content of another; `unknown_attributes`, the number of instances of which the
        value of an attribute is unknown, by its name; for a data set with extra files also `n_extras` and
        `extras_sha256`.

    Raises:
        UserError: There is no image, or two images have the same name, or a name is not a plain file name.
        ValueError: An annotation does not fit its image.
    """
    nouns = list(info["nouns"])
    written: dict[str, _WrittenImage] = {}
    labels = ReturnedCounts(annotated_images)
    with atomic_directory(images_dir) as folder, report_progress(f"{dataset}: images", None, "images") as advance:
        for image in labels:
            _check_file_name(image, written, dataset)
            written[image.file_name] = _write_image(image, folder, nouns)
            advance(1)
        if not written:
            raise UserError(f"{dataset}: the data set has no image; check its options in the configuration")
    images, instances = _assign_ids(written)
    coco = {
        "info": {**info, "dataset": dataset, "nouns": nouns},
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
        "n_groups": len({image["group"] for image in images}),
        "n_instances": len(instances),
        "n_ignored": sum(instance["ignore"] for instance in instances),
        **labels.counts.to_card(),
        "n_repeated_images": _count_repeated_images(written, dataset),
        "unknown_attributes": _count_unknown_attributes(instances),
        "n_incomplete_images": sum("incomplete" in image for image in images),
        "images_sha256": hash_checksums({name: image.sha256 for name, image in written.items()}),
        **({"n_extras": len(extras), "extras_sha256": hash_checksums(extras)} if extras else {}),
    }


def _check_file_name(image: AnnotatedImage, written: Container[str], dataset: str) -> None:
    name = image.file_name
    base_name = name.removeprefix(f"{image.sequence}/") if image.sequence else name
    if (
        base_name != PurePosixPath(base_name.replace("\\", "/")).name
        or Path(base_name).suffix.lower() not in IMAGE_SUFFIXES
    ):
        raise UserError(f"{dataset}: {name!r} is not the name of a .png or .jpg file without folders")
    if name in written:
        raise UserError(f"{dataset}: two images are named {name}; rename one of them")


def _write_image(image: AnnotatedImage, folder: Path, nouns: list[str]) -> _WrittenImage:
    for name, content in {image.file_name: image.encoded_bytes, **image.extra_files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with open(folder / name, "xb") as stream:
            stream.write(content)
    entry: dict[str, Any] = {"width": image.width, "height": image.height, "group": image.group}
    if image.attributes:
        entry["attributes"] = dict(image.attributes)
    if image.incomplete:
        entry["incomplete"] = sorted(image.incomplete)
    if image.sequence:
        entry |= {"sequence": image.sequence, "frame": image.frame_index}
    return _WrittenImage(
        entry,
        [_to_coco_annotation(image, annotation, nouns) for annotation in image.annotations],
        hashlib.sha256(image.encoded_bytes).hexdigest(),
        {name: hashlib.sha256(content).hexdigest() for name, content in image.extra_files.items()},
    )


def _assign_ids(written: Mapping[str, _WrittenImage]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the COCO entries of all images and of all instances, with their ids."""
    images: list[dict[str, Any]] = []
    instances: list[dict[str, Any]] = []
    for image_id, name in enumerate(sorted(written), start=1):
        images.append({"id": image_id, "file_name": name, **written[name].entry})
        for annotation in written[name].annotations:
            instances.append({"id": len(instances) + 1, "image_id": image_id, **annotation})
    return images, instances


def _count_repeated_images(written: Mapping[str, _WrittenImage], dataset: str) -> int:
    """Return the number of images with the content of another, and warn of them; frames of videos may be equal."""
    first_names: dict[str, str] = {}
    pairs = []
    for name in sorted(written):
        if "sequence" not in written[name].entry:
            first_name = first_names.setdefault(written[name].sha256, name)
            if first_name != name:
                pairs.append(f"{name} as {first_name}")
    if pairs:
        summary = f"images with the content of another, which count twice ({len(pairs)})"
        remedy = "remove them, or list the images to read in `files`"
        warn(dataset, f"{summary}: {summarize_names(pairs)}; {remedy}", [summary])
    return len(pairs)


def _count_unknown_attributes(instances: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    counts = Counter(name for instance in instances for name in instance.get("unknown_attributes", ()))
    return dict(sorted(counts.items()))


def _make_table_row(image: Mapping[str, Any]) -> dict[str, Any]:
    columns = {"id": "image_id", "file_name": "file", "width": "width", "height": "height", "group": "group"}
    optional = {key: image.get(key) for key in ("sequence", "frame")}
    strata = sorted(image.get("attributes", {}).items()) or None
    return {column: image[key] for key, column in columns.items()} | optional | {"strata": strata}


def _to_coco_annotation(image: AnnotatedImage, annotation: Annotation, nouns: list[str]) -> dict[str, Any]:
    """Return the COCO annotation without its ids; raise ValueError if it does not fit the image."""
    if annotation.noun not in nouns:
        raise ValueError(f"{image.file_name}: noun {annotation.noun!r} is not among {nouns}")
    row = {
        "category_id": nouns.index(annotation.noun) + 1,
        "iscrowd": 0,
        "ignore": int(annotation.ignore),
        "attributes": dict(annotation.attributes),
    }
    optional = {
        "occlusion": annotation.occluded_fraction,
        "track": annotation.track_id,
        "unknown_attributes": sorted(annotation.unknown_attributes) or None,
    }
    row |= {key: value for key, value in optional.items() if value is not None}
    if annotation.mask is None:
        if annotation.box is None:
            raise ValueError(f"{image.file_name}: an annotation without mask and box")
        x0, y0, x1, y1 = annotation.box
        return {**row, "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)}
    size, offset = (image.height, image.width), annotation.offset or (0, 0)
    end = tuple(np.add(offset, annotation.mask.shape))
    is_whole_image = annotation.offset is None
    if min(offset) < 0 or (end != size if is_whole_image else np.greater(end, size).any()):
        raise ValueError(f"{image.file_name}: mask {annotation.mask.shape} at {annotation.offset}, image {size}")
    box, area, rle = encode_annotation(annotation.mask, offset, size)
    return {**row, "bbox": box, "area": area, "segmentation": rle}
