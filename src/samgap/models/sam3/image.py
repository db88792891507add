"""SAM3 on single images: noun phrases and exemplar boxes; with its interactive head also all prompts of SAM2.

An image is encoded once, its phrases are detected in batches, and the text of a phrase is encoded once per job. A
prompt may have exemplar boxes (`label` 1 for positive, 0 for negative), with a phrase or without one.
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
from samgap.models.sam3.build import PUBLISHED_IMAGE_SIZE, build_image_model
from samgap.models.sam3.layouts import SPARE_KEYS, get_key_layouts
from samgap.prompts.kinds import get_row_kind

if TYPE_CHECKING:
    from samgap.models.sam3.interactive import InteractiveHead

# isort: split
from sam3.model.box_ops import box_cxcywh_to_xyxy, box_xyxy_to_cxcywh
from sam3.model.data_misc import FindStage
from sam3.model.geometry_encoders import Prompt
from sam3.perflib.nms import nms_masks

MIN_SCORE = 0.02
"""Masks with a lower score are discarded: all operating points are above it, and average precision does not change."""

VISUAL_PROMPT_TEXT = "visual"
"""The text that the package uses for exemplar boxes without a phrase."""

MAX_PROMPTS_PER_BATCH = 64
"""Maximum number of phrases in a batch. With less memory it is lower."""

ACTIVATION_MEMORY_FACTOR = 96
"""Estimated memory of one phrase in the detector, as a multiple of the coarsest features."""


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> "Sam3":
    """Build the model and load its weights."""
    architecture = options.get("architecture")
    image_size = architecture["size"] if architecture else PUBLISHED_IMAGE_SIZE
    layouts = get_key_layouts(options)
    content = read_weights(weights)
    model = build_image_model(options, device)
    load_weights(model, content, str(weights), strict=bool(architecture), layouts=layouts, spare=SPARE_KEYS)
    opened = Sam3(
        model.to(device).eval(),
        image_size,
        device,
        Precision.from_options(options),
        options.get("nms"),
        has_fixed_presence=options.get("presence") == "fixed",
    )
    if opened.interactive_head is not None:
        opened.interactive_head.keeps_all_masks = options.get("keep") == "all-masks"
    return opened


def _open_interactive_head(model: Any, device: str, precision: Precision) -> "InteractiveHead":
    """Return the interactive head. Its module loads the package `sam2`, so it is imported only if needed."""
    from samgap.models.sam3.interactive import InteractiveHead

    return InteractiveHead(model, device, precision)


class Sam3:
    """A loaded SAM3 image model.

    Args:
        model: the package's model, in evaluation mode on `device`.
        image_size: side of the model's input in px.
        device: `cpu` or `cuda`.
        precision: number format, compilation and memory layout.
        nms_iou: mask IoU of two detections of a phrase above which the one with the lower score is removed; None to
            keep all.
        has_fixed_presence: whether scores are those of the masks, instead of their product with the presence.
    """

    def __init__(
        self,
        model: Any,
        image_size: int,
        device: str,
        precision: Precision = FP32,
        nms_iou: float | None = None,
        has_fixed_presence: bool = False,
    ) -> None:
        self.model, self.image_size, self.device = model, image_size, device
        self.precision, self.nms_iou, self.has_fixed_presence = precision, nms_iou, has_fixed_presence
        self.prompt_batcher = MemoryBatcher(MAX_PROMPTS_PER_BATCH, device)
        self.warnings: list[str] = []
        precision.prepare_encoder(model.backbone.vision_backbone.trunk, device)
        self.text_features: dict[str, dict[str, torch.Tensor]] = {}
        self.interactive_head: InteractiveHead | None = None
        if model.inst_interactive_predictor is not None:
            self.interactive_head = _open_interactive_head(model, device, precision)
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
        """Encode the image."""
        self.width, self.height = image.size
        with cuda_shim(self.device), self.precision.autocast(self.device):
            pixels = self.transform(v2.functional.to_image(image).to(self.device))
            self.features = self.model.backbone.forward_image(pixels[None])
        synchronize(self.device)
        self.has_head_features = False

    def predict_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Call `Sam2.predict_batch` of the interactive head, for the click protocol."""
        return self._prepare_head().predict_batch(*args, **kwargs)

    def map_batches(self, *args: Any) -> Any:
        """Call `Sam2.map_batches` of the interactive head, for the click protocol."""
        return self._prepare_head().map_batches(*args)

    def _prepare_head(self) -> "InteractiveHead":
        """Return the interactive head with the features of the current image."""
        assert self.interactive_head is not None
        if not self.has_head_features:
            self.interactive_head.set_features(self.features, self.width, self.height)
            self.has_head_features = True
        return self.interactive_head

    def predict(self, prompts: Sequence[Mapping[str, Any]]) -> Sequence[Sequence[Prediction]]:
        """Return the predictions for each prompt (see `samgap.models.Model`).

        The prompts of a call are either all phrases and exemplars, or all for the interactive head.
        """
        if any("kind" in prompt and not get_row_kind(prompt["kind"]).takes_phrase for prompt in prompts):
            return self._prepare_head().predict(prompts)
        bytes_per_prompt = 4.0 * ACTIVATION_MEMORY_FACTOR * self.features["vision_features"].numel()
        batches = self.prompt_batcher.map(prompts, bytes_per_prompt, self._predict_phrases)
        return [predictions for _, batch in batches for predictions in batch]

    @torch.inference_mode()
    def _predict_phrases(self, prompts: Sequence[Mapping[str, Any]]) -> list[Sequence[Prediction]]:
        n_prompts = len(prompts)
        phrases = [prompt.get("phrase") or VISUAL_PROMPT_TEXT for prompt in prompts]
        with cuda_shim(self.device), self.precision.autocast(self.device):
            outputs = self.model.forward_grounding(
                backbone_out={**self.features, **self._embed_phrases(phrases)},
                find_input=FindStage(
                    img_ids=torch.zeros(n_prompts, device=self.device, dtype=torch.long),
                    text_ids=torch.arange(n_prompts, device=self.device),
                    input_boxes=None,
                    input_boxes_mask=None,
                    input_boxes_label=None,
                    input_points=None,
                    input_points_mask=None,
                ),
                geometric_prompt=self._make_geometric_prompt(prompts),
                find_target=None,
            )
        presence_logits = outputs["presence_logit_dec"].float().unsqueeze(1)
        score_logits, relative_boxes = outputs["pred_logits"].float(), outputs["pred_boxes"].float()
        presences = presence_logits.sigmoid()
        scores = (score_logits.sigmoid() * (1.0 if self.has_fixed_presence else presences)).squeeze(-1)
        # A score would hide an infinite logit, and a box that is not finite.
        finite = (score_logits.isfinite() & presence_logits.isfinite()).squeeze(-1)
        scores = torch.where(finite & relative_boxes.isfinite().all(dim=-1), scores, torch.nan)
        image_size = torch.tensor([self.width, self.height] * 2, device=self.device)
        boxes = box_cxcywh_to_xyxy(relative_boxes) * image_size
        return [
            self._select_predictions(*detections)
            for detections in zip(scores, boxes, outputs["pred_masks"], presences.flatten().tolist(), strict=True)
        ]

    def _make_geometric_prompt(self, prompts: Sequence[Mapping[str, Any]]) -> Prompt:
        """Return the prompts' boxes as (boxes, prompts, 4): cx, cy, w, h, relative to the image size."""
        boxes_by_prompt = [[] if prompt.get("boxes") is None else list(prompt["boxes"]) for prompt in prompts]
        n_prompts, n_boxes = len(prompts), max((len(boxes) for boxes in boxes_by_prompt), default=0)
        box_tensor = torch.zeros(n_boxes, n_prompts, 4)
        labels = torch.zeros(n_boxes, n_prompts, dtype=torch.long)
        is_padding = torch.ones(n_prompts, n_boxes, dtype=torch.bool)
        image_size = torch.tensor([self.width, self.height] * 2, dtype=torch.float32)
        for column, boxes in enumerate(boxes_by_prompt):
            for row, box in enumerate(boxes):
                corners = torch.tensor([box["x0"], box["y0"], box["x1"], box["y1"]], dtype=torch.float32)
                box_tensor[row, column] = box_xyxy_to_cxcywh(corners / image_size)
                labels[row, column] = int(box.get("label", 1))
                is_padding[column, row] = False
        return Prompt(
            box_embeddings=box_tensor.to(self.device),
            box_mask=is_padding.to(self.device),
            box_labels=labels.to(self.device),
        )

    def _select_predictions(
        self, scores: torch.Tensor, boxes: torch.Tensor, logits: torch.Tensor, presence: float
    ) -> Sequence[Prediction]:
        """Return the detections of one phrase by descending score, after the score threshold and NMS.

        Args:
            scores: (queries,).
            boxes: (queries, 4), x0, y0, x1, y1 in px.
            logits: (queries, h, w).
            presence: of the phrase, which is kept beside the scores.
        """
        order = torch.argsort(scores, descending=True, stable=True)
        order = order[~(scores[order] <= MIN_SCORE)]  # NaN scores remain, so that the caller can report them
        if self.nms_iou is not None:
            is_best = nms_masks(scores[order], logits[order], MIN_SCORE, self.nms_iou)
            order = order[is_best | scores[order].isnan()]
        return logits_to_predictions(
            scores[order].cpu().numpy(),
            boxes[order].cpu().numpy(),
            logits[order],
            (self.height, self.width),
            presence=presence,
        )

    def _embed_phrases(self, phrases: Sequence[str]) -> dict[str, torch.Tensor]:
        """Return the text features of phrases in the detector's format, and encode only the new ones."""
        new_phrases = [phrase for phrase in dict.fromkeys(phrases) if phrase not in self.text_features]
        self.warnings += [warning for warning in map(self._make_truncation_warning, new_phrases) if warning]
        if new_phrases:
            encoded = self.model.backbone.forward_text(new_phrases, device=self.device)
            for index, phrase in enumerate(new_phrases):
                # language_features is (tokens, phrases, width), language_mask is (phrases, tokens).
                self.text_features[phrase] = {
                    "language_features": encoded["language_features"][:, index : index + 1],
                    "language_mask": encoded["language_mask"][index : index + 1],
                }
        features = [self.text_features[phrase] for phrase in phrases]
        phrase_axis = {"language_features": 1, "language_mask": 0}
        return {key: torch.cat([text[key] for text in features], dim=axis) for key, axis in phrase_axis.items()}

    def _make_truncation_warning(self, phrase: str) -> str | None:
        """Return a message if a phrase has too many tokens, of which the package drops the last, and otherwise None."""
        text_encoder = self.model.backbone.language_backbone
        n_tokens = len(text_encoder.tokenizer.encode(phrase)) + 2  # two more mark the start and the end
        if n_tokens <= text_encoder.context_length:
            return None
        return f"phrase of {n_tokens} tokens cut to the model's {text_encoder.context_length}: {phrase!r}"
