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

from samgap.models.sam2 import Sam2, build
from samgap.training._run import Data
from samgap.training._sam2_batch import Batch, Reader, deepest, drawn, wanted
from samgap.training._sam2_clicks import Asked, boxed, corrected, first
from samgap.training._sam2_clips import OVERRIDES, clip_iou, clip_losses, videos
from samgap.training._sam2_losses import losses
from samgap.truth import Instance, read

VALIDATION_IMAGES = 40
VALIDATION_CLIPS = 12
VALIDATION_FRAMES = 8


class Task:
    """SAM2 on the instances of data sets. `options` are `trainings.<id>`; `objects` is the number asked an image."""

    def __init__(
        self, options: Mapping[str, Any], model: Mapping[str, Any], data: Sequence[Data], validation: Data, device: str
    ) -> None:
        self.options, self.device, self.validation = options, device, validation
        changes = {"model.image_size": options["image-size"]} if "image-size" in options else {}
        if "clips" in options:
            changes |= OVERRIDES
        # No weight has a shape that depends on either.
        self.model = build({**model, "overrides": {**(model.get("overrides") or {}), **changes}}, device)
        self.predictor = Sam2(self.model)
        self.reader = Reader(data, self.model.image_size, options)
        self.validation_truth = read(validation.truth)

    def loss(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Of a batch of images or, in some shares of the steps, of clips or of drawn places."""
        if rng.random() < self.options.get("drawn", 0):
            return self._place_losses(rng)
        clips = self.options.get("clips")
        if clips and rng.random() < clips["share"]:
            return clip_losses(self.model, videos(self.reader, clips, rng).to(self.device), rng)
        return self._image_losses(rng)

    def _image_losses(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        batch = self.reader.batch(rng).to(self.device)
        maps = self._encode(batch.pixels)
        clicks = self.options.get("clicks", 0)
        rounds = int(rng.integers(0, clicks + 1))
        terms: dict[str, torch.Tensor] = defaultdict(lambda: torch.zeros((), device=self.device))
        for asked in first(batch, self.model.image_size, clicks > 0, rng):
            for number in range(rounds + 1):
                answer = self._answer(maps, batch, asked)
                # Where a mask is only estimated, no click can tell what is wrong.
                weights = batch.weights[asked.rows] * (batch.known[asked.rows] | (number == 0))
                found = losses(*answer, batch.masks[asked.rows], weights, len(batch.owners))
                for name, value in found.items():
                    terms[name] = terms[name] + value
                if number < rounds:
                    asked = corrected(asked, answer[0], answer[1], batch, self.model.image_size, rng)
        return dict(terms)

    def _place_losses(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Of ellipses that fill their boxes, on image features that are not learnt from them.

        From scratch, what a box means is learnt hundreds of steps sooner so than from objects: as long as places say
        nothing, any fruit will do for an answer, and a model that has settled for that is slow to leave it.
        """
        batch = self.reader.batch(rng).to(self.device)
        with torch.no_grad():
            maps = self._encode(batch.pixels)
        batch = drawn(batch, self.options["batch"] * self.options["objects"], rng)
        asked = boxed(batch)
        return losses(*self._answer(maps, batch, asked), batch.masks, batch.weights, len(batch.owners))

    def _encode(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps (images, channels, height, width), finest first."""
        backbone = self.model.forward_image(pixels)
        _, features, _, sizes = self.model._prepare_backbone_features(backbone)
        features[-1] = features[-1] + self.model.no_mem_embed
        return [
            level.permute(1, 2, 0).reshape(len(pixels), -1, *size) for level, size in zip(features, sizes, strict=True)
        ]

    def _answer(
        self, maps: Sequence[torch.Tensor], batch: Batch, asked: Asked
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits (m, 4, h, w) of the objects asked for, their predicted IoU (m, 4), and presence (m, 1)."""
        owners = batch.owners[asked.rows]
        encoder = self.model.sam_prompt_encoder
        sparse, dense = encoder(points=(asked.coordinates, asked.labels), boxes=None, masks=asked.prior)
        logits, quality, _, presence = self.model.sam_mask_decoder.predict_masks(
            image_embeddings=maps[-1][owners],
            image_pe=encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            repeat_image=False,
            high_res_features=[level[owners] for level in maps[:-1]],
        )
        return logits.float(), quality.float(), presence.float()

    def validate(self) -> dict[str, float]:
        """Mean IoU over the instances of some validation images, by their boxes and by the point deepest inside."""
        self.model.eval()
        found: dict[str, list[float]] = {"val_box_iou": [], "val_point_iou": []}
        for image_id in list(self.validation_truth.images)[:VALIDATION_IMAGES]:
            image = self.validation_truth.images[image_id]
            items = [item for item in wanted(self.validation_truth.of(image_id)) if item.rle is not None]
            if items:
                with Image.open(self.validation.images / image["file_name"]) as picture:
                    self.predictor.encode(picture.convert("RGB"))
                for name, prompts in _asked(items).items():
                    for item, answer in zip(items, self.predictor.answer(prompts), strict=True):
                        rles = [{"size": item.rle["size"], "counts": one.rle} for one in answer]  # type: ignore[index]
                        found[name].append(float(coco_mask.iou(rles, [item.rle], [0])[0, 0]) if rles else 0.0)
        if "clips" in self.options:
            found["val_clip_iou"] = self._track()
        return {name: float(np.mean(values)) for name, values in found.items()}

    def _track(self) -> list[float]:
        """Mean IoU in each of some clips of validation images, always the same."""
        reader = Reader([self.validation], self.model.image_size, {})
        clips = {**self.options["clips"], "videos": 1, "frames": VALIDATION_FRAMES}
        found = []
        for number in range(VALIDATION_CLIPS):
            rng = np.random.default_rng([VALIDATION_CLIPS, number])
            torch.manual_seed(number)  # the package moves the boxes a little
            found.append(clip_iou(self.model, videos(reader, clips, rng).to(self.device), rng))
        return found


def _asked(items: Sequence[Instance]) -> dict[str, list[dict[str, Any]]]:
    boxes, points = [], []
    for item in items:
        boxes.append({"boxes": [dict(zip(("x0", "y0", "x1", "y1"), item.box, strict=True))], "points": None})
        x, y = deepest(item.mask())
        points.append({"boxes": None, "points": [{"x": x, "y": y, "label": 1}]})
    return {"val_box_iou": boxes, "val_point_iou": points}


def open_task(
    *,
    options: Mapping[str, Any],
    model: Mapping[str, Any],
    phrases: Any,
    data: Sequence[Data],
    validation: Data,
    device: str,
    scratch: Path,
) -> Task:
    """`phrases` and `scratch` are other families' need."""
    return Task(options, model, data, validation, device)
