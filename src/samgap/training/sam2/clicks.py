"""Prompts of a training step of SAM2: a box, a point, both, or a rough mask, then corrective clicks.

Objects with the same kind of prompt are predicted together, since all prompts of a call have equally many tokens.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from sam2.modeling.sam2_utils import get_next_point
from torch.nn import functional

from samgap.training.sam2.batch import ObjectBatch

PROMPT_PROBABILITIES = {"box": 0.5, "point": 0.35, "point-box": 0.15}
PROMPT_PROBABILITIES_WITH_MASKS = {"box": 0.42, "point": 0.28, "point-box": 0.1, "mask": 0.1, "point-mask": 0.1}
"""Probabilities of the kinds of first prompts. Mask prompts are for a model that was already trained with boxes and
points: copying a mask is much easier than segmenting the object in a box, so training on both from scratch first leads
to copying."""

NOISY_BOX_FRACTION = 0.5
"""Fraction of the boxes whose corners are moved."""

BOX_NOISE_STD, MAX_BOX_NOISE_PX = 0.1, 20
"""Standard deviation of a corner's shift as a fraction of the box, and its maximum; both as in the package."""

MAX_ABS_LOGIT = 32.0
"""Mask logits are clamped to this before they are a prompt, as in the package's predictor."""


@dataclass
class ObjectPrompts:
    """Prompts of the same kind for `m` objects of a batch."""

    object_indices: torch.Tensor  # (m,) indices into the batch's objects
    point_coords: torch.Tensor  # (m, t, 2) px of the model's input
    point_labels: torch.Tensor  # (m, t): 2 and 3 for a box's corners, 1 for a point inside, 0 for one outside
    mask_input: torch.Tensor | None  # (m, 1, side / 4, side / 4) mask logits


def sample_first_prompts(
    batch: ObjectBatch, image_size: int, with_masks: bool, rng: np.random.Generator
) -> Iterator[ObjectPrompts]:
    """Yield the first prompts of all objects of a batch, one item for each kind of prompt that was sampled.

    With `with_masks`, some objects with a ground-truth mask get a rough mask as prompt.
    """
    probabilities = PROMPT_PROBABILITIES_WITH_MASKS if with_masks else PROMPT_PROBABILITIES
    kinds = rng.choice(len(probabilities), len(batch.image_indices), p=list(probabilities.values()))
    kinds[~batch.is_ground_truth.cpu().numpy() & (kinds >= len(PROMPT_PROBABILITIES))] = 0
    for kind_index, kind in enumerate(probabilities):
        rows = torch.from_numpy(np.flatnonzero(kinds == kind_index)).to(batch.image_indices.device)
        if len(rows):
            points, labels = [], []
            if "box" in kind:
                points += list(_jitter_boxes(batch.boxes[rows], image_size, rng).unbind(1))
                labels += [2, 3]
            if "point" in kind:
                points, labels = [batch.points[rows], *points], [1, *labels]
            coords = torch.stack(points, 1) if points else batch.points.new_zeros(len(rows), 0, 2)
            point_labels = torch.tensor(labels, dtype=torch.int32, device=rows.device).repeat(len(rows), 1)
            mask_input = sample_rough_masks(batch.masks[rows], image_size, rng) if "mask" in kind else None
            yield ObjectPrompts(rows, coords, point_labels, mask_input)


def make_box_prompts(batch: ObjectBatch) -> ObjectPrompts:
    """Return the unchanged boxes of all objects of a batch as prompts."""
    n_objects = len(batch.image_indices)
    labels = torch.tensor([2, 3], dtype=torch.int32, device=batch.boxes.device).repeat(n_objects, 1)
    return ObjectPrompts(torch.arange(n_objects, device=batch.boxes.device), batch.boxes, labels, None)


def add_correction_click(
    prompts: ObjectPrompts,
    logits: torch.Tensor,
    predicted_iou: torch.Tensor,
    batch: ObjectBatch,
    image_size: int,
    rng: np.random.Generator,
) -> ObjectPrompts:
    """Return the prompts with a predicted mask, and with a click where that mask is wrong.

    Args:
        prompts: the prompts of the prediction
        logits: its mask logits, (m, 4, h, w)
        predicted_iou: the predicted IoU of each mask, (m, 4)
        batch: the objects
        image_size: side of the model's input, px
        rng: source of randomness
    """
    # After one point the package takes the best of three masks, after more the single mask; both occur as prompts.
    if prompts.point_labels.shape[1] <= 1 or rng.random() < 0.5:
        best = predicted_iou[:, 1:].argmax(dim=1) + 1
    else:
        best = torch.zeros_like(predicted_iou[:, 0], dtype=torch.long)
    mask_input = logits.detach()[torch.arange(len(best), device=best.device), best][:, None]
    targets = batch.masks[prompts.object_indices][:, None] > 0
    predicted = functional.interpolate(mask_input, targets.shape[-2:], mode="bilinear", align_corners=False) > 0
    click, label = get_next_point(targets, predicted, "uniform")
    click = (click + 0.5) * (image_size / targets.shape[-1])
    return replace(
        prompts,
        point_coords=torch.cat([prompts.point_coords, click], 1),
        point_labels=torch.cat([prompts.point_labels, label], 1),
        mask_input=mask_input.clamp(-MAX_ABS_LOGIT, MAX_ABS_LOGIT),
    )


def _jitter_boxes(boxes: torch.Tensor, image_size: int, rng: np.random.Generator) -> torch.Tensor:
    """Move the corners of a random half of the boxes (m, 2, 2), within the image."""
    extent = (boxes[:, 1] - boxes[:, 0])[:, None]
    noise = torch.tensor(rng.normal(0, BOX_NOISE_STD, tuple(boxes.shape)), dtype=boxes.dtype, device=boxes.device)
    is_noisy = torch.tensor(rng.random(len(boxes)) < NOISY_BOX_FRACTION, device=boxes.device)[:, None, None]
    shift = (noise * extent).clamp(-MAX_BOX_NOISE_PX, MAX_BOX_NOISE_PX)
    return (boxes + torch.where(is_noisy, shift, torch.zeros_like(boxes))).clamp(0, image_size - 1)


def sample_rough_masks(masks: torch.Tensor, image_size: int, rng: np.random.Generator) -> torch.Tensor:
    """Move, blur and threshold masks (m, h, w) at random; return logits (m, 1, side / 4, side / 4)."""
    coarse = functional.interpolate(masks[:, None], (image_size // 4, image_size // 4), mode="area")
    max_shift = max(image_size // 256, 1)
    shifted = torch.roll(coarse, tuple(rng.integers(-max_shift, max_shift + 1, 2).tolist()), (2, 3))
    kernel_size = int(rng.choice([1, 3, 5]))
    blurred = functional.avg_pool2d(shifted, kernel_size, 1, kernel_size // 2)
    rough = blurred > float(rng.uniform(0.15, 0.7))
    return (rough.float() * 2 - 1) * float(rng.uniform(4, 20))
