"""Family `sam3`: the package `sam3`, asked by noun phrases.

Options: `architecture` (sizes of a small model; without it the published one), `weights`.
An image is encoded once; all its phrases go through the detector together, and a phrase's text is embedded once a job.
A prompt may show boxes of examples (`label` 1, or 0 for what is not meant), with its phrase or in place of one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import v2

from samgap.models import Prediction, _sam3_build
from samgap.models._device import on
from samgap.models._predictions import predictions
from samgap.models._weights import fill, read

# isort: split
from sam3.model.box_ops import box_cxcywh_to_xyxy, box_xyxy_to_cxcywh
from sam3.model.data_misc import FindStage
from sam3.model.geometry_encoders import Prompt

KINDS = ("phrases", "templates", "perturbations", "exemplar")

PUBLISHED_SIZE = 1008
KEEP = 0.05
"""Masks of a lower score are not kept: no operating point in use lies below it."""

VISUAL = "visual"
"""What the package asks where boxes stand in place of a phrase."""

PROMPTS_AT_ONCE = 16


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> "Sam3":
    """Build the model and load its weights (`{"model": {"detector.*", "tracker.*"}}`, or a small one's own keys)."""
    architecture = options.get("architecture")
    content = read(weights)
    state = content.get("model", content)
    if architecture:
        model = _sam3_build.small(architecture)
        size = architecture["size"]
    else:
        model = _sam3_build.official(device)
        size = PUBLISHED_SIZE
        # The file also holds the video tracker and its neck, which the image model does not have.
        state = {key.removeprefix("detector."): state[key] for key in state if key.startswith("detector.")}
    fill(model, state, str(weights), exact=bool(architecture))
    return Sam3(model.to(device).eval(), size, device)


class Sam3:
    """A loaded SAM3 image model of `size` px input on `device`."""

    def __init__(self, model: Any, size: int, device: str) -> None:
        self.model, self.size, self.device = model, size, device
        self.texts: dict[str, dict[str, torch.Tensor]] = {}
        self.transform = v2.Compose(
            [
                v2.ToDtype(torch.uint8, scale=True),
                v2.Resize(size=(size, size)),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5]),
            ]
        )

    @torch.inference_mode()
    def encode(self, image: Image.Image) -> None:
        self.width, self.height = image.size
        with on(self.device):
            pixels = self.transform(v2.functional.to_image(image).to(self.device))
            self.features = self.model.backbone.forward_image(pixels[None])

    def answer(self, prompts: Sequence[Mapping[str, Any]]) -> list[list[Prediction]]:
        found: list[list[Prediction]] = []
        for start in range(0, len(prompts), PROMPTS_AT_ONCE):
            found += self._ask(prompts[start : start + PROMPTS_AT_ONCE])
        return found

    @torch.inference_mode()
    def _ask(self, prompts: Sequence[Mapping[str, Any]]) -> list[list[Prediction]]:
        count = len(prompts)
        phrases = [prompt.get("phrase") or VISUAL for prompt in prompts]
        with on(self.device):
            out = self.model.forward_grounding(
                backbone_out={**self.features, **self._text(phrases)},
                find_input=FindStage(
                    img_ids=torch.zeros(count, device=self.device, dtype=torch.long),
                    text_ids=torch.arange(count, device=self.device),
                    input_boxes=None,
                    input_boxes_mask=None,
                    input_boxes_label=None,
                    input_points=None,
                    input_points_mask=None,
                ),
                geometric_prompt=self._examples(prompts),
                find_target=None,
            )
            scores = (out["pred_logits"].sigmoid() * out["presence_logit_dec"].sigmoid().unsqueeze(1)).squeeze(-1)
            boxes = box_cxcywh_to_xyxy(out["pred_boxes"])
            frame = torch.tensor([self.width, self.height] * 2, device=self.device)
            return [self._kept(scores[index], boxes[index] * frame, out["pred_masks"][index]) for index in range(count)]

    def _examples(self, prompts: Sequence[Mapping[str, Any]]) -> Prompt:
        """The prompts' boxes as the package takes them: (boxes, prompts, 4), cx, cy, w, h as shares of the image."""
        rows = [[] if prompt.get("boxes") is None else list(prompt["boxes"]) for prompt in prompts]
        longest = max((len(row) for row in rows), default=0)
        boxes, labels = torch.zeros(longest, len(rows), 4), torch.zeros(longest, len(rows), dtype=torch.long)
        absent = torch.ones(len(rows), longest, dtype=torch.bool)
        frame = torch.tensor([self.width, self.height] * 2, dtype=torch.float32)
        for number, row in enumerate(rows):
            for place, box in enumerate(row):
                corners = torch.tensor([box["x0"], box["y0"], box["x1"], box["y1"]], dtype=torch.float32)
                boxes[place, number] = box_xyxy_to_cxcywh(corners / frame)
                labels[place, number] = int(box.get("label", 1))
                absent[number, place] = False
        return Prompt(
            box_embeddings=boxes.to(self.device), box_mask=absent.to(self.device), box_labels=labels.to(self.device)
        )

    def _kept(self, scores: torch.Tensor, boxes: torch.Tensor, masks: torch.Tensor) -> list[Prediction]:
        order = torch.argsort(scores, descending=True, stable=True)
        order = order[scores[order] > KEEP]
        if not len(order):
            return []
        full = torch.nn.functional.interpolate(
            masks[order].float().unsqueeze(1), (self.height, self.width), mode="bilinear", align_corners=False
        )
        return predictions(
            scores[order].float().cpu().numpy(),
            boxes[order].float().cpu().numpy(),
            np.asarray((full[:, 0].sigmoid() > 0.5).cpu()),
        )

    def _text(self, phrases: Sequence[str]) -> dict[str, torch.Tensor]:
        new = [phrase for phrase in dict.fromkeys(phrases) if phrase not in self.texts]
        for phrase in new:
            self.texts[phrase] = self.model.backbone.forward_text([phrase], device=self.device)
        # language_features and language_embeds are (tokens, phrases, width), language_mask is (phrases, tokens).
        chosen = [self.texts[phrase] for phrase in phrases]
        axis = {"language_features": 1, "language_embeds": 1, "language_mask": 0}
        return {key: torch.cat([text[key] for text in chosen], dim=axis[key]) for key in axis}
