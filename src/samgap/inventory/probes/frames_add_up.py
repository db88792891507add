"""Whether a term of SAM2's published loss couples the frames of a video: the loss of two frames and of each alone."""

from collections.abc import Iterator

import torch

from samgap.inventory.probes import Measurement
from samgap.inventory.probes._sam2_loss import make_loss, make_outputs

EVIDENCE = "training/loss_fns.py: MultiStepMultiMasksAndIous.forward"


def measure() -> Iterator[Measurement]:
    """Yield the loss of two frames minus the sum of both, and minus that of the frames in reverse order."""
    loss = make_loss()
    outputs = [make_outputs(torch.randn(2, 3, 8, 8, dtype=torch.float64)) for _ in range(2)]
    targets = (torch.randn(2, 2, 8, 8) > 0).double()

    def compute(frames: list[int]) -> float:
        return float(loss([outputs[frame] for frame in frames], targets[frames])["core_loss"])

    together, single = compute([0, 1]), [compute([0]), compute([1])]
    yield Measurement(
        "coupling",
        round(abs(together - sum(single)), 9),
        "loss",
        EVIDENCE,
        "sam2",
        f"two frames {together:.4f}, each alone {single[0]:.4f} and {single[1]:.4f}",
    )
    yield Measurement(
        "effect-of-order",
        round(abs(together - compute([1, 0])), 9),
        "loss",
        EVIDENCE,
        "sam2",
        "difference after exchanging the frames",
    )
