"""The package's losses on SAM2's four masks of an object, weighted by object."""

import torch
from torch.nn import functional
from training.loss_fns import dice_loss, iou_loss, sigmoid_focal_loss

LOSS_WEIGHTS = {"loss_mask": 20.0, "loss_dice": 1.0, "loss_iou": 1.0, "loss_class": 1.0}
"""Those of the package's published fine-tuning configuration."""


def compute_losses(
    logits: torch.Tensor,
    predicted_iou: torch.Tensor,
    object_score_logits: torch.Tensor,
    target_masks: torch.Tensor,
    object_weights: torch.Tensor,
    n_objects: float,
) -> dict[str, torch.Tensor]:
    """Loss terms, each summed over objects by their `weights` (m,) and divided by `count`, and `total`.

    `logits` (m, 4, h, w) and `quality` (m, 4): output 0 is the single mask, 1 to 3 the three, of which the best is
    supervised too; `presence` (m, 1) the logit of there being an object; `masks` (m, H, W) the truth.
    """
    number = torch.tensor(float(n_objects), device=target_masks.device)
    logits = functional.interpolate(logits, target_masks.shape[-2:], mode="bilinear", align_corners=False)
    truth = target_masks[:, None].expand_as(logits).contiguous()
    focal = sigmoid_focal_loss(logits, truth, number, loss_on_multimask=True)
    dice = dice_loss(logits, truth, number, loss_on_multimask=True)
    iou = iou_loss(logits, truth, predicted_iou, number, loss_on_multimask=True, use_l1_loss=True)
    combined = LOSS_WEIGHTS["loss_mask"] * focal + LOSS_WEIGHTS["loss_dice"] * dice
    best = combined[:, 1:].argmin(dim=1) + 1
    rows = torch.arange(len(target_masks), device=target_masks.device)
    there = functional.binary_cross_entropy_with_logits(
        object_score_logits, torch.ones_like(object_score_logits), reduction="none"
    )
    terms = {
        "loss_mask": ((focal[:, 0] + focal[rows, best]) * object_weights).sum(),
        "loss_dice": ((dice[:, 0] + dice[rows, best]) * object_weights).sum(),
        "loss_iou": (iou.mean(dim=1) * object_weights).sum(),
        "loss_class": (there[:, 0] * object_weights).sum() / number,
    }
    return {"total": sum((LOSS_WEIGHTS[name] * value for name, value in terms.items()), start=torch.zeros(())), **terms}
