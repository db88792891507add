"""The package's losses on SAM2's four masks of an object, weighted by object."""

import torch
from torch.nn import functional
from training.loss_fns import dice_loss, iou_loss, sigmoid_focal_loss

WEIGHTS = {"loss_mask": 20.0, "loss_dice": 1.0, "loss_iou": 1.0, "loss_class": 1.0}
"""Those of the package's published fine-tuning configuration."""


def losses(
    logits: torch.Tensor,
    quality: torch.Tensor,
    presence: torch.Tensor,
    masks: torch.Tensor,
    weights: torch.Tensor,
    count: float,
) -> dict[str, torch.Tensor]:
    """Loss terms, each summed over objects by their `weights` (m,) and divided by `count`, and `total`.

    `logits` (m, 4, h, w) and `quality` (m, 4): output 0 is the single mask, 1 to 3 the three, of which the best is
    supervised too; `presence` (m, 1) the logit of there being an object; `masks` (m, H, W) the truth.
    """
    number = torch.tensor(float(count), device=masks.device)
    logits = functional.interpolate(logits, masks.shape[-2:], mode="bilinear", align_corners=False)
    truth = masks[:, None].expand_as(logits).contiguous()
    focal = sigmoid_focal_loss(logits, truth, number, loss_on_multimask=True)
    dice = dice_loss(logits, truth, number, loss_on_multimask=True)
    iou = iou_loss(logits, truth, quality, number, loss_on_multimask=True, use_l1_loss=True)
    combined = WEIGHTS["loss_mask"] * focal + WEIGHTS["loss_dice"] * dice
    best = combined[:, 1:].argmin(dim=1) + 1
    rows = torch.arange(len(masks), device=masks.device)
    there = functional.binary_cross_entropy_with_logits(presence, torch.ones_like(presence), reduction="none")
    terms = {
        "loss_mask": ((focal[:, 0] + focal[rows, best]) * weights).sum(),
        "loss_dice": ((dice[:, 0] + dice[rows, best]) * weights).sum(),
        "loss_iou": (iou.mean(dim=1) * weights).sum(),
        "loss_class": (there[:, 0] * weights).sum() / number,
    }
    return {"total": sum((WEIGHTS[name] * value for name, value in terms.items()), start=torch.zeros(())), **terms}
