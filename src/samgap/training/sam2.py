"""Training SAM2 on single images with the package's own model and losses.

Each step encodes a batch of images once and asks for several of their instances, each by a box, by a point, or by
both. The single-mask output and the best of the three are supervised, as is every predicted IoU.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from samgap.models.sam2 import Sam2, build
from samgap.training._run import Data
from samgap.truth import Instance, read

# isort: split
from pycocotools import mask as coco_mask
from training.loss_fns import dice_loss, iou_loss, sigmoid_focal_loss

WEIGHTS = {"loss_mask": 20.0, "loss_dice": 1.0, "loss_iou": 1.0}
"""Those of the package's published fine-tuning configuration."""

BOX_NOISE = 0.1
"""Standard deviation of a box corner, as a share of the box; also capped at 20 px, both as in the package."""

VALIDATION_IMAGES = 40


class Task:
    """SAM2 on the instances of a data set. `options` are `trainings.<id>`; `objects` is the number asked an image."""

    def __init__(
        self, options: Mapping[str, Any], model: Mapping[str, Any], data: Data, validation: Data, device: str
    ) -> None:
        self.options, self.device, self.data, self.validation = options, device, data, validation
        self.model = build(model, device)
        self.predictor = Sam2(self.model)
        self.truth, self.validation_truth = read(data.truth), read(validation.truth)
        self.images = [key for key in self.truth.images if self._wanted(self.truth.of(key))]

    @staticmethod
    def _wanted(instances: list[Instance]) -> list[Instance]:
        return [item for item in instances if not item.ignore and item.rle is not None]

    def loss(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        pixels, owners, masks, boxes, points = self._batch(rng)
        backbone = self.model.forward_image(pixels)
        _, features, _, sizes = self.model._prepare_backbone_features(backbone)
        features[-1] = features[-1] + self.model.no_mem_embed
        maps = [
            level.permute(1, 2, 0).reshape(len(pixels), -1, *size)[owners]
            for level, size in zip(features, sizes, strict=True)
        ]
        coordinates, labels = self._prompts(rng, boxes, points)
        sparse, dense = self.model.sam_prompt_encoder(points=(coordinates, labels), boxes=None, masks=None)
        logits, quality, _, _ = self.model.sam_mask_decoder.predict_masks(
            image_embeddings=maps[-1],
            image_pe=self.model.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            repeat_image=False,
            high_res_features=maps[:-1],
        )
        return _losses(logits, quality, masks)

    def _batch(self, rng: np.random.Generator) -> tuple[torch.Tensor, ...]:
        """Pixels (images, 3, side, side); of each of N objects its image, mask (N, side/2, side/2), box, a point."""
        side = self.model.image_size
        pixels, owners, masks, boxes, points = [], [], [], [], []
        for number, index in enumerate(rng.integers(0, len(self.images), self.options["batch"])):
            image = self.truth.images[self.images[index]]
            with Image.open(self.data.images / image["file_name"]) as picture:
                pixels.append(self.predictor.predictor._transforms(picture.convert("RGB")))
            flip = rng.random() < 0.5
            if flip:
                pixels[-1] = pixels[-1].flip(-1)
            scale = np.array([side / image["width"], side / image["height"]], np.float32)
            items = self._wanted(self.truth.of(image["id"]))
            for item in [items[pick] for pick in rng.permutation(len(items))[: self.options["objects"]]]:
                mask = coco_mask.decode(item.rle)[:, :: -1 if flip else 1]
                rows, columns = np.nonzero(mask)
                box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float32)
                pick = rng.integers(len(rows))
                owners.append(number)
                boxes.append(box.reshape(2, 2) * scale)
                points.append(np.array([columns[pick] + 0.5, rows[pick] + 0.5], np.float32) * scale)
                full = torch.from_numpy(np.ascontiguousarray(mask))[None, None].float()
                masks.append(functional.interpolate(full, (side // 2, side // 2), mode="area")[0, 0])
        return (
            torch.stack(pixels).to(self.device),
            torch.tensor(owners, device=self.device),
            torch.stack(masks).gt(0.5).float().to(self.device),
            torch.tensor(np.stack(boxes), device=self.device),
            torch.tensor(np.stack(points), device=self.device),
        )

    def _prompts(
        self, rng: np.random.Generator, boxes: torch.Tensor, points: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Each object's tokens (N, 3, 2) and labels (N, 3): box corners are 2 and 3, a point is 1, none is -1."""
        extent = (boxes[:, 1] - boxes[:, 0])[:, None]
        noise = torch.tensor(rng.normal(0, BOX_NOISE, tuple(boxes.shape)), dtype=boxes.dtype, device=self.device)
        loose = torch.tensor(rng.random(len(boxes)) < 0.5, device=self.device)[:, None, None]
        boxes = boxes + torch.where(loose, (noise * extent).clamp(-20, 20), torch.zeros_like(boxes))
        coordinates = torch.cat([boxes.clamp(0, self.model.image_size - 1), points[:, None]], dim=1)
        kind = torch.tensor(rng.integers(0, 3, len(boxes)), device=self.device)  # box, point, both
        labels = torch.tensor([2, 3, 1], device=self.device).repeat(len(boxes), 1)
        labels[kind == 0, 2] = -1
        labels[kind == 1, :2] = -1
        return coordinates, labels.int()

    def validate(self) -> dict[str, float]:
        """Mean IoU over the instances of some validation images, by their boxes and by one point."""
        self.model.eval()
        found: dict[str, list[float]] = {"val_box_iou": [], "val_point_iou": []}
        for image_id in list(self.validation_truth.images)[:VALIDATION_IMAGES]:
            image, items = self.validation_truth.images[image_id], self._wanted(self.validation_truth.of(image_id))
            if items:
                with Image.open(self.validation.images / image["file_name"]) as picture:
                    self.predictor.encode(picture.convert("RGB"))
                for name, prompts in _asked(items).items():
                    for item, answer in zip(items, self.predictor.answer(prompts), strict=True):
                        rles = [{"size": item.rle["size"], "counts": one.rle} for one in answer]  # type: ignore[index]
                        found[name].append(float(coco_mask.iou(rles, [item.rle], [0])[0, 0]) if rles else 0.0)
        return {name: float(np.mean(values)) for name, values in found.items()}


def _asked(items: list[Instance]) -> dict[str, list[dict[str, Any]]]:
    boxes, points = [], []
    for item in items:
        rows, columns = np.nonzero(item.mask())
        middle = len(rows) // 2
        box = dict(zip(("x0", "y0", "x1", "y1"), item.box, strict=True))
        boxes.append({"boxes": [box], "points": None})
        points.append({"boxes": None, "points": [{"x": columns[middle] + 0.5, "y": rows[middle] + 0.5, "label": 1}]})
    return {"val_box_iou": boxes, "val_point_iou": points}


def _losses(logits: torch.Tensor, quality: torch.Tensor, masks: torch.Tensor) -> dict[str, torch.Tensor]:
    """`logits` (N, 4, h, w), `quality` (N, 4): output 0 is the single mask, 1 to 3 the three; `masks` (N, H, W)."""
    count = torch.tensor(float(len(masks)), device=masks.device)
    logits = functional.interpolate(logits, masks.shape[-2:], mode="bilinear", align_corners=False)
    wanted = masks[:, None].expand_as(logits).contiguous()
    focal = sigmoid_focal_loss(logits, wanted, count, loss_on_multimask=True)
    dice = dice_loss(logits, wanted, count, loss_on_multimask=True)
    iou = iou_loss(logits, wanted, quality, count, loss_on_multimask=True, use_l1_loss=True)
    combined = WEIGHTS["loss_mask"] * focal + WEIGHTS["loss_dice"] * dice
    best = combined[:, 1:].argmin(dim=1) + 1
    rows = torch.arange(len(masks), device=masks.device)
    terms = {
        "loss_mask": (focal[:, 0] + focal[rows, best]).sum(),
        "loss_dice": (dice[:, 0] + dice[rows, best]).sum(),
        "loss_iou": iou.mean(dim=1).sum(),
    }
    return {"total": sum((WEIGHTS[name] * value for name, value in terms.items()), start=torch.zeros(())), **terms}


def open_task(
    *,
    options: Mapping[str, Any],
    model: Mapping[str, Any],
    phrases: Any,
    data: Data,
    validation: Data,
    device: str,
    scratch: Path,
) -> Task:
    """`phrases` and `scratch` are other families' need."""
    return Task(options, model, data, validation, device)
