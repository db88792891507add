"""Family `owlv2`: the open-vocabulary detector OWLv2 from `transformers`; its answers are boxes, filled.

By itself it shows what a detector's box is worth as a mask; as the detector of family `grounded` its boxes are turned
into masks. Options: `architecture` (`Owlv2Config`'s `text_config`, `vision_config`, `projection_dim`; without it those
of the published base model of 960 px), `nms` (of two boxes with a greater IoU the better one stays), `weights` (a
safetensors file or a state dict, with transformers' keys). Its tokens are CLIP's, so one file is all that it needs.
An image is encoded once, with all its boxes; a phrase costs one product with them, and is embedded once a job.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torchvision.ops import box_convert, nms

from samgap.masks import rle as masks
from samgap.models import Prediction
from samgap.models.runtime.device import on
from samgap.models.runtime.weights import fill, read
from samgap.models.sam3.build import vocabulary

# isort: split
from sam3.model.tokenizer_ve import SimpleTokenizer
from transformers import Owlv2Config, Owlv2ForObjectDetection, Owlv2ImageProcessor

KINDS = ("phrases", "templates", "perturbations")

PUBLISHED: Mapping[str, Any] = {"vision_config": {"image_size": 960}}
"""owlv2-base-patch16-ensemble, where it differs from the package's defaults."""

NMS = 0.5
KEEP = 0.05
"""Boxes of a lower score are not kept: no operating point in use lies below it."""
MOST = 300
"""Boxes kept of a phrase at most, best first."""


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> "Owlv2":
    """Build the model and load its weights."""
    model = build(options)
    # The file may hold position numbers, which newer versions of the package compute.
    fill(model, read(weights), str(weights), exact=False)
    return Owlv2(model.to(device).eval(), device, options.get("nms", NMS))


def build(options: Mapping[str, Any]) -> Owlv2ForObjectDetection:
    """The model of `options`, randomly initialised."""
    return Owlv2ForObjectDetection(Owlv2Config(**(options.get("architecture") or PUBLISHED)))


class Owlv2:
    """A loaded detector on `device`; of two boxes of a phrase with an IoU above `overlap` the better one stays."""

    def __init__(self, model: Owlv2ForObjectDetection, device: str, overlap: float = NMS) -> None:
        self.model, self.device, self.overlap = model, device, overlap
        side = model.config.vision_config.image_size
        self.processor = Owlv2ImageProcessor(size={"height": side, "width": side})
        self.tokenizer = SimpleTokenizer(bpe_path=vocabulary())
        self.context = model.config.text_config.max_position_embeddings
        self.texts: dict[str, torch.Tensor] = {}
        self.notes: list[str] = []

    @torch.inference_mode()
    def encode(self, image: Image.Image) -> None:
        self.width, self.height = image.size
        pixels = self.processor(images=image, return_tensors="pt")["pixel_values"].to(self.device)
        places, *_ = self.model.image_embedder(pixels)
        self.features = places.flatten(1, 2)
        boxes = box_convert(self.model.box_predictor(self.features, places)[0].float(), "cxcywh", "xyxy")
        # The image is padded to a square below and to the right.
        limits = torch.tensor([self.width, self.height] * 2, device=boxes.device)
        self.boxes = (boxes * max(self.width, self.height)).clamp(min=torch.zeros_like(limits), max=limits)

    @torch.inference_mode()
    def answer(self, prompts: Sequence[Mapping[str, Any]]) -> list[list[Prediction]]:
        asked = self._text([prompt["phrase"] for prompt in prompts])
        logits, _ = self.model.class_predictor(self.features, asked[None])
        scores = logits[0].float().sigmoid()  # (boxes, prompts)
        return [self._kept(scores[:, number]) for number in range(len(prompts))]

    def _kept(self, scores: torch.Tensor) -> list[Prediction]:
        whole = (self.boxes[:, 2:] - self.boxes[:, :2] >= 1).all(dim=1)
        some = torch.nonzero((scores > KEEP) & whole)[:, 0]
        best = some[nms(self.boxes[some], scores[some], self.overlap)][:MOST]  # best first
        found = zip(scores[best].cpu().tolist(), self.boxes[best].cpu().tolist(), strict=True)
        return [self._filled(score, box) for score, box in found]

    def _filled(self, score: float, box: Sequence[float]) -> Prediction:
        x0, y0, x1, y1 = box
        rle = masks.encode_box(x0, y0, x1, y1, self.height, self.width)
        return Prediction(score, (x0, y0, x1, y1), int(masks.areas([rle])[0]), rle["counts"])

    def _text(self, phrases: Sequence[str]) -> torch.Tensor:
        """Embeddings (phrases, width) of length 1."""
        new = [phrase for phrase in dict.fromkeys(phrases) if phrase not in self.texts]
        lengths = {phrase: len(self.tokenizer.encode(phrase)) + 2 for phrase in new}  # one begins it, one ends it
        self.notes += [
            f"phrase of {length} tokens cut to the model's {self.context}: {phrase!r}"
            for phrase, length in lengths.items()
            if length > self.context
        ]
        if new:
            with on(self.device):
                tokens = self.tokenizer(new, context_length=self.context).to(self.device)
            pooled = self.model.owlv2.text_model(input_ids=tokens, attention_mask=(tokens != 0).long()).pooler_output
            found = self.model.owlv2.text_projection(pooled)
            self.texts |= zip(new, found / found.norm(dim=-1, keepdim=True), strict=True)
        return torch.stack([self.texts[phrase] for phrase in phrases])
