"""Training of SAM2 on single images, and on short clips made of them, with the package's own model and losses.

A step encodes a batch of images once and prompts several of their instances (`clicks`). A training from scratch may
begin with steps on drawn ellipses (option `drawn`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from samgap.models.sam2.image import Sam2, build_model
from samgap.training.checkpointing import checkpoint_modules
from samgap.training.sam2.batch import BatchLoader, ObjectBatch, sample_ellipse_batch
from samgap.training.sam2.clips import (
    TRAINING_MODEL_OVERRIDES,
    compute_clip_iou,
    compute_clip_losses,
    sample_video_batch,
)
from samgap.training.sam2.prompt_losses import compute_box_losses, compute_prompt_losses
from samgap.training.sam2.prompt_scores import VALIDATION_PROMPTS
from samgap.training.tasks import Batch, DatasetSource, Score, make_validator

VALIDATION_CLIPS = 12
VALIDATION_FRAMES = 8
"""Numbers of validation clips, and of the frames of each."""


@dataclass
class EllipseBatch:
    """Images with drawn ellipses in the place of their objects."""

    objects: ObjectBatch


class Task:
    """SAM2 with prompts for the instances of data sets."""

    target_score = "val_box_iou"

    def __init__(
        self,
        *,
        options: Mapping[str, Any],
        model: Mapping[str, Any],
        data: Sequence[DatasetSource],
        validation: DatasetSource,
        device: str,
    ) -> None:
        """Build the model, with random weights.

        Args:
            options: the entry of `trainings`
            model: the entry of `models`, without its weights
            data: the training data sets
            validation: the validation data set
            device: torch device
        """
        self.options, self.device, self.validation_source = options, device, validation
        # The input size and the class of the model change no shape of a weight.
        overrides = {"model.image_size": options["image-size"]} if "image-size" in options else {}
        if "clips" in options:
            overrides |= TRAINING_MODEL_OVERRIDES
        self.model = build_model({**model, "overrides": {**(model.get("overrides") or {}), **overrides}}, device)
        self.predictor = Sam2(self.model)
        if options.get("activation-checkpointing"):
            checkpoint_modules(self.model.image_encoder.trunk.blocks)
        self.loader = BatchLoader(data, self.model.image_size, options)
        self.validator = make_validator(validation, VALIDATION_PROMPTS, options.get("validation-images"))
        if "clips" in options:  # made before the first step, so that a data set without instances is an error at once
            self.validation_loader = BatchLoader([validation], self.model.image_size, {})

    def sample_batch(self, rng: np.random.Generator) -> Batch:
        """Return images with objects, or at random (options `drawn` and `clips`) images with ellipses, or clips."""
        drawn, clips = rng.random() < self.options.get("drawn", 0), self.options.get("clips")
        self.loader.sampled_image_names.clear()
        if not drawn and clips and rng.random() < clips["share"]:
            video_batch = sample_video_batch(self.loader, clips, rng)
            return Batch(video_batch, list(self.loader.sampled_image_names), float(video_batch.masks.shape[1]))
        objects = self.loader.sample_batch(rng)
        if drawn:
            objects = sample_ellipse_batch(objects, self.options["batch"] * self.options["objects"], rng)
        return Batch(
            EllipseBatch(objects) if drawn else objects,
            list(self.loader.sampled_image_names),
            float(len(objects.image_indices)),
        )

    def compute_batch_losses(self, batch: Batch, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Return the losses of a batch of `sample_batch`; `rng` samples the prompts."""
        if isinstance(batch.data, EllipseBatch):
            return self._compute_ellipse_losses(batch.data.objects.to(self.device), batch.n_targets)
        if isinstance(batch.data, ObjectBatch):
            return self._compute_image_losses(batch.data.to(self.device), batch.n_targets, rng)
        return compute_clip_losses(self.model, batch.data.to(self.device), batch.n_targets, rng)

    def _compute_image_losses(
        self, batch: ObjectBatch, n_targets: float, rng: np.random.Generator
    ) -> dict[str, torch.Tensor]:
        feature_maps, max_clicks = self._encode_images(batch.pixels), self.options.get("clicks", 0)
        return compute_prompt_losses(self.model, feature_maps, batch, n_targets, max_clicks, rng)

    def _compute_ellipse_losses(self, batch: ObjectBatch, n_targets: float) -> dict[str, torch.Tensor]:
        """Return the losses of ellipses that fill their box prompts, without gradients for the image encoder.

        From scratch, box prompts have an effect hundreds of steps sooner with ellipses than with objects: before that,
        predicting any fruit of the image reduces the loss, a local optimum that a model leaves slowly.
        """
        with torch.no_grad():
            feature_maps = self._encode_images(batch.pixels)
        return compute_box_losses(self.model, feature_maps, batch, n_targets)

    def _encode_images(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return feature maps (images, channels, height, width), the finest first."""
        backbone = self.model.forward_image(images)
        _, features, _, sizes = self.model._prepare_backbone_features(backbone)
        features[-1] = features[-1] + self.model.no_mem_embed
        return [
            level.permute(1, 2, 0).reshape(len(images), -1, *size) for level, size in zip(features, sizes, strict=True)
        ]

    def validate(self) -> dict[str, Score]:
        """Return the mean IoU with box and point prompts on the validation images, and on clips if they are trained.

        A score that no validation image has, because none has a mask, is left out.
        """
        self.model.eval()
        scores = self.validator.compute_scores(self.predictor, self.device)
        if "clips" in self.options:
            ious = self._validate_clips()
            scores["val_clip_iou"] = Score(float(np.mean(ious)), n=len(ious))
        return scores

    def _validate_clips(self) -> list[float]:
        """Return the mean IoU of each of some clips of validation images, the same clips in every validation."""
        clips = {**self.options["clips"], "videos": 1, "frames": VALIDATION_FRAMES}
        ious = []
        for index in range(VALIDATION_CLIPS):
            rng = np.random.default_rng([VALIDATION_CLIPS, index])
            torch.manual_seed(index)  # the package jitters the boxes
            ious.append(
                compute_clip_iou(
                    self.model, sample_video_batch(self.validation_loader, clips, rng).to(self.device), rng
                )
            )
        return ious


def open_task(
    *,
    options: Mapping[str, Any],
    model: Mapping[str, Any],
    phrases: Any,
    data: Sequence[DatasetSource],
    validation: DatasetSource,
    device: str,
    scratch: Path,
) -> Task:
    """Return the training task of an entry of `trainings`; `phrases` and `scratch` are not used."""
    return Task(options=options, model=model, data=data, validation=validation, device=device)
