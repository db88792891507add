"""The losses of prompts for the objects of a batch, of SAM2 or of SAM3's interactive head, which has the same parts."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from samgap.training.sam2.batch import ObjectBatch
from samgap.training.sam2.clicks import ObjectPrompts, add_correction_click, make_box_prompts, sample_first_prompts
from samgap.training.sam2.losses import compute_losses


def compute_prompt_losses(
    model: Any,
    feature_maps: Sequence[torch.Tensor],
    batch: ObjectBatch,
    n_targets: float,
    max_clicks: int,
    rng: np.random.Generator,
) -> dict[str, torch.Tensor]:
    """Return the sums of the loss terms of first prompts and of a random number of corrective clicks.

    Args:
        model: a model of the package `sam2`, or the tracker of `sam3`: with its prompt encoder and mask decoder
        feature_maps: of the images of the batch, (images, channels, height, width), the finest first
        batch: the objects
        n_targets: divisor of the sums over objects
        max_clicks: maximum number of corrective clicks
        rng: source of randomness
    """
    n_clicks = int(rng.integers(0, max_clicks + 1))
    terms: dict[str, torch.Tensor] = defaultdict(lambda: torch.zeros((), device=batch.masks.device))
    for prompts in sample_first_prompts(batch, model.image_size, max_clicks > 0, rng):
        for click in range(n_clicks + 1):
            outputs = decode_prompts(model, feature_maps, batch, prompts)
            indices = prompts.object_indices
            # An estimated mask is too inaccurate to locate errors of a prediction, so clicks on it have no loss.
            weights = batch.loss_weights[indices] * (batch.is_ground_truth[indices] | (click == 0))
            losses = compute_losses(*outputs, batch.masks[indices], weights, n_targets)
            for name, value in losses.items():
                terms[name] = terms[name] + value
            if click < n_clicks:
                logits, predicted_iou, _ = outputs
                prompts = add_correction_click(prompts, logits, predicted_iou, batch, model.image_size, rng)
    return dict(terms)


def compute_box_losses(
    model: Any, feature_maps: Sequence[torch.Tensor], batch: ObjectBatch, n_targets: float
) -> dict[str, torch.Tensor]:
    """Return the loss terms of the unchanged boxes of all objects; the arguments are those of compute_prompt_losses."""
    outputs = decode_prompts(model, feature_maps, batch, make_box_prompts(batch))
    return compute_losses(*outputs, batch.masks, batch.loss_weights, n_targets)


def decode_prompts(
    model: Any, feature_maps: Sequence[torch.Tensor], batch: ObjectBatch, prompts: ObjectPrompts
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return mask logits (m, 4, h, w), predicted IoU (m, 4) and object-score logits (m, 1) of `m` prompts."""
    image_indices = batch.image_indices[prompts.object_indices]
    encoder = model.sam_prompt_encoder
    sparse, dense = encoder(points=(prompts.point_coords, prompts.point_labels), boxes=None, masks=prompts.mask_input)
    logits, predicted_iou, _, object_score_logits = model.sam_mask_decoder.predict_masks(
        image_embeddings=feature_maps[-1][image_indices],
        image_pe=encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        repeat_image=False,
        high_res_features=[level[image_indices] for level in feature_maps[:-1]],
    )
    return logits.float(), predicted_iou.float(), object_score_logits.float()
