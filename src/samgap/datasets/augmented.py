"""Kind `augmented`: images of another data set, each as it is and once for each of some transforms.

It measures what an augmentation costs a model at test time. A stratum of images, `augmentation`, has the name of the
transform, or `none` for the original, whose file is the same byte for byte. The group of an image is that of its
original, so the copies of an image are one cluster, and differences between strata are paired.

Masks and boxes move with the pixels. An instance of which no pixel is left in the image is left out; one of which the
image cuts off most, or leaves a tiny rest, is ignored in the evaluation. Attributes that a transform changes, such as
the colour of a fruit, are unknown there, so phrases that name them are not evaluable on these images.

Options: `source` (the other data set); `images` (number of originals, evenly spread over the source); `transforms` (by
name, each with one operation); `seed` (the random values of a copy depend on it, on the name of the image, and on that
of the transform alone); `min-visible` (an instance of which a smaller fraction is left is ignored).
"""

import io
import zlib
from collections.abc import Generator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from samgap.annotations.ground_truth import GroundTruth, Instance, read_ground_truth
from samgap.datasets import AnnotatedImage, Annotation
from samgap.datasets.groups import assign_groups
from samgap.datasets.image_transforms import Transform, list_changed_attributes, make_transform
from samgap.datasets.left_out import LabelCounts
from samgap.datasets.moved_shapes import MIN_VISIBLE, move_shape
from samgap.datasets.warning_log import warn
from samgap.errors import UserError
from samgap.io.files import read_json

OPTIONS = {
    "required": ["source", "transforms"],
    "properties": {
        "source": {"$ref": "#/$defs/source"},
        "images": {
            "description": "Number of its images, evenly spread in the order of their names; default is all.",
            "type": "integer",
            "minimum": 1,
        },
        "seed": {"description": "Seed of the transforms.", "type": "integer", "minimum": 0, "default": 0},
        "min-visible": {
            "description": "An instance is ignored in the evaluation if a transform leaves a smaller fraction of it.",
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0.2,
        },
        "transforms": {
            "description": "The transforms by name, the value of the stratum; each has one operation.",
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"$ref": "#/$defs/id"},
            "not": {"description": "has 'none', which is the original; choose another name", "required": ["none"]},
            "additionalProperties": {"$ref": "#/$defs/transform"},
        },
    },
}

ORIGINAL = "none"
"""Value of the stratum `augmentation` of an image that is not transformed."""
CUT_OFF = "without a pixel in the transformed image are left out"
REST_IGNORED = "are cut off by a transform and ignored in the evaluation"


