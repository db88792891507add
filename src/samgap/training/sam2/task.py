"""Training of SAM2 on single images, and on short clips made of them, with the package's own model and losses.

A step encodes a batch of images once and prompts several of their instances (`clicks`). A training from scratch may
begin with steps on drawn ellipses (option `drawn`).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from pycocotools import mask as coco_mask

from samgap.annotations.ground_truth import Instance, read_ground_truth
from samgap.models.sam2.image import Sam2, build_model
from samgap.training.checkpointing import checkpoint_modules
from samgap.training.sam2.batch import BatchLoader, ObjectBatch, drop_ignored, find_deepest_point, sample_ellipse_batch
from samgap.training.sam2.clicks import ObjectPrompts, add_correction_click, make_box_prompts, sample_first_prompts
from samgap.training.sam2.clips import (
    TRAINING_MODEL_OVERRIDES,
    compute_clip_iou,
    compute_clip_losses,
    sample_video_batch,
)
from samgap.training.sam2.losses import compute_losses
from samgap.training.tasks import Batch, DatasetSource

VALIDATION_IMAGES = 40
VALIDATION_CLIPS = 12
VALIDATION_FRAMES = 8
"""Numbers of validation images and clips, and of the frames of each clip."""


@dataclass
class EllipseBatch:
    """Images with drawn ellipses in the place of their objects."""

    objects: ObjectBatch


class Task:
    """SAM2 with prompts for the instances of data sets."""

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
        self.validation_ground_truth = read_ground_truth(validation.ground_truth_path)
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
        """Sum the losses of the first prompts and of a random number of corrective clicks."""
        feature_maps = self._encode_images(batch.pixels)
        max_clicks = self.options.get("clicks", 0)
        n_clicks = int(rng.integers(0, max_clicks + 1))
        terms: dict[str, torch.Tensor] = defaultdict(lambda: torch.zeros((), device=self.device))
        for prompts in sample_first_prompts(batch, self.model.image_size, max_clicks > 0, rng):
            for click in range(n_clicks + 1):
                outputs = self._predict(feature_maps, batch, prompts)
                indices = prompts.object_indices
                # An estimated mask is too inaccurate to locate errors of a prediction, so clicks on it have no loss.
                weights = batch.loss_weights[indices] * (batch.is_ground_truth[indices] | (click == 0))
                losses = compute_losses(*outputs, batch.masks[indices], weights, n_targets)
                for name, value in losses.items():
                    terms[name] = terms[name] + value
                if click < n_clicks:
                    logits, predicted_iou, _ = outputs
                    prompts = add_correction_click(prompts, logits, predicted_iou, batch, self.model.image_size, rng)
        return dict(terms)

    def _compute_ellipse_losses(self, batch: ObjectBatch, n_targets: float) -> dict[str, torch.Tensor]:
        """Return the losses of ellipses that fill their box prompts, without gradients for the image encoder.

        From scratch, box prompts have an effect hundreds of steps sooner with ellipses than with objects: before that,
        predicting any fruit of the image reduces the loss, a local optimum that a model leaves slowly.
        """
        with torch.no_grad():
            feature_maps = self._encode_images(batch.pixels)
        outputs = self._predict(feature_maps, batch, make_box_prompts(batch))
        return compute_losses(*outputs, batch.masks, batch.loss_weights, n_targets)

    def _encode_images(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return feature maps (images, channels, height, width), the finest first."""
        backbone = self.model.forward_image(images)
        _, features, _, sizes = self.model._prepare_backbone_features(backbone)
        features[-1] = features[-1] + self.model.no_mem_embed
        return [
            level.permute(1, 2, 0).reshape(len(images), -1, *size) for level, size in zip(features, sizes, strict=True)
        ]

    def _predict(
        self, feature_maps: Sequence[torch.Tensor], batch: ObjectBatch, prompts: ObjectPrompts
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return mask logits (m, 4, h, w), predicted IoU (m, 4) and object-score logits (m, 1)."""
        image_indices = batch.image_indices[prompts.object_indices]
        encoder = self.model.sam_prompt_encoder
        sparse, dense = encoder(
            points=(prompts.point_coords, prompts.point_labels), boxes=None, masks=prompts.mask_input
        )
        logits, predicted_iou, _, object_score_logits = self.model.sam_mask_decoder.predict_masks(
            image_embeddings=feature_maps[-1][image_indices],
            image_pe=encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            repeat_image=False,
            high_res_features=[level[image_indices] for level in feature_maps[:-1]],
        )
        return logits.float(), predicted_iou.float(), object_score_logits.float()

    def validate(self) -> dict[str, float]:
        """Return the mean IoU with box and point prompts on validation images, and on clips if they are trained.

        A score that no validation image has, because none has a mask, is left out.
        """
        self.model.eval()
        ious: dict[str, list[float]] = {"val_box_iou": [], "val_point_iou": []}
        for image_id in list(self.validation_ground_truth.images)[:VALIDATION_IMAGES]:
            row = self.validation_ground_truth.images[image_id]
            instances = [
                instance
                for instance in drop_ignored(self.validation_ground_truth.instances_of(image_id))
                if instance.rle is not None
            ]
            if instances:
                with Image.open(self.validation_source.image_folder / row["file_name"]) as image:
                    self.predictor.set_image(image.convert("RGB"))
                for name, prompts in _make_validation_prompts(instances).items():
                    ious[name] += map(_compute_first_iou, instances, self.predictor.predict(prompts))
        if "clips" in self.options:
            ious["val_clip_iou"] = self._validate_clips()
        return {name: float(np.mean(values)) for name, values in ious.items() if values}

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


def _compute_first_iou(instance: Instance, predictions: Sequence[Any]) -> float:
    """Return the IoU of the first predicted mask with the instance's, 0 if there is none."""
    if not predictions:
        return 0.0
    rle = {"size": instance.rle["size"], "counts": predictions[0].rle}  # type: ignore[index]
    return float(coco_mask.iou([rle], [instance.rle], [0])[0, 0])


def _make_validation_prompts(instances: Sequence[Instance]) -> dict[str, list[dict[str, Any]]]:
    """Return a box prompt and a point prompt for each instance, by the name of their score."""
    boxes, points = [], []
    for instance in instances:
        boxes.append({"boxes": [dict(zip(("x0", "y0", "x1", "y1"), instance.box, strict=True))], "points": None})
        x, y = find_deepest_point(instance.decode_mask())
        points.append({"boxes": None, "points": [{"x": x, "y": y, "label": 1}]})
    return {"val_box_iou": boxes, "val_point_iou": points}


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
