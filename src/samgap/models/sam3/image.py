"""SAM3 on single images: noun phrases and exemplar boxes; with its interactive head points, boxes, masks and clicks.

An image is encoded once; all its phrases go through the detector together, and a phrase's text is embedded once a job.
A prompt may show boxes of examples (`label` 1, or 0 for what is not meant), with its phrase or in place of one.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image
from torchvision.transforms import v2

from samgap.models import Prediction
from samgap.models.runtime.batching import MemoryBatcher
from samgap.models.runtime.device import cuda_shim, synchronize
from samgap.models.runtime.precision import FP32, Precision
from samgap.models.runtime.predictions import logits_to_predictions
from samgap.models.runtime.weights import load_weights, read_weights
from samgap.models.sam3 import build
from samgap.prompts.kinds import get_row_kind

if TYPE_CHECKING:
    from samgap.models.sam3.interactive import InteractiveHead

# isort: split
from sam3.model.box_ops import box_cxcywh_to_xyxy, box_xyxy_to_cxcywh
from sam3.model.data_misc import FindStage
from sam3.model.geometry_encoders import Prompt
from sam3.perflib.nms import nms_masks

PUBLISHED_IMAGE_SIZE = 1008
MIN_SCORE = 0.05
"""Masks of a lower score are not kept: no operating point in use lies below it."""

VISUAL_PROMPT_TEXT = "visual"
"""What the package asks where boxes stand in place of a phrase."""

MAX_PROMPTS_PER_BATCH = 64
"""At most; with less memory fewer."""

ACTIVATION_MEMORY_FACTOR = 96
"""What a phrase takes in the detector, in copies of the coarsest features: for batches before any was measured."""


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> "Sam3":
    """Build the model and load its weights (`{"model": {"detector.*", "tracker.*"}}`, or a small one's own keys)."""
    architecture, interactive = options.get("architecture"), options.get("interactive", False)
    content = read_weights(weights)
    state = content.get("model", content)
    if architecture:
        model = build.build_small(architecture, interactive=interactive)
        size = architecture["size"]
    else:
        model = build.build_published(device, interactive)
        size = PUBLISHED_IMAGE_SIZE
        # The file also holds the video tracker and its neck, which the image model has as its interactive head alone.
        parts = {"detector.": "", **({"tracker.": "inst_interactive_predictor.model."} if interactive else {})}
        state = {
            new + key.removeprefix(old): state[key]
            for old, new in parts.items()
            for key in state
            if key.startswith(old)
        }
    load_weights(model, state, str(weights), strict=bool(architecture))
    return Sam3(model.to(device).eval(), size, device, Precision.from_options(options), options.get("nms"))


class Sam3:
    """A loaded SAM3 image model of `size` px input on `device`; with `nms` no two answers overlap by a greater IoU."""

    def __init__(
        self, model: Any, image_size: int, device: str, precision: Precision = FP32, nms_iou: float | None = None
    ) -> None:
        self.model, self.image_size, self.device, self.precision, self.nms_iou = (
            model,
            image_size,
            device,
            precision,
            nms_iou,
        )
        self.min_score, self.max_masks = MIN_SCORE, None
        self.prompt_batcher = MemoryBatcher(MAX_PROMPTS_PER_BATCH, device)
        self.warnings: list[str] = []
        precision.prepare_encoder(model.backbone.vision_backbone.trunk, device)
        self.text_features: dict[str, dict[str, torch.Tensor]] = {}
        self.interactive_head: InteractiveHead | None = None
        if model.inst_interactive_predictor is not None:
            from samgap.models.sam3 import interactive as _sam3_interactive

            self.interactive_head = _sam3_interactive.InteractiveHead(model, device, precision)
        self.transform = v2.Compose(
            [
                v2.ToDtype(torch.uint8, scale=True),
                v2.Resize(size=(image_size, image_size)),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5]),
            ]
        )

    @torch.inference_mode()
    def set_image(self, image: Image.Image) -> None:
        self.width, self.height = image.size
        with cuda_shim(self.device), self.precision.autocast(self.device):
            pixels = self.transform(v2.functional.to_image(image).to(self.device))
            self.features = self.model.backbone.forward_image(pixels[None])
        synchronize(self.device)
        self.has_head_features = False

    def predict_batch(self, *args: Any, **kwargs: Any) -> Any:
        """One click after the other (`samgap.models.runtime.clicks`), by the interactive head."""
        return self._prepare_head().predict_batch(*args, **kwargs)

    def map_batches(self, *args: Any) -> Any:
        """Batches of what is asked of the interactive head."""
        return self._prepare_head().map_batches(*args)

    def _prepare_head(self) -> "InteractiveHead":
        assert self.interactive_head is not None
        if not self.has_head_features:
            self.interactive_head.set_features(self.features, self.width, self.height)
            self.has_head_features = True
        return self.interactive_head

    def predict(self, prompts: Sequence[Mapping[str, Any]]) -> Sequence[Sequence[Prediction]]:
        if any("kind" in prompt and not get_row_kind(prompt["kind"]).takes_phrase for prompt in prompts):
            return self._prepare_head().predict(prompts)
        each = 4.0 * ACTIVATION_MEMORY_FACTOR * self.features["vision_features"].numel()
        return [one for _, found in self.prompt_batcher.map(prompts, each, self._predict_phrases) for one in found]

    @torch.inference_mode()
    def _predict_phrases(self, prompts: Sequence[Mapping[str, Any]]) -> list[Sequence[Prediction]]:
        count = len(prompts)
        phrases = [prompt.get("phrase") or VISUAL_PROMPT_TEXT for prompt in prompts]
        with cuda_shim(self.device), self.precision.autocast(self.device):
            out = self.model.forward_grounding(
                backbone_out={**self.features, **self._embed_phrases(phrases)},
                find_input=FindStage(
                    img_ids=torch.zeros(count, device=self.device, dtype=torch.long),
                    text_ids=torch.arange(count, device=self.device),
                    input_boxes=None,
                    input_boxes_mask=None,
                    input_boxes_label=None,
                    input_points=None,
                    input_points_mask=None,
                ),
                geometric_prompt=self._make_geometric_prompt(prompts),
                find_target=None,
            )
        scores = out["pred_logits"].float().sigmoid() * out["presence_logit_dec"].float().sigmoid().unsqueeze(1)
        frame = torch.tensor([self.width, self.height] * 2, device=self.device)
        boxes = box_cxcywh_to_xyxy(out["pred_boxes"].float()) * frame
        return [
            self._select_predictions(*one) for one in zip(scores.squeeze(-1), boxes, out["pred_masks"], strict=True)
        ]

    def _make_geometric_prompt(self, prompts: Sequence[Mapping[str, Any]]) -> Prompt:
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

    def _select_predictions(
        self, scores: torch.Tensor, boxes: torch.Tensor, logits: torch.Tensor
    ) -> Sequence[Prediction]:
        order = torch.argsort(scores, descending=True, stable=True)[: self.max_masks]
        order = order[~(scores[order] <= self.min_score)]  # a score that is no number stays, to be told
        if self.nms_iou is not None:
            best = nms_masks(scores[order], logits[order], self.min_score, self.nms_iou)
            order = order[best | scores[order].isnan()]
        found = scores[order].cpu().numpy(), boxes[order].cpu().numpy()
        return logits_to_predictions(*found, logits[order], (self.height, self.width))

    def _embed_phrases(self, phrases: Sequence[str]) -> dict[str, torch.Tensor]:
        new = [phrase for phrase in dict.fromkeys(phrases) if phrase not in self.text_features]
        self.warnings += [each for each in map(self._truncation_warning, new) if each]
        if new:
            made = self.model.backbone.forward_text(new, device=self.device)
            for place, phrase in enumerate(new):
                # language_features are (tokens, phrases, width), language_mask is (phrases, tokens).
                self.text_features[phrase] = {
                    "language_features": made["language_features"][:, place : place + 1],
                    "language_mask": made["language_mask"][place : place + 1],
                }
        chosen = [self.text_features[phrase] for phrase in phrases]
        axis = {"language_features": 1, "language_mask": 0}
        return {key: torch.cat([text[key] for text in chosen], dim=axis[key]) for key in axis}

    def _truncation_warning(self, phrase: str) -> str | None:
        """What to tell of a phrase that has more tokens than the model reads: the package leaves out the last ones."""
        text = self.model.backbone.language_backbone
        tokens = len(text.tokenizer.encode(phrase)) + 2  # one begins it, one ends it
        if tokens <= text.context_length:
            return None
        return f"phrase of {tokens} tokens cut to the model's {text.context_length}: {phrase!r}"
