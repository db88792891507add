"""Heads on SAM3's image encoder that classify every location of an image, with their losses and scores."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torchvision.ops import box_iou, generalized_box_iou_loss

from samgap.demo_models.dense_views import BACKGROUND, IGNORE_LABEL, DenseView, Vocabulary
from samgap.demo_models.match_head import MatchHead

HeadOutputs = tuple[list[torch.Tensor], list[torch.Tensor], torch.Tensor]
"""Logits of each label (noun, then attributes) on the fine and on the coarse grid, and boxes; see `AuxiliaryHeads`."""

BOX_LOSS_WEIGHT = 2.0
"""Weight of the generalised IoU of boxes relative to the cross-entropies."""

FINE_FOREGROUND_WEIGHT, COARSE_FOREGROUND_WEIGHT = 2.0, 4.0
"""Weight of the nouns relative to the background on the fine and on the coarse grid."""

MIN_BOX_IOU = 0.5
"""IoU from which a predicted box counts as correct in validation."""


class AuxiliaryHeads(nn.Module):
    """Heads on the encoder's finest and coarsest feature map, and the match head on the fusion encoder."""

    def __init__(self, n_channels: int, vocabulary: Vocabulary) -> None:
        """Make heads for feature maps with `n_channels` channels."""
        super().__init__()
        self.class_counts = [len(vocabulary.nouns) + 1, *(len(values) for values in vocabulary.attributes.values())]
        self.fine_head = _make_head(n_channels, sum(self.class_counts))
        self.coarse_head = _make_head(n_channels, sum(self.class_counts) + 4)
        self.match_head = MatchHead(n_channels)

    def forward(self, feature_maps: Sequence[torch.Tensor]) -> HeadOutputs:
        """Classify the locations of both grids, and predict a box at each location of the coarse grid.

        Args:
            feature_maps: (batch, channels, h, w), the finest first

        Returns:
            For each label logits (batch, classes, f, f) and (batch, classes, c, c); boxes (batch, 4, c, c): x0, y0, x1,
            y1 as fractions of the view.
        """
        fine, coarse = self.fine_head(feature_maps[0]), self.coarse_head(feature_maps[-1])
        distances = functional.softplus(coarse[:, -4:]) / coarse.shape[-1]
        centres = (torch.arange(coarse.shape[-1], device=coarse.device) + 0.5) / coarse.shape[-1]
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        boxes = torch.stack([x - distances[:, 0], y - distances[:, 1], x + distances[:, 2], y + distances[:, 3]], dim=1)
        return list(fine.split(self.class_counts, 1)), list(coarse[:, :-4].split(self.class_counts, 1)), boxes


def _make_head(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(in_channels, in_channels, 1), nn.ReLU(), nn.Conv2d(in_channels, out_channels, 1))


def compute_losses(
    outputs: HeadOutputs, targets: Sequence[DenseView], noun_rarity: Sequence[float]
) -> dict[str, torch.Tensor]:
    """Return the cross-entropies of nouns and attributes on both grids, the boxes' generalised IoU loss, and `total`.

    Args:
        outputs: outputs of `AuxiliaryHeads`
        targets: the views of the batch
        noun_rarity: how many times more frequent the most frequent noun is than each noun of the vocabulary; a noun's
            weight is the square root, so that rare nouns are not predicted as the most frequent one
    """
    noun_weights = torch.tensor([1.0, *(rarity**0.5 for rarity in noun_rarity)], device=outputs[2].device)
    fine, coarse, boxes = outputs
    fine_labels, coarse_labels, target_boxes = _stack_targets(targets, boxes.device)
    has_box = coarse_labels[:, 0] > BACKGROUND
    fine_weights = _scale_foreground_weights(noun_weights, FINE_FOREGROUND_WEIGHT)
    coarse_weights = _scale_foreground_weights(noun_weights, COARSE_FOREGROUND_WEIGHT)
    terms = {
        "loss_noun": _compute_cross_entropy(fine[0], fine_labels[:, 0], fine_weights),
        "loss_attribute": _compute_attribute_loss(fine, fine_labels, boxes),
        "loss_cell": _compute_cross_entropy(coarse[0], coarse_labels[:, 0], coarse_weights),
        "loss_cell_attribute": _compute_attribute_loss(coarse, coarse_labels, boxes),
        "loss_box": boxes.sum() * 0,
    }
    if has_box.any():
        pairs = boxes.permute(0, 2, 3, 1)[has_box], target_boxes.permute(0, 2, 3, 1)[has_box]
        terms["loss_box"] = generalized_box_iou_loss(*pairs, reduction="mean")
    terms["total"] = sum(terms.values()) + (BOX_LOSS_WEIGHT - 1) * terms["loss_box"]
    return terms


