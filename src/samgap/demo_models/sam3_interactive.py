"""Training method `sam3-interactive`: SAM3's interactive head on its frozen image encoder, with SAM2's losses.

The head is the package's: a second neck on the image encoder, and a prompt encoder and a mask decoder as in SAM2. All
other weights stay those of the training that it starts from, so the answers to phrases do not change. Since the encoder
is frozen, a fixed number of views is encoded once (`view_cache`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from samgap.demo_models.view_cache import ViewCache
from samgap.models.runtime.device import cuda_shim
from samgap.models.runtime.weights import KeyLayout, load_weights, read_weights
from samgap.models.sam3.build import build_small
from samgap.models.sam3.image import Sam3
from samgap.models.sam3.interactive import make_pyramid
from samgap.training.sam2.batch import BatchLoader, ObjectBatch, sample_ellipse_batch
from samgap.training.sam2.prompt_losses import compute_box_losses, compute_prompt_losses
from samgap.training.sam2.prompt_scores import VALIDATION_PROMPTS
from samgap.training.tasks import Batch, DatasetSource, Score, make_validator

OPTIONS = {
    "required": ["views", "objects", "start"],
    "properties": {
        "views": {
            "description": (
                "Number of views (crops of training images) that are encoded once and kept in memory, of which each "
                "step samples `batch`; about 0.3 MB each."
            ),
            "type": "integer",
            "minimum": 1,
        },
        "objects": {
            "description": "Maximum number of instances prompted for in a view.",
            "type": "integer",
            "minimum": 1,
        },
        "head": {
            "description": (
                "A weights file of a SAM2 of the head's width. The prompt encoder and the mask decoder start from its "
                "own, if the weights of `start` have no head; default is random weights."
            ),
            "$ref": "#/$defs/text",
            "format": "path",
        },
        "drawn": {
            "description": (
                "Share of the steps whose targets are ellipses drawn into random boxes, which teach box prompts; a "
                "fraction."
            ),
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0,
        },
        "clicks": {
            "description": (
                "Maximum number of corrective clicks after the first prompt, each with the previous prediction as mask "
                "prompt. From 1 on, coarse masks are first prompts too."
            ),
            "type": "integer",
            "minimum": 0,
            "default": 0,
        },
        "prompts": {
            "description": "Not an option of this method.",
            "not": {"description": "is no option of `method: sam3-interactive`, which trains no phrases; remove it"},
        },
        "negatives": {
            "description": "Not an option of this method.",
            "not": {"description": "is no option of `method: sam3-interactive`, which trains no phrases; remove it"},
        },
        "positives": {
            "description": "Not an option of this method.",
            "not": {"description": "is no option of `method: sam3-interactive`, which trains no phrases; remove it"},
        },
        "exemplars": {
            "description": "Not an option of this method.",
            "not": {"description": "is no option of `method: sam3-interactive`, which trains no phrases; remove it"},
        },
        "precision": {
            "description": "Not an option of this method.",
            "not": {"description": "is no option of `method: sam3-interactive`; remove it"},
        },
        "loss-weights": {
            "description": "Not an option of this method.",
            "not": {"description": "is no option of `method: sam3-interactive`; remove it"},
        },
    },
}

HEAD = "inst_interactive_predictor."
NECK = "backbone.vision_backbone.sam2_convs."
TRAINED = (
    f"{NECK}0.",
    f"{NECK}1.",
    f"{NECK}2.",
    f"{HEAD}model.sam_prompt_encoder.",
    f"{HEAD}model.sam_mask_decoder.",
    f"{HEAD}model.no_mem_embed",
)
"""What the names of the trained weights start with. The other weights of the head are the tracker's memory."""

DECODER_LAYERS = "sam_mask_decoder.transformer.layers"
SAM2_LAYOUT = KeyLayout(
    {"": ""}
    | {
        f"{DECODER_LAYERS}.{layer}.mlp.lin{number + 1}.": f"{DECODER_LAYERS}.{layer}.mlp.layers.{number}."
        for layer in range(2)
        for number in range(2)
    },
    "a SAM2",
)
"""How the keys of the prompt encoder and the mask decoder differ in the package `sam2`."""

PIXEL_MEAN = PIXEL_STD = np.array([0.5, 0.5, 0.5], np.float32)
"""Mean and standard deviation of SAM3's image normalisation."""


@dataclass
class ViewBatch:
    """Encoded views, by their numbers, with objects or drawn ellipses."""

    view_indices: list[int]
    objects: ObjectBatch
    drawn: bool


