"""The SAM3 that a training trains: the detector of a small model, or of the published one as its package builds it."""

from collections.abc import Mapping
from typing import Any

from samgap.errors import UserError
from samgap.models.sam3 import build
from samgap.models.sam3.detector import init_text_embeddings
from samgap.models.sam3.initialization import init_for_training
from samgap.training.sam3.losses import build_matcher

# isort: split
from sam3.model.sam3_image import Sam3Image


def choose_image_size(options: Mapping[str, Any], model: Mapping[str, Any]) -> int:
    """Return the side of the input in training, px.

    Args:
        options: the entry of `trainings`, with `image-size` or without.
        model: the entry of `models`.

    Raises:
        UserError: the model cannot take this size.
    """
    if architecture := model.get("architecture"):
        size, patch = options.get("image-size", architecture["size"]), architecture["patch"]
        if size % patch:
            raise UserError(
                f"training: image-size is {size}, which is not a multiple of the model's patch of {patch} px; choose "
                f"{size // patch * patch or patch} or {(size // patch + 1) * patch}"
            )
        return int(size)
    size = options.get("image-size", build.PUBLISHED_IMAGE_SIZE)
    if size != build.PUBLISHED_IMAGE_SIZE:
        raise UserError(
            f"training: image-size is {size}, but the published SAM3 takes images of {build.PUBLISHED_IMAGE_SIZE} px "
            "alone; remove image-size"
        )
    return build.PUBLISHED_IMAGE_SIZE


def build_network(model: Mapping[str, Any], image_size: int, device: str) -> Sam3Image:
    """Return the model without its interactive head, randomly initialized for a training from scratch.

    Args:
        model: the entry of `models`; without `architecture` it is the published model.
        image_size: side of the input, px.
        device: torch device.
    """
    if not model.get("architecture"):
        network = build.build_published(device, with_matcher=True)
        init_text_embeddings(network.backbone.language_backbone.encoder)
        return network.to(device)
    architecture = {**model["architecture"], "size": image_size}
    network = build.build_small(architecture, matcher=build_matcher()).to(device)
    init_for_training(network, architecture)
    return network