def _stack_targets(
    targets: Sequence[DenseView], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the fine labels, coarse labels and boxes of views, each with a batch dimension."""
    return (
        torch.stack([view.fine_labels for view in targets]).to(device),
        torch.stack([view.coarse_labels for view in targets]).to(device),
        torch.stack([view.boxes for view in targets]).to(device),
    )


def _scale_foreground_weights(weights: torch.Tensor, factor: float) -> torch.Tensor:
    """Return class weights multiplied by `factor`, except that of the background, which is 1."""
    weights = weights * factor
    weights[BACKGROUND] = 1.0
    return weights


def _compute_cross_entropy(
    logits: torch.Tensor, labels: torch.Tensor, class_weights: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the weighted mean cross-entropy over the labelled locations, 0 if there are none."""
    if not bool((labels != IGNORE_LABEL).any()):
        return logits.sum() * 0
    return functional.cross_entropy(logits, labels, class_weights, ignore_index=IGNORE_LABEL)


def _compute_attribute_loss(
    logits: Sequence[torch.Tensor], labels: torch.Tensor, any_output: torch.Tensor
) -> torch.Tensor:
    """Return the mean over the attributes of their cross-entropy; 0, with a gradient, if there are no attributes."""
    losses = [_compute_cross_entropy(scores, labels[:, index]) for index, scores in enumerate(logits[1:], start=1)]
    return torch.stack(losses).mean() if losses else any_output.sum() * 0


def compute_validation_scores(outputs: HeadOutputs, targets: Sequence[DenseView]) -> dict[str, float]:
    """Return scores on views.

    Returns:
        `val_thing_iou` (IoU of the foreground), `val_noun` and `val_attribute` (accuracies in the foreground), and
        `val_cell_f1` (F1 of the coarse locations with an object, where noun and box must be correct).
    """
    fine, coarse, boxes = outputs
    fine_labels, coarse_labels, target_boxes = _stack_targets(targets, boxes.device)
    predicted_noun = fine[0].argmax(1)
    is_labelled, is_foreground = fine_labels[:, 0] != IGNORE_LABEL, fine_labels[:, 0] > BACKGROUND
    predicted_foreground = (predicted_noun > BACKGROUND) & is_labelled
    intersection, union = predicted_foreground & is_foreground, predicted_foreground | is_foreground
    accuracies = []
    for index, scores in enumerate(fine[1:], start=1):
        labels = fine_labels[:, index]
        if bool((labels != IGNORE_LABEL).any()):
            accuracies.append(float((scores.argmax(1) == labels)[labels != IGNORE_LABEL].float().mean()))
    return {
        "val_thing_iou": float(intersection.sum() / union.sum().clamp(min=1)),
        "val_noun": float((predicted_noun == fine_labels[:, 0])[is_foreground].float().mean()),
        "val_attribute": float(np.mean(accuracies)) if accuracies else 0.0,
        "val_cell_f1": _compute_coarse_f1(coarse[0].argmax(1), coarse_labels[:, 0], boxes, target_boxes),
    }


def _compute_coarse_f1(
    predicted_noun: torch.Tensor, labels: torch.Tensor, boxes: torch.Tensor, target_boxes: torch.Tensor
) -> float:
    has_box = labels > BACKGROUND
    ious = box_iou(boxes.permute(0, 2, 3, 1)[has_box], target_boxes.permute(0, 2, 3, 1)[has_box]).diagonal()
    is_correct = (predicted_noun == labels)[has_box] & (ious >= MIN_BOX_IOU)
    n_predicted = ((predicted_noun > BACKGROUND) & (labels != IGNORE_LABEL)).sum()
    return float(2 * is_correct.sum() / (has_box.sum() + n_predicted).clamp(min=1))