def describe_labels(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the labels of the source (`options["source"]` is its folder).

    Raises:
        UserError: `changes` of a transform names an attribute that the source does not label.
    """
    truth = read_ground_truth(Path(options["source"], "instances.json"), [])
    for name, transform in options["transforms"].items():
        for attribute in _get_operation(transform)[1].get("changes", []):
            if attribute not in truth.attributes:
                labelled = ", ".join(sorted(truth.attributes)) or "none"
                raise UserError(
                    f"{options['source']}: the attribute {attribute} is not labelled; name in `changes` of "
                    f"transforms.{name} what it changes of: {labelled}"
                )
    return {
        "nouns": sorted(truth.nouns),
        "attributes": {name: list(values) for name, values in truth.attributes.items()},
    }


def iter_images(
    options: Mapping[str, Any], archives: Mapping[str, Path], seed: int
) -> Generator[AnnotatedImage, None, LabelCounts]:
    """Yield each selected image of the source, then its transformed copies (`options["source"]` is its folder).

    Args:
        options: The entry, with the folder of the source in the place of its id.
        archives: Unused.
        seed: Seed of the transforms.

    Returns:
        Counts of the annotations, over all copies.

    Raises:
        UserError: The source has videos or too few images, or an instance with only a box would be rotated.
    """
    folder = Path(options["source"])
    truth = read_ground_truth(folder / "instances.json")
    _repeat_warnings(folder)
    counts = LabelCounts()
    image_ids = _select_image_ids(truth, options, folder)
    stems = assign_groups((truth.images[image_id]["file_name"] for image_id in image_ids), {})
    for image_id in image_ids:
        entry = truth.images[image_id]
        name, size = entry["file_name"], (entry["width"], entry["height"])
        encoded = (folder / "images" / name).read_bytes()
        yield _make_image(entry, name, encoded, ORIGINAL, truth, image_id, Transform(), options, counts)
        with Image.open(io.BytesIO(encoded)) as stored:
            pixels = stored.convert("RGB")
        for transform_name, transform in options["transforms"].items():
            operation, settings = _get_operation(transform)
            rng = np.random.default_rng([seed, zlib.crc32(f"{name}/{transform_name}".encode())])
            made = make_transform(operation, settings, size, rng)
            copy_name = f"{stems[name]}.{transform_name}.png"
            content = _encode_png(made.apply_to_image(pixels))
            yield _make_image(entry, copy_name, content, transform_name, truth, image_id, made, options, counts)
    return counts


def _repeat_warnings(folder: Path) -> None:
    """Take over the warnings and the lost annotations of the source: what is in doubt there is so in its copies."""
    path = folder / "dataset.json"
    card = read_json(path) if path.is_file() else {}
    texts = list(card.get("warnings", []))
    if n_lost := sum(card.get("left_out", {}).values()):
        texts.append(f"{n_lost} annotation{'' if n_lost == 1 else 's'} could not be used")
    for text in texts:
        warn(None, f"{folder}: {text}", [f"source {folder.name}: {text}"])


def _select_image_ids(truth: GroundTruth, options: Mapping[str, Any], folder: Path) -> list[int]:
    """Return the ids of the originals: of N images, of which n are selected, the k-th is that at (2k − 1)N/2n."""
    if any(image.get("sequence") for image in truth.images.values()):
        raise UserError(
            f"{folder}: has videos, whose tracks and flow a transform of single frames would break; name a data set "
            "of single images as `source`"
        )
    image_ids = sorted(truth.images)
    n_images = options.get("images", len(image_ids))
    if n_images > len(image_ids):
        raise UserError(f"{folder}: has {len(image_ids)} images; lower `images` ({n_images})")
    return [image_ids[(2 * number + 1) * len(image_ids) // (2 * n_images)] for number in range(n_images)]


def _make_image(
    entry: Mapping[str, Any],
    file_name: str,
    encoded_bytes: bytes,
    transform_name: str,
    truth: GroundTruth,
    image_id: int,
    transform: Transform,
    options: Mapping[str, Any],
    counts: LabelCounts,
) -> AnnotatedImage:
    """Return a copy of an image with its moved annotations, and count these."""
    changed = (
        ()
        if transform_name == ORIGINAL
        else list_changed_attributes(*_get_operation(options["transforms"][transform_name]))
    )
    annotations = []
    for instance in truth.instances_of(image_id):
        place = f"{PurePosixPath(file_name).stem}, instance {instance.id}"
        annotation = _move_instance(instance, transform, changed, (entry["width"], entry["height"]), options, place)
        if annotation is None:
            counts.not_used[CUT_OFF].append(place)
            continue
        counts.add_usable(instance.noun)
        if annotation.ignore and not instance.ignore:
            counts.changed[REST_IGNORED].append(place)
        annotations.append(annotation)
    return AnnotatedImage(
        file_name,
        encoded_bytes,
        entry["width"],
        entry["height"],
        entry["group"],
        annotations,
        attributes={"augmentation": transform_name},
        incomplete=tuple(entry.get("incomplete", ())),
    )


def _move_instance(
    instance: Instance,
    transform: Transform,
    changed: tuple[str, ...],
    size: tuple[int, int],
    options: Mapping[str, Any],
    place: str,
) -> Annotation | None:
    """Return the annotation of an instance after a transform; None if nothing of it is left in the image."""
    shape = move_shape(instance, transform, size, options.get("min-visible", MIN_VISIBLE), place)
    if shape is None:
        return None
    unknown = {name for name in changed if name in instance.attributes} | instance.unknown_attributes
    return Annotation(
        instance.noun,
        mask=shape.mask,
        box=shape.box,
        attributes={name: value for name, value in instance.attributes.items() if name not in changed},
        ignore=instance.ignore or shape.is_rest,
        occluded_fraction=instance.occlusion,
        unknown_attributes=tuple(sorted(unknown)),
    )


def _get_operation(transform: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    [(operation, settings)] = transform.items()
    return operation, settings


def _encode_png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "png", compress_level=1)
    return stream.getvalue()
