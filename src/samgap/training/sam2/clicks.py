"""How a step asks SAM2 for objects: box, point, both, or a rough mask; then clicks where the answer is wrong.

Objects asked in one way are answered together, so that each prompt has as many tokens as it will have in use.
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
"""How often an object is first asked so. Masks as prompts come once places are understood: copying one is so much
easier than finding what a box holds that a model which meets both from the start learns to copy first."""

NOISY_BOX_FRACTION = 0.5
"""Share of the boxes whose corners are moved."""

BOX_NOISE_STD, MAX_BOX_NOISE_PX = 0.1, 20
"""Standard deviation of a corner's move as a share of the box, and its cap; both as in the package."""

MAX_ABS_LOGIT = 32.0
"""Logits given back as a prompt are cut at this, as in the package's predictor."""


@dataclass
class ObjectPrompts:
    """One way to ask, of some of a batch's objects."""

    object_indices: torch.Tensor  # (m,) which objects
    point_coords: torch.Tensor  # (m, t, 2) px of the model's input
    point_labels: torch.Tensor  # (m, t): 2 and 3 a box's corners, 1 a point inside, 0 one outside
    mask_input: torch.Tensor | None  # (m, 1, side / 4, side / 4) logits of a mask


def sample_first_prompts(
    batch: ObjectBatch, image_size: int, with_masks: bool, rng: np.random.Generator
) -> Iterator[ObjectPrompts]:
    """The first prompts of all objects of a batch; with `masks`, some are rough masks (never an estimated one)."""
    shares = PROMPT_PROBABILITIES_WITH_MASKS if with_masks else PROMPT_PROBABILITIES
    kinds = rng.choice(len(shares), len(batch.image_indices), p=list(shares.values()))
    kinds[~batch.is_ground_truth.cpu().numpy() & (kinds >= len(PROMPT_PROBABILITIES))] = 0
    for number, name in enumerate(shares):
        rows = torch.from_numpy(np.flatnonzero(kinds == number)).to(batch.image_indices.device)
        if len(rows):
            tokens, labels = [], []
            if "box" in name:
                tokens += list(_jitter_boxes(batch.boxes[rows], image_size, rng).unbind(1))
                labels += [2, 3]
            if "point" in name:
                tokens, labels = [batch.points[rows], *tokens], [1, *labels]
            coordinates = torch.stack(tokens, 1) if tokens else batch.points.new_zeros(len(rows), 0, 2)
            told = torch.tensor(labels, dtype=torch.int32, device=rows.device).repeat(len(rows), 1)
            prior = sample_rough_masks(batch.masks[rows], image_size, rng) if "mask" in name else None
            yield ObjectPrompts(rows, coordinates, told, prior)


def make_box_prompts(batch: ObjectBatch) -> ObjectPrompts:
    """All objects of a batch, asked by their boxes as they are."""
    count = len(batch.image_indices)
    labels = torch.tensor([2, 3], dtype=torch.int32, device=batch.boxes.device).repeat(count, 1)
    return ObjectPrompts(torch.arange(count, device=batch.boxes.device), batch.boxes, labels, None)


def add_correction_click(
    prompts: ObjectPrompts,
    logits: torch.Tensor,
    predicted_iou: torch.Tensor,
    batch: ObjectBatch,
    image_size: int,
    rng: np.random.Generator,
) -> ObjectPrompts:
    """The same objects asked again: with the answer (logits (m, 4, h, w), their predicted IoU (m, 4)) as a mask, and
    one more click, drawn by the package's own sampler from where it is wrong."""
    # After one point the package takes the best of three, after more the single mask; both must be good to go on from.
    if prompts.point_labels.shape[1] <= 1 or rng.random() < 0.5:
        best = predicted_iou[:, 1:].argmax(dim=1) + 1
    else:
        best = torch.zeros_like(predicted_iou[:, 0], dtype=torch.long)
    prior = logits.detach()[torch.arange(len(best), device=best.device), best][:, None]
    truth = batch.masks[prompts.object_indices][:, None] > 0
    answer = functional.interpolate(prior, truth.shape[-2:], mode="bilinear", align_corners=False) > 0
    click, label = get_next_point(truth, answer, "uniform")
    click = (click + 0.5) * (image_size / truth.shape[-1])
    return replace(
        prompts,
        point_coords=torch.cat([prompts.point_coords, click], 1),
        point_labels=torch.cat([prompts.point_labels, label], 1),
        mask_input=prior.clamp(-MAX_ABS_LOGIT, MAX_ABS_LOGIT),
    )


def _jitter_boxes(boxes: torch.Tensor, image_size: int, rng: np.random.Generator) -> torch.Tensor:
    """(m, 2, 2), half of them with moved corners, cut at the image."""
    extent = (boxes[:, 1] - boxes[:, 0])[:, None]
    noise = torch.tensor(rng.normal(0, BOX_NOISE_STD, tuple(boxes.shape)), dtype=boxes.dtype, device=boxes.device)
    loose = torch.tensor(rng.random(len(boxes)) < NOISY_BOX_FRACTION, device=boxes.device)[:, None, None]
    moved = boxes + torch.where(
        loose, (noise * extent).clamp(-MAX_BOX_NOISE_PX, MAX_BOX_NOISE_PX), torch.zeros_like(boxes)
    )
    return moved.clamp(0, image_size - 1)


def sample_rough_masks(masks: torch.Tensor, image_size: int, rng: np.random.Generator) -> torch.Tensor:
    """A rough guess of masks (m, h, w), moved a little, grown or shrunk, as logits (m, 1, side / 4, side / 4)."""
    low = functional.interpolate(masks[:, None], (image_size // 4, image_size // 4), mode="area")
    reach = max(image_size // 256, 1)
    moved = torch.roll(low, tuple(rng.integers(-reach, reach + 1, 2).tolist()), (2, 3))
    width = int(rng.choice([1, 3, 5]))
    blurred = functional.avg_pool2d(moved, width, 1, width // 2)
    guess = blurred > float(rng.uniform(0.15, 0.7))
    return (guess.float() * 2 - 1) * float(rng.uniform(4, 20))
