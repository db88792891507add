"""The loss terms of SAM2 on single images, from the package's own functions."""

import torch
from torch.nn import functional
from training.loss_fns import dice_loss, iou_loss, sigmoid_focal_loss

LOSS_WEIGHTS = {"loss_mask": 20.0, "loss_dice": 1.0, "loss_iou": 1.0, "loss_class": 1.0}
"""Weights of the package's published fine-tuning configuration."""


def compute_losses(
    logits: torch.Tensor,
    predicted_iou: torch.Tensor,
    object_score_logits: torch.Tensor,
    target_masks: torch.Tensor,
    object_weights: torch.Tensor,
    n_objects: float,
) -> dict[str, torch.Tensor]:
    """Return the loss terms and their weighted sum `total`.

    The single mask (output 0) and the best of the three other masks are supervised, and the predicted IoU of all four.

    Args:
        logits: mask logits, (m, 4, h, w)
        predicted_iou: (m, 4)
        object_score_logits: logits of the object being in the image, (m, 1)
        target_masks: 0 or 1, (m, H, W)
        object_weights: weight of each object, (m,)
        n_objects: divisor of the sums over objects
    """
    divisor = torch.tensor(float(n_objects), device=target_masks.device)
    logits = functional.interpolate(logits, target_masks.shape[-2:], mode="bilinear", align_corners=False)
    targets = target_masks[:, None].expand_as(logits).contiguous()
    focal = sigmoid_focal_loss(logits, targets, divisor, loss_on_multimask=True)
    dice = dice_loss(logits, targets, divisor, loss_on_multimask=True)
    iou = iou_loss(logits, targets, predicted_iou, divisor, loss_on_multimask=True, use_l1_loss=True)
    mask_losses = LOSS_WEIGHTS["loss_mask"] * focal + LOSS_WEIGHTS["loss_dice"] * dice
    best = mask_losses[:, 1:].argmin(dim=1) + 1
    rows = torch.arange(len(target_masks), device=target_masks.device)
    presence = functional.binary_cross_entropy_with_logits(
        object_score_logits, torch.ones_like(object_score_logits), reduction="none"
    )
    terms = {
        "loss_mask": ((focal[:, 0] + focal[rows, best]) * object_weights).sum(),
        "loss_dice": ((dice[:, 0] + dice[rows, best]) * object_weights).sum(),
        "loss_iou": (iou.mean(dim=1) * object_weights).sum(),
        "loss_class": (presence[:, 0] * object_weights).sum() / divisor,
    }
    return {"total": sum((LOSS_WEIGHTS[name] * value for name, value in terms.items()), start=torch.zeros(())), **terms}
