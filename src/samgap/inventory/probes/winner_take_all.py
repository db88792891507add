"""How many of the three masks of an ambiguous prompt SAM2's published loss trains: the gradient on each."""

from collections.abc import Iterator

import torch
from training.loss_fns import MultiStepMultiMasksAndIous

from samgap.inventory.probes import Measurement
from samgap.inventory.probes._sam2_loss import make_loss, make_outputs

EVIDENCE = "training/loss_fns.py: MultiStepMultiMasksAndIous"


def measure() -> Iterator[Measurement]:
    """Yield the number of masks, and of those that get a gradient."""
    loss: MultiStepMultiMasksAndIous = make_loss()
    masks = torch.randn(1, 3, 8, 8, requires_grad=True)
    target = (torch.randn(1, 1, 8, 8) > 0).float()
    # Only the terms of the masks: the predicted IoU of every mask is trained.
    losses = loss([make_outputs(masks)], target)
    (20 * losses["loss_mask"] + losses["loss_dice"]).backward()
    assert masks.grad is not None
    magnitudes = masks.grad.abs().sum(dim=(0, 2, 3))
    yield Measurement("masks", len(magnitudes), "masks", EVIDENCE, "sam2", "masks predicted for one prompt")
    yield Measurement(
        "trained-masks",
        int((magnitudes > 0).sum()),
        "masks",
        EVIDENCE,
        "sam2",
        "sum of absolute gradients of each mask: " + ", ".join(f"{value:.3f}" for value in magnitudes.tolist()),
    )
