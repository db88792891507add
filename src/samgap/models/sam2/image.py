"""SAM2 on single images: points, boxes, masks, clicks and grids of points.

An image is encoded once, and its prompts are decoded in batches. For a single point, which is ambiguous, or a mask
alone the decoder predicts three masks and the one with the highest predicted IoU is returned, or all three, that one
first (option `keep`). For a box, several points
or a correcting click it predicts one mask, as set in the package's configurations (`multimask_max_pt_num: 1`).
"""

import functools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from pycocotools import mask as coco_mask
from torch.nn import functional
from torchvision.transforms.v2.functional import pil_to_tensor

from samgap.models import Prediction
from samgap.models.runtime.batching import MemoryBatcher
from samgap.models.runtime.device import cuda_shim, synchronize
from samgap.models.runtime.precision import FP32, Precision
from samgap.models.runtime.predictions import logits_to_predictions, threshold_logits
from samgap.models.runtime.prompt_tensors import (
    MaskBatch,
    PromptBatch,
    has_values,
    stack_boxes,
    stack_grid_points,
    stack_points,
)
from samgap.models.runtime.rle import upsample_to_masks
from samgap.models.runtime.weights import load_weights, read_weights
from samgap.models.sam2.grid import MASKS_PER_POINT, MAX_POINTS_PER_BATCH, generate_masks
from samgap.models.sam2.overrides import list_hydra_overrides
from samgap.prompts.kinds import get_row_kind

# isort: split
from sam2.build_sam import build_sam2
from sam2.modeling.sam2_base import SAM2Base
from sam2.sam2_image_predictor import SAM2ImagePredictor

MAX_PROMPTS_PER_BATCH = 32
"""Maximum number of prompts in a batch; larger batches are not faster. With less memory it is lower."""

ACTIVATION_MEMORY_FACTOR = 40
"""Estimated memory of one prompt in the mask decoder, as a multiple of the image embedding."""

MASK_INPUT_LOGIT = 10.0
"""Absolute value of the logits of a mask prompt: positive in the mask and negative outside, as in the video model."""

LOGIT_LIMIT = 32.0
"""Logits that are passed on to the next click are clipped to this absolute value, as the package's predictor does."""


def build_model(options: Mapping[str, Any], device: str) -> SAM2Base:
    """Return the model of `options`, randomly initialized."""
    overrides = list_hydra_overrides(options)
    return build_sam2(options["config"], ckpt_path=None, device=device, hydra_overrides_extra=overrides)


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> "Sam2":
    """Build the model and load its weights (published files are `{"model": state_dict}`)."""
    model = build_model(options, device)
    load_weights(model, read_weights(weights), str(weights))
    opened = Sam2(model.eval(), Precision.from_options(options))
    opened.keeps_all_masks = options.get("keep") == "all-masks"
    return opened


