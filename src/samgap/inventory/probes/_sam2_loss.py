"""SAM2's published loss with its published weights, and small outputs for it."""

from typing import Any

import torch
from training.loss_fns import MultiStepMultiMasksAndIous

from samgap.inventory.probes._sam2_settings import read_loss_options


def make_loss() -> MultiStepMultiMasksAndIous:
    """Return the loss of the package's fine-tuning configuration."""
    return MultiStepMultiMasksAndIous(**read_loss_options())


def make_outputs(masks: torch.Tensor) -> dict[str, Any]:
    """Return the outputs of one frame and one click.

    Args:
        masks: logits (objects, masks, height, width).
    """
    return {
        "multistep_pred_multimasks_high_res": [masks],
        "multistep_pred_ious": [torch.full(masks.shape[:2], 0.5)],
        "multistep_object_score_logits": [torch.zeros(len(masks), 1)],
    }
