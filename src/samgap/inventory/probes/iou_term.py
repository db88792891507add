"""Whether IoU itself is a loss of SAM2's masks: the gradient of its IoU term on masks and on predicted IoUs."""

from collections.abc import Iterator

import torch
from training.loss_fns import iou_loss

from samgap.inventory.probes import Measurement

EVIDENCE = "training/loss_fns.py: iou_loss"


def measure() -> Iterator[Measurement]:
    """Yield how many logits of a mask, and how many predicted IoUs, the term trains."""
    masks = torch.randn(1, 1, 8, 8, requires_grad=True)
    predicted_ious = torch.full((1, 1), 0.5, requires_grad=True)
    loss = iou_loss(masks, (torch.randn(1, 1, 8, 8) > 0).float(), predicted_ious, 1, use_l1_loss=True)
    on_masks, on_ious = torch.autograd.grad(loss, [masks, predicted_ious], allow_unused=True)
    yield Measurement(
        "trained-mask-logits",
        0 if on_masks is None else int(on_masks.count_nonzero()),
        "logits",
        EVIDENCE,
        "sam2",
        "the masks are thresholded before the IoU is computed",
    )
    yield Measurement("trained-ious", int(on_ious.count_nonzero()), "predictions", EVIDENCE, "sam2")
