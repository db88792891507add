"""Training SAM2 on single images, and on short clips made of them, with the package's own model and losses.

Each step encodes a batch of images once and asks for several of their instances, in the ways in which it will be
asked (`_sam2_clicks`). The single-mask output and the best of the three are supervised, as is every predicted IoU.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from pycocotools import mask as coco_mask

from samgap.annotations.ground_truth import Instance, read_ground_truth
from samgap.models.sam2.image import Sam2, build_model
from samgap.training.loop import DatasetSource
from samgap.training.sam2.batch import BatchLoader, ObjectBatch, drop_ignored, find_deepest_point, sample_ellipse_batch
from samgap.training.sam2.clicks import ObjectPrompts, add_correction_click, make_box_prompts, sample_first_prompts
from samgap.training.sam2.clips import TRAINING_MODEL_OVERRIDES, clip_iou, compute_clip_losses, sample_video_batch
from samgap.training.sam2.losses import compute_losses

VALIDATION_IMAGES = 40
VALIDATION_CLIPS = 12
VALIDATION_FRAMES = 8


class Task:
    """SAM2 on the instances of data sets. `options` are `trainings.<id>`; `objects` is the number asked an image."""

    def __init__(
        self,
        options: Mapping[str, Any],
        model: Mapping[str, Any],
        data: Sequence[DatasetSource],
        validation: DatasetSource,
        device: str,
    ) -> None:
        self.options, self.device, self.validation_source = options, device, validation
        changes = {"model.image_size": options["image-size"]} if "image-size" in options else {}
        if "clips" in options:
            changes |= TRAINING_MODEL_OVERRIDES
        # No weight has a shape that depends on either.
        self.model = build_model({**model, "overrides": {**(model.get("overrides") or {}), **changes}}, device)
        self.predictor = Sam2(self.model)
        self.loader = BatchLoader(data, self.model.image_size, options)
        self.validation_ground_truth = read_ground_truth(validation.ground_truth_path)

    def loss(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Of a batch of images or, in some shares of the steps, of clips or of drawn places."""
        if rng.random() < self.options.get("drawn", 0):
            return self._ellipse_losses(rng)
        clips = self.options.get("clips")
        if clips and rng.random() < clips["share"]:
            return compute_clip_losses(self.model, sample_video_batch(self.loader, clips, rng).to(self.device), rng)
        return self._image_losses(rng)

    def _image_losses(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        batch = self.loader.sample_batch(rng).to(self.device)
        maps = self._encode_images(batch.pixels)
        clicks = self.options.get("clicks", 0)
        rounds = int(rng.integers(0, clicks + 1))
        terms: dict[str, torch.Tensor] = defaultdict(lambda: torch.zeros((), device=self.device))
        for asked in sample_first_prompts(batch, self.model.image_size, clicks > 0, rng):
            for number in range(rounds + 1):
                answer = self._predict(maps, batch, asked)
                # Where a mask is only estimated, no click can tell what is wrong.
                weights = batch.loss_weights[asked.object_indices] * (
                    batch.is_ground_truth[asked.object_indices] | (number == 0)
                )
                found = compute_losses(*answer, batch.masks[asked.object_indices], weights, len(batch.image_indices))
                for name, value in found.items():
                    terms[name] = terms[name] + value
                if number < rounds:
                    asked = add_correction_click(asked, answer[0], answer[1], batch, self.model.image_size, rng)
        return dict(terms)

    def _ellipse_losses(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Of ellipses that fill their boxes, on image features that are not learnt from them.

        From scratch, what a box means is learnt hundreds of steps sooner so than from objects: as long as places say
        nothing, any fruit will do for an answer, and a model that has settled for that is slow to leave it.
        """
        batch = self.loader.sample_batch(rng).to(self.device)
        with torch.no_grad():
            maps = self._encode_images(batch.pixels)
        batch = sample_ellipse_batch(batch, self.options["batch"] * self.options["objects"], rng)
        asked = make_box_prompts(batch)
        return compute_losses(
            *self._predict(maps, batch, asked), batch.masks, batch.loss_weights, len(batch.image_indices)
        )

    def _encode_images(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps (images, channels, height, width), finest first."""
        backbone = self.model.forward_image(images)
        _, features, _, sizes = self.model._prepare_backbone_features(backbone)
        features[-1] = features[-1] + self.model.no_mem_embed
        return [
            level.permute(1, 2, 0).reshape(len(images), -1, *size) for level, size in zip(features, sizes, strict=True)
        ]

    def _predict(
        self, feature_maps: Sequence[torch.Tensor], batch: ObjectBatch, prompts: ObjectPrompts
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits (m, 4, h, w) of the objects asked for, their predicted IoU (m, 4), and presence (m, 1)."""
        owners = batch.image_indices[prompts.object_indices]
        encoder = self.model.sam_prompt_encoder
        sparse, dense = encoder(
            points=(prompts.point_coords, prompts.point_labels), boxes=None, masks=prompts.mask_input
        )
        logits, quality, _, presence = self.model.sam_mask_decoder.predict_masks(
            image_embeddings=feature_maps[-1][owners],
            image_pe=encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            repeat_image=False,
            high_res_features=[level[owners] for level in feature_maps[:-1]],
        )
        return logits.float(), quality.float(), presence.float()

    def validate(self) -> dict[str, float]:
        """Mean IoU over the instances of some validation images, by their boxes and by the point deepest inside."""
        self.model.eval()
        found: dict[str, list[float]] = {"val_box_iou": [], "val_point_iou": []}
        for image_id in list(self.validation_ground_truth.images)[:VALIDATION_IMAGES]:
            image = self.validation_ground_truth.images[image_id]
            items = [
                item
                for item in drop_ignored(self.validation_ground_truth.instances_of(image_id))
                if item.rle is not None
            ]
            if items:
                with Image.open(self.validation_source.image_folder / image["file_name"]) as picture:
                    self.predictor.set_image(picture.convert("RGB"))
                for name, prompts in _make_validation_prompts(items).items():
                    for item, answer in zip(items, self.predictor.predict(prompts), strict=True):
                        rles = [{"size": item.rle["size"], "counts": one.rle} for one in answer]  # type: ignore[index]
                        found[name].append(float(coco_mask.iou(rles, [item.rle], [0])[0, 0]) if rles else 0.0)
        if "clips" in self.options:
            found["val_clip_iou"] = self._validate_clips()
        return {name: float(np.mean(values)) for name, values in found.items()}

    def _validate_clips(self) -> list[float]:
        """Mean IoU in each of some clips of validation images, always the same."""
        reader = BatchLoader([self.validation_source], self.model.image_size, {})
        clips = {**self.options["clips"], "videos": 1, "frames": VALIDATION_FRAMES}
        found = []
        for number in range(VALIDATION_CLIPS):
            rng = np.random.default_rng([VALIDATION_CLIPS, number])
            torch.manual_seed(number)  # the package moves the boxes a little
            found.append(clip_iou(self.model, sample_video_batch(reader, clips, rng).to(self.device), rng))
        return found


def _make_validation_prompts(instances: Sequence[Instance]) -> dict[str, list[dict[str, Any]]]:
    boxes, points = [], []
    for item in instances:
        boxes.append({"boxes": [dict(zip(("x0", "y0", "x1", "y1"), item.box, strict=True))], "points": None})
        x, y = find_deepest_point(item.decode_mask())
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
    """`phrases` and `scratch` are other families' need."""
    return Task(options, model, data, validation, device)
