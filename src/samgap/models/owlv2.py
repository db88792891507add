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
from samgap.models.runtime.device import cuda_shim
from samgap.models.runtime.weights import load_weights, read_weights
from samgap.models.sam3.build import find_bpe_vocabulary

# isort: split
from sam3.model.tokenizer_ve import SimpleTokenizer
from transformers import Owlv2Config, Owlv2ForObjectDetection, Owlv2ImageProcessor

KINDS = ("phrases", "templates", "perturbations")

PUBLISHED_CONFIG: Mapping[str, Any] = {"vision_config": {"image_size": 960}}
"""owlv2-base-patch16-ensemble, where it differs from the package's defaults."""

NMS_IOU = 0.5
MIN_SCORE = 0.05
"""Boxes of a lower score are not kept: no operating point in use lies below it."""
MAX_BOXES = 300
"""Boxes kept of a phrase at most, best first."""


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> "Owlv2":
    """Build the model and load its weights."""
    model = build_model(options)
    # The file may hold position numbers, which newer versions of the package compute.
    load_weights(model, read_weights(weights), str(weights), strict=False)
    return Owlv2(model.to(device).eval(), device, options.get("nms", NMS_IOU))


def build_model(options: Mapping[str, Any]) -> Owlv2ForObjectDetection:
    """The model of `options`, randomly initialised."""
    return Owlv2ForObjectDetection(Owlv2Config(**(options.get("architecture") or PUBLISHED_CONFIG)))


class Owlv2:
    """A loaded detector on `device`; of two boxes of a phrase with an IoU above `overlap` the better one stays."""

    def __init__(self, model: Owlv2ForObjectDetection, device: str, nms_iou: float = NMS_IOU) -> None:
        self.model, self.device, self.nms_iou = model, device, nms_iou
        side = model.config.vision_config.image_size
        self.processor = Owlv2ImageProcessor(size={"height": side, "width": side})
        self.tokenizer = SimpleTokenizer(bpe_path=find_bpe_vocabulary())
        self.max_tokens = model.config.text_config.max_position_embeddings
        self.text_embeddings: dict[str, torch.Tensor] = {}
        self.warnings: list[str] = []

    @torch.inference_mode()
    def set_image(self, image: Image.Image) -> None:
        self.width, self.height = image.size
        pixels = self.processor(images=image, return_tensors="pt")["pixel_values"].to(self.device)
        places, *_ = self.model.image_embedder(pixels)
        self.features = places.flatten(1, 2)
        boxes = box_convert(self.model.box_predictor(self.features, places)[0].float(), "cxcywh", "xyxy")
        # The image is padded to a square below and to the right.
        limits = torch.tensor([self.width, self.height] * 2, device=boxes.device)
        self.boxes = (boxes * max(self.width, self.height)).clamp(min=torch.zeros_like(limits), max=limits)

    @torch.inference_mode()
    def predict(self, prompts: Sequence[Mapping[str, Any]]) -> list[list[Prediction]]:
        asked = self._embed_phrases([prompt["phrase"] for prompt in prompts])
        logits, _ = self.model.class_predictor(self.features, asked[None])
        scores = logits[0].float().sigmoid()  # (boxes, prompts)
        return [self._select_boxes(scores[:, number]) for number in range(len(prompts))]

    def _select_boxes(self, scores: torch.Tensor) -> list[Prediction]:
        whole = (self.boxes[:, 2:] - self.boxes[:, :2] >= 1).all(dim=1)
        some = torch.nonzero((scores > MIN_SCORE) & whole)[:, 0]
        best = some[nms(self.boxes[some], scores[some], self.nms_iou)][:MAX_BOXES]  # best first
        found = zip(scores[best].cpu().tolist(), self.boxes[best].cpu().tolist(), strict=True)
        return [self._fill_box(score, box) for score, box in found]

    def _fill_box(self, score: float, box: Sequence[float]) -> Prediction:
        x0, y0, x1, y1 = box
        rle = masks.encode_box(x0, y0, x1, y1, self.height, self.width)
        return Prediction(score, (x0, y0, x1, y1), int(masks.areas([rle])[0]), rle["counts"])

    def _embed_phrases(self, phrases: Sequence[str]) -> torch.Tensor:
        """Embeddings (phrases, width) of length 1."""
        new = [phrase for phrase in dict.fromkeys(phrases) if phrase not in self.text_embeddings]
        lengths = {phrase: len(self.tokenizer.encode(phrase)) + 2 for phrase in new}  # one begins it, one ends it
        self.warnings += [
            f"phrase of {length} tokens cut to the model's {self.max_tokens}: {phrase!r}"
            for phrase, length in lengths.items()
            if length > self.max_tokens
        ]
        if new:
            with cuda_shim(self.device):
                tokens = self.tokenizer(new, context_length=self.max_tokens).to(self.device)
            pooled = self.model.owlv2.text_model(input_ids=tokens, attention_mask=(tokens != 0).long()).pooler_output
            found = self.model.owlv2.text_projection(pooled)
            self.text_embeddings |= zip(new, found / found.norm(dim=-1, keepdim=True), strict=True)
        return torch.stack([self.text_embeddings[phrase] for phrase in phrases])