class Sam2:
    """A loaded SAM2 image model.

    Args:
        model: the package's model, in evaluation mode.
        precision: number format, compilation and memory layout.
    """

    precision = FP32
    keeps_all_masks = False
    """Whether all masks of an ambiguous prompt are returned, or the one with the highest predicted IoU."""

    def __init__(self, model: SAM2Base, precision: Precision = FP32) -> None:
        self.model, self.precision, self.device = model, precision, model.device.type
        self.predictor = SAM2ImagePredictor(model)
        side = model.image_size
        # The package hard-codes these for an input of 1024 px.
        self.predictor._bb_feat_sizes = [(side // 4, side // 4), (side // 8, side // 8), (side // 16, side // 16)]
        # The package converts to floats on the host. Copying bytes and converting them on the device is faster.
        self.predictor._transforms.to_tensor = lambda image: pil_to_tensor(image).to(model.device).float().div(255)
        precision.prepare_encoder(model.image_encoder, self.device)

    @torch.inference_mode()
    def set_image(self, image: Image.Image) -> None:
        """Encode the image."""
        with self.precision.autocast(self.device):
            self.predictor.set_image(image)
        synchronize(self.device)

    def predict(self, prompts: Sequence[Mapping[str, Any]]) -> list[Sequence[Prediction]]:
        """Return the predictions for each prompt (see `samgap.models.Model`).

        Prompts with equally many points, and with a box or mask alike, share a batch. Of a prompt of kind `clicks` only
        the first click is used; `samgap.models.runtime.clicks` runs the full protocol.
        """
        predictions: list[Sequence[Prediction]] = [[] for _ in prompts]
        indices_by_form: dict[tuple[int, bool, bool], list[int]] = defaultdict(list)
        for index, prompt in enumerate(prompts):
            if "kind" in prompt and get_row_kind(prompt["kind"]).automatic:
                predictions[index] = self._generate_masks(stack_grid_points(prompt))
            else:
                n_points = len(prompt["points"]) if has_values(prompt["points"]) else 0
                form = n_points, has_values(prompt["boxes"]), prompt.get("mask") is not None
                indices_by_form[form].append(index)
        for (n_points, has_box, has_mask), indices in indices_by_form.items():
            predict_form = functools.partial(self._predict_form, prompts, n_points, has_box, has_mask)
            for batch, (logits, predicted_iou) in self.map_batches(indices, predict_form):
                scores, size = predicted_iou.float().cpu().numpy(), self.predictor._orig_hw[-1]
                for row, index in enumerate(batch):
                    # An empty mask that is chosen must stay: without it, another one would have the highest score.
                    predictions[index] = logits_to_predictions(
                        scores[row], None, logits[row], size, keep_empty=len(scores[row]) > 1
                    )
        return predictions

    def _generate_masks(self, points: np.ndarray) -> list[Prediction]:
        """Return the masks of the automatic mask generator at `points` (n, 2) px."""
        generate = functools.partial(generate_masks, self.predictor, points, self.device, self.precision)
        return self.grid_batcher.run(MASKS_PER_POINT * self.bytes_per_prompt, generate)

    def _predict_form(
        self, prompts: Sequence[Mapping[str, Any]], n_points: int, has_box: bool, has_mask: bool, indices: Sequence[int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits (prompts, masks, h, w) and predicted IoU (prompts, masks) of the prompts at `indices`.

        They have the same form. The mask with the highest predicted IoU is the first, and the only one unless
        `keeps_all_masks`.
        """
        rows = [prompts[index] for index in indices]
        points, labels = stack_points(rows) if n_points else (None, None)
        mask_inputs = self.rles_to_mask_inputs([row["mask"] for row in rows]) if has_mask else None
        batch = PromptBatch(points, labels, stack_boxes(rows) if has_box else None, mask_inputs)
        logits, predicted_iou = self._predict_ranked(batch, multimask=n_points + 2 * has_box <= 1)
        return self._fill_holes(logits.flatten(0, 1)).view(logits.shape), predicted_iou

    @functools.cached_property
    def prompt_batcher(self) -> MemoryBatcher:
        """The batches of prompts."""
        return MemoryBatcher(MAX_PROMPTS_PER_BATCH, self.device)

    @functools.cached_property
    def grid_batcher(self) -> MemoryBatcher:
        """The batches of grid points."""
        return MemoryBatcher(MAX_POINTS_PER_BATCH, self.device)

    def map_batches(
        self, indices: Sequence[int], function: Callable[[Sequence[int]], Any]
    ) -> Iterator[tuple[Sequence[int], Any]]:
        """Call `function` on batches of prompt indices that fit into memory (see `MemoryBatcher.map`)."""
        return self.prompt_batcher.map(indices, self.bytes_per_prompt, function)

    @property
    def bytes_per_prompt(self) -> float:
        """Estimated memory of one prompt on the encoded image, in bytes."""
        height, width = self.predictor._orig_hw[-1]
        return 4.0 * (ACTIVATION_MEMORY_FACTOR * self.predictor._features["image_embed"].numel() + height * width)

    def predict_batch(self, batch: PromptBatch, multimask: bool = True) -> MaskBatch:
        """Return one mask for each prompt of a batch, at the size of the image.

        Args:
            batch: prompts of one form.
            multimask: whether to decode three masks and return the best one, or to decode a single mask.
        """
        logits, predicted_iou = self.predict_logits(batch, multimask)
        masks = upsample_to_masks(self._fill_holes(logits), self.predictor._orig_hw[-1])
        scores, _ = threshold_logits(predicted_iou.float().cpu().numpy(), logits)
        next_mask_inputs = logits[:, None].clamp(-LOGIT_LIMIT, LOGIT_LIMIT)
        return MaskBatch(masks.cpu().numpy(), scores, next_mask_inputs)

    @torch.inference_mode()
    def predict_logits(self, batch: PromptBatch, multimask: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mask with the highest predicted IoU for each prompt of a batch.

        Returns:
            Logits, float32 (n, side / 4, side / 4), and predicted IoU (n,).
        """
        logits, predicted_iou = self._predict_ranked(batch, multimask)
        return logits[:, 0], predicted_iou[:, 0]

    @torch.inference_mode()
    def _predict_ranked(self, batch: PromptBatch, multimask: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits, float32 (n, masks, side / 4, side / 4), and predicted IoU (n, masks), highest first.

        There is one mask for each prompt unless `keeps_all_masks`.
        """
        with cuda_shim(self.device), self.precision.autocast(self.device):
            logits, predicted_iou = self._decode_masks(batch, multimask)
        if self.keeps_all_masks:
            # A NaN comes first, as with argmax, so that the caller can report it.
            order = predicted_iou.argsort(dim=1, descending=True, stable=True)
        else:
            order = predicted_iou.argmax(dim=1, keepdim=True)
        rows = torch.arange(len(predicted_iou), device=predicted_iou.device)[:, None]
        return logits[rows, order].float(), predicted_iou[rows, order]

    def _fill_holes(self, logits: torch.Tensor) -> torch.Tensor:
        """Return the logits after the predictor's post-processing without resizing, which may fill small holes."""
        return self.predictor._transforms.postprocess_masks(logits[:, None], logits.shape[-2:])[:, 0]

    def _decode_masks(self, batch: PromptBatch, multimask: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits (n, masks, side / 4, side / 4) and predicted IoU (n, masks).

        It computes the same as the predictor's `_predict`, which accepts only a single prompt with several points or
        several boxes, for any batch.
        """
        mask_inputs, points, labels, boxes = self.predictor._prep_prompts(
            batch.point_coords, batch.point_labels, batch.boxes, batch.mask_inputs, normalize_coords=True
        )
        n_prompts = next(len(tensor) for tensor in (points, boxes, mask_inputs) if tensor is not None)
        coords_parts, label_parts = [], []
        if boxes is not None:  # a box is two points, its corners, with labels 2 and 3
            coords_parts.append(boxes.reshape(-1, 2, 2))
            label_parts.append(torch.tensor([[2, 3]], dtype=torch.int32, device=boxes.device).expand(n_prompts, 2))
        if points is not None:
            coords_parts.append(points)
            label_parts.append(labels)
        encoder_points = (torch.cat(coords_parts, 1), torch.cat(label_parts, 1)) if coords_parts else None
        sparse, dense = self.model.sam_prompt_encoder(points=encoder_points, boxes=None, masks=mask_inputs)
        features = self.predictor._features
        logits, predicted_iou, _, _ = self.model.sam_mask_decoder(
            image_embeddings=features["image_embed"],
            image_pe=self.model.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask,
            repeat_image=n_prompts > 1,
            high_res_features=features["high_res_feats"],
        )
        return logits, predicted_iou

    def rles_to_mask_inputs(self, rles: Sequence[bytes]) -> torch.Tensor:
        """Return mask prompts as logits, float32 (n, 1, side / 4, side / 4).

        Args:
            rles: compressed RLE counts of masks of the image's size.
        """
        height, width = self.predictor._orig_hw[-1]
        size = self.model.sam_prompt_encoder.mask_input_size
        masks = [coco_mask.decode({"size": [height, width], "counts": counts}) for counts in rles]
        resized = functional.interpolate(torch.from_numpy(np.stack(masks))[:, None].float(), size, mode="area")
        return (resized * 2 - 1) * MASK_INPUT_LOGIT