class InteractiveTask:
    """Boxes, points and clicks for the instances of views."""

    added_keys = (HEAD, NECK)

    def __init__(
        self,
        *,
        options: Mapping[str, Any],
        model: Mapping[str, Any],
        data: Sequence[DatasetSource],
        validation: DatasetSource,
        device: str,
    ) -> None:
        """Build the model with its interactive head, with random weights.

        Args:
            options: the entry of `trainings`
            model: the entry of `models`, without its weights
            data: the training data sets
            validation: the validation data set
            device: torch device
        """
        self.options, self.device, self.validation_source = options, device, validation
        image_size = options.get("image-size", model["architecture"]["size"])
        self.architecture = {**model["architecture"], "size": image_size}
        self.model = build_small(self.architecture, interactive=True, tracks=False).to(device)
        self.tracker = self.model.inst_interactive_predictor.model
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(name.startswith(TRAINED))
        loader = BatchLoader(data, image_size, {**options, "batch": 1}, PIXEL_MEAN, PIXEL_STD)
        self.cache = ViewCache(loader, options["views"])
        self.validator = make_validator(validation, VALIDATION_PROMPTS, options.get("validation-images"))
        self.predictor = Sam3(self.model, image_size, device)

    def load_start(self, content: Mapping[Any, Any], source: str) -> None:
        """Load the weights that the training starts from.

        Without the interactive head in them, the head keeps its random weights, or (option `head`) its prompt encoder
        and mask decoder get those of a SAM2.

        Args:
            content: the content of the weights file (`read_weights`)
            source: the file, for messages
        """
        if any(str(key).startswith(HEAD) for key in content.get("model", content)):
            load_weights(self.model, content, source)
            return
        without_head = build_small(self.architecture)
        load_weights(without_head, content, source)
        self.model.load_state_dict(without_head.state_dict(), strict=False)
        if path := self.options.get("head"):
            shared = nn.Module()
            for name in ("sam_prompt_encoder", "sam_mask_decoder", "no_mem_embed"):
                setattr(shared, name, getattr(self.tracker, name))
            load_weights(shared, read_weights(Path(path)), path, strict=False, layouts=(SAM2_LAYOUT,))

    def sample_batch(self, rng: np.random.Generator) -> Batch:
        """Return `batch` views (an option) with objects, or at random (option `drawn`) with drawn ellipses."""
        n_views, drawn = self.options["batch"], bool(rng.random() < self.options.get("drawn", 0))
        indices, objects, image_names = self.cache.sample_batch(n_views, rng)
        if drawn:
            objects = sample_ellipse_batch(objects, n_views * self.options["objects"], rng)
        data = ViewBatch(indices, _halve_masks(objects), drawn)
        return Batch(data, image_names, float(len(objects.image_indices)))

    def compute_batch_losses(self, batch: Batch, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Return the losses of a batch of `sample_batch`; `rng` samples the prompts."""
        features = self.cache.get_features(batch.data.view_indices, self._encode, self.device)
        necks = self.model.backbone.vision_backbone.sam2_convs[:3]
        feature_maps = make_pyramid(self.tracker, [neck(features) for neck in necks])
        objects, n_targets = batch.data.objects.to(self.device), batch.n_targets
        if batch.data.drawn:
            return compute_box_losses(self.tracker, feature_maps, objects, n_targets)
        max_clicks = self.options.get("clicks", 0)
        return compute_prompt_losses(self.tracker, feature_maps, objects, n_targets, max_clicks, rng)

    @torch.no_grad()
    def _encode(self, pixels: torch.Tensor) -> torch.Tensor:
        trunk: torch.nn.Module = self.model.backbone.vision_backbone.trunk
        features: torch.Tensor = trunk(pixels)[-1]
        return features

    def validate(self) -> dict[str, Score]:
        """Return the mean IoU with box and point prompts on validation images."""
        self.model.eval()
        scores: dict[str, Score] = self.validator.compute_scores(self.predictor, self.device)
        return scores


def _halve_masks(batch: ObjectBatch) -> ObjectBatch:
    """Return the batch with masks of half the side, the size of the predicted logits: a third of a step's time less."""
    masks = functional.avg_pool2d(batch.masks[:, None], 2)[:, 0]
    return replace(batch, masks=(masks >= 0.5).float())


def open_task(
    *,
    options: Mapping[str, Any],
    model: Mapping[str, Any],
    phrases: Any,
    data: Sequence[DatasetSource],
    validation: DatasetSource,
    device: str,
    scratch: Path,
) -> InteractiveTask:
    """Return the training task of an entry of `trainings`; `phrases` and `scratch` are not used."""
    with cuda_shim(device):
        return InteractiveTask(options=options, model=model, data=data, validation=validation, device=device)
