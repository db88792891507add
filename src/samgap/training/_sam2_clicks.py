"""How a step asks SAM2 for objects: box, point, both, or a rough mask; then clicks where the answer is wrong.

Objects asked in one way are answered together, so that each prompt has as many tokens as it will have in use.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from sam2.modeling.sam2_utils import get_next_point
from torch.nn import functional

from samgap.training._sam2_batch import Batch

KINDS = {"box": 0.5, "point": 0.35, "point-box": 0.15}
KINDS_AND_MASKS = {"box": 0.42, "point": 0.28, "point-box": 0.1, "mask": 0.1, "point-mask": 0.1}
"""How often an object is first asked so. Masks as prompts come once places are understood: copying one is so much
easier than finding what a box holds that a model which meets both from the start learns to copy first."""

NOISY = 0.5
"""Share of the boxes whose corners are moved."""

BOX_NOISE, BOX_NOISE_PX = 0.1, 20
"""Standard deviation of a corner's move as a share of the box, and its cap; both as in the package."""

LIMIT = 32.0
"""Logits given back as a prompt are cut at this, as in the package's predictor."""


@dataclass
class Asked:
    """One way to ask, of some of a batch's objects."""

    rows: torch.Tensor  # (m,) which objects
    coordinates: torch.Tensor  # (m, t, 2) px of the model's input
    labels: torch.Tensor  # (m, t): 2 and 3 a box's corners, 1 a point inside, 0 one outside
    prior: torch.Tensor | None  # (m, 1, side / 4, side / 4) logits of a mask


def first(batch: Batch, side: int, masks: bool, rng: np.random.Generator) -> Iterator[Asked]:
    """The first prompts of all objects of a batch; with `masks`, some are rough masks (never an estimated one)."""
    shares = KINDS_AND_MASKS if masks else KINDS
    kinds = rng.choice(len(shares), len(batch.owners), p=list(shares.values()))
    kinds[~batch.known.cpu().numpy() & (kinds >= len(KINDS))] = 0
    for number, name in enumerate(shares):
        rows = torch.from_numpy(np.flatnonzero(kinds == number)).to(batch.owners.device)
        if len(rows):
            tokens, labels = [], []
            if "box" in name:
                tokens += list(_boxes(batch.boxes[rows], side, rng).unbind(1))
                labels += [2, 3]
            if "point" in name:
                tokens, labels = [batch.points[rows], *tokens], [1, *labels]
            coordinates = torch.stack(tokens, 1) if tokens else batch.points.new_zeros(len(rows), 0, 2)
            told = torch.tensor(labels, dtype=torch.int32, device=rows.device).repeat(len(rows), 1)
            prior = rough(batch.masks[rows], side, rng) if "mask" in name else None
            yield Asked(rows, coordinates, told, prior)


def boxed(batch: Batch) -> Asked:
    """All objects of a batch, asked by their boxes as they are."""
    count = len(batch.owners)
    labels = torch.tensor([2, 3], dtype=torch.int32, device=batch.boxes.device).repeat(count, 1)
    return Asked(torch.arange(count, device=batch.boxes.device), batch.boxes, labels, None)


def corrected(
    asked: Asked, logits: torch.Tensor, quality: torch.Tensor, batch: Batch, side: int, rng: np.random.Generator
) -> Asked:
    """The same objects asked again: with the answer (logits (m, 4, h, w), their predicted IoU (m, 4)) as a mask, and
    one more click, drawn by the package's own sampler from where it is wrong."""
    # After one point the package takes the best of three, after more the single mask; both must be good to go on from.
    if asked.labels.shape[1] <= 1 or rng.random() < 0.5:
        best = quality[:, 1:].argmax(dim=1) + 1
    else:
        best = torch.zeros_like(quality[:, 0], dtype=torch.long)
    prior = logits.detach()[torch.arange(len(best), device=best.device), best][:, None]
    truth = batch.masks[asked.rows][:, None] > 0
    answer = functional.interpolate(prior, truth.shape[-2:], mode="bilinear", align_corners=False) > 0
    click, label = get_next_point(truth, answer, "uniform")
    click = (click + 0.5) * (side / truth.shape[-1])
    return replace(
        asked,
        coordinates=torch.cat([asked.coordinates, click], 1),
        labels=torch.cat([asked.labels, label], 1),
        prior=prior.clamp(-LIMIT, LIMIT),
    )


def _boxes(boxes: torch.Tensor, side: int, rng: np.random.Generator) -> torch.Tensor:
    """(m, 2, 2), half of them with moved corners, cut at the image."""
    extent = (boxes[:, 1] - boxes[:, 0])[:, None]
    noise = torch.tensor(rng.normal(0, BOX_NOISE, tuple(boxes.shape)), dtype=boxes.dtype, device=boxes.device)
    loose = torch.tensor(rng.random(len(boxes)) < NOISY, device=boxes.device)[:, None, None]
    moved = boxes + torch.where(loose, (noise * extent).clamp(-BOX_NOISE_PX, BOX_NOISE_PX), torch.zeros_like(boxes))
    return moved.clamp(0, side - 1)


def rough(masks: torch.Tensor, side: int, rng: np.random.Generator) -> torch.Tensor:
    """A rough guess of masks (m, h, w), moved a little, grown or shrunk, as logits (m, 1, side / 4, side / 4)."""
    low = functional.interpolate(masks[:, None], (side // 4, side // 4), mode="area")
    reach = max(side // 256, 1)
    moved = torch.roll(low, tuple(rng.integers(-reach, reach + 1, 2).tolist()), (2, 3))
    width = int(rng.choice([1, 3, 5]))
    blurred = functional.avg_pool2d(moved, width, 1, width // 2)
    guess = blurred > float(rng.uniform(0.15, 0.7))
    return (guess.float() * 2 - 1) * float(rng.uniform(4, 20))
