"""Family `owlv2`: the open-vocabulary detector OWLv2 of `transformers`, with filled boxes as masks.

It is meant as the detector of family `grounded`; alone it measures boxes as masks. Options: `architecture` (arguments
of `Owlv2Config`: `text_config`, `vision_config`, `projection_dim`; default: the published base model of 960 px), `nms`
(IoU above which the box with the lower score is removed) and `weights` (a safetensors file or a state dict with
transformers' keys). The tokenizer is CLIP's, so there are no further files. The image is encoded and its boxes are
predicted once; a phrase is embedded once per job and compared with all boxes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torchvision.ops import box_convert, nms

from samgap.masks import rle as masks
from samgap.models import NOT_FINITE, Prediction
from samgap.models.runtime.device import cuda_shim
from samgap.models.runtime.vocabulary import find_bpe_vocabulary
from samgap.models.runtime.weights import load_weights, read_weights

# isort: split
from sam3.model.tokenizer_ve import SimpleTokenizer
from transformers import Owlv2Config, Owlv2ForObjectDetection, Owlv2ImageProcessor

KINDS = ("text",)
SCORE_THRESHOLD = 0.1  # the default of post-processing in transformers
OPTIONS = {
    "required": ["weights"],
    "properties": {
        "architecture": {
            "description": (
                "Sizes, as the package transformers names them, or the path of a YAML file with them; default is the "
                "published base model."
            ),
            "$ref": "#/$defs/settings",
        },
        "nms": {
            "description": "IoU threshold of non-maximum suppression among the boxes of a phrase, a fraction.",
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": 1,
            "default": 0.5,
        },
    },
}

PUBLISHED_CONFIG: Mapping[str, Any] = {"vision_config": {"image_size": 960}}
"""Arguments of `Owlv2Config` for owlv2-base-patch16-ensemble that differ from the defaults of `transformers`."""

NMS_IOU = 0.5
MIN_SCORE = 0.02
"""Boxes with a lower score are discarded; all operating points are above it."""
MAX_BOXES = 300
"""Maximum number of boxes per phrase; those with the highest scores are kept."""


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> "Owlv2":
    """Build the model and load its weights."""
    model = build_model(options)
    # Not strict: the file may hold position ids, which newer versions of the package compute.
    load_weights(model, read_weights(weights), str(weights), strict=False)
    return Owlv2(model.to(device).eval(), device, options.get("nms", NMS_IOU))


def build_network(options: Mapping[str, Any], device: str) -> Owlv2ForObjectDetection:
    """Return the model on `device` without weights, for the inventory."""
    return build_model(options).to(device)


def build_model(options: Mapping[str, Any]) -> Owlv2ForObjectDetection:
    """Return the model of `options`, randomly initialized."""
    return Owlv2ForObjectDetection(Owlv2Config(**(options.get("architecture") or PUBLISHED_CONFIG)))


class Owlv2:
    """A loaded OWLv2 detector.

    Args:
        model: the detector, on `device`.
        device: `cpu` or `cuda`.
        nms_iou: IoU of two boxes of a phrase above which the one with the lower score is removed.
    """

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
        """Encode the image and predict all its boxes."""
        self.width, self.height = image.size
        pixels = self.processor(images=image, return_tensors="pt")["pixel_values"].to(self.device)
        feature_map, *_ = self.model.image_embedder(pixels)
        self.features = feature_map.flatten(1, 2)
        boxes = box_convert(self.model.box_predictor(self.features, feature_map)[0].float(), "cxcywh", "xyxy")
        self.has_finite_boxes = bool(boxes.isfinite().all())
        # The processor pads the image to a square, at the bottom or at the right.
        limits = torch.tensor([self.width, self.height] * 2, device=boxes.device)
        self.boxes = (boxes * max(self.width, self.height)).clamp(min=torch.zeros_like(limits), max=limits)

    @torch.inference_mode()
    def predict(self, prompts: Sequence[Mapping[str, Any]]) -> list[list[Prediction]]:
        """Return the filled boxes for the phrase of each prompt, highest score first.

        A prompt with a score or a box that is not finite gets `NOT_FINITE`.
        """
        text_embeddings = self._embed_phrases([prompt["phrase"] for prompt in prompts])
        logits, _ = self.model.class_predictor(self.features, text_embeddings[None])
        logits = logits[0].float()  # (boxes, prompts)
        scores, finite = logits.sigmoid(), logits.isfinite().all(dim=0).tolist()
        return [
            self._select_boxes(scores[:, column]) if finite[column] and self.has_finite_boxes else [NOT_FINITE]
            for column in range(len(prompts))
        ]

    def _select_boxes(self, scores: torch.Tensor) -> list[Prediction]:
        has_area = (self.boxes[:, 2:] - self.boxes[:, :2] >= 1).all(dim=1)
        candidates = torch.nonzero((scores > MIN_SCORE) & has_area)[:, 0]
        # `nms` returns indices by descending score.
        best = candidates[nms(self.boxes[candidates], scores[candidates], self.nms_iou)][:MAX_BOXES]
        selected = zip(scores[best].cpu().tolist(), self.boxes[best].cpu().tolist(), strict=True)
        return [self._fill_box(score, box) for score, box in selected]

    def _fill_box(self, score: float, box: Sequence[float]) -> Prediction:
        x0, y0, x1, y1 = box
        rle = masks.encode_box(x0, y0, x1, y1, self.height, self.width)
        return Prediction(score, (x0, y0, x1, y1), int(masks.compute_areas([rle])[0]), rle["counts"])

    def _embed_phrases(self, phrases: Sequence[str]) -> torch.Tensor:
        """Return unit-length embeddings (phrases, width)."""
        new_phrases = [phrase for phrase in dict.fromkeys(phrases) if phrase not in self.text_embeddings]
        # Two more tokens mark the start and the end.
        token_counts = {phrase: len(self.tokenizer.encode(phrase)) + 2 for phrase in new_phrases}
        self.warnings += [
            f"phrase of {n_tokens} tokens cut to the model's {self.max_tokens}: {phrase!r}"
            for phrase, n_tokens in token_counts.items()
            if n_tokens > self.max_tokens
        ]
        if new_phrases:
            with cuda_shim(self.device):
                tokens = self.tokenizer(new_phrases, context_length=self.max_tokens).to(self.device)
            pooled = self.model.owlv2.text_model(input_ids=tokens, attention_mask=(tokens != 0).long()).pooler_output
            embeddings = self.model.owlv2.text_projection(pooled)
            self.text_embeddings |= zip(new_phrases, embeddings / embeddings.norm(dim=-1, keepdim=True), strict=True)
        return torch.stack([self.text_embeddings[phrase] for phrase in phrases])
