"""Training method `sam3-match`: SAM3's detection losses together with the match loss (`match_head`)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from samgap.demo_models.match_head import IGNORE_LABEL, MatchHead, compute_match_loss, make_grid_labels
from samgap.models.runtime.device import cuda_shim
from samgap.training.sam3.task import Task


class MatchTask(Task):
    """Detection of phrases with the additional term `loss_match`; its weight is in the option `loss-weights`."""

    def __init__(self, *, options: Mapping[str, Any], model: Mapping[str, Any], **arguments: Any) -> None:
        """Build the model and the match head, with random weights; the arguments are those of `Task`."""
        weights = dict(options["loss-weights"])
        self.match_weight = weights.pop("loss_match")
        super().__init__(options={**options, "loss-weights": weights}, model=model, **arguments)
        self.auxiliary_heads = MatchHead(model["architecture"]["width"]).to(self.device)

    def compute_losses(self, batch: Any, outputs: Any, targets: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Return the terms of `Task` and `loss_match`."""
        terms = super().compute_losses(batch, outputs, targets)
        terms["loss_match"] = _compute_stage_loss(
            self.auxiliary_heads, outputs[0], targets[0], batch.find_inputs[0].img_ids
        )
        # The package scales its terms by the square root of the number of queries, too.
        scale = len(targets[0]["num_boxes"]) ** 0.5
        terms["total"] = terms["total"] + self.match_weight * scale * terms["loss_match"]
        return terms


def _compute_stage_loss(
    match_head: MatchHead, outputs: Mapping[str, Any], targets: Mapping[str, Any], image_indices: torch.Tensor
) -> torch.Tensor:
    """Return the match loss of a stage's queries; an instance of any query of an image is foreground in that image."""
    logits = match_head(outputs["encoder_hidden_states"])
    counts, labels = targets["num_boxes"].tolist(), torch.zeros_like(logits)
    if any(counts):  # otherwise the package has no masks, and the size of a mask is unknown
        masks = torch.stack([query_masks.any(0) for query_masks in targets["masks"].split(counts)])
        labels = make_grid_labels(masks, math.isqrt(logits.shape[1]))
    labels[~targets["is_exhaustive"][:, None] & (labels == 0)] = IGNORE_LABEL
    is_foreground = (image_indices[:, None] == image_indices[None]).float() @ (labels > 0).float() > 0
    return compute_match_loss(logits, labels, is_foreground)


def open_task(**arguments: Any) -> MatchTask:
    """Return the training task of an entry of `trainings`; the arguments are those of `Task`."""
    with cuda_shim(arguments["device"]):
        return MatchTask(**arguments)
