"""Losses without the places where an unlabelled or unclear object may show what a phrase refers to.

An instance that is marked `ignore`, or that a crop cuts off, counts neither as present nor as absent. A detection of it
has no loss, as the evaluation excuses it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

# isort: split
from sam3.train.data.sam3_image_dataset import Datapoint
from sam3.train.loss import loss_fns

MIN_IGNORED_FRACTION = 0.5
"""A detection is excused if this fraction of its box is in the box of an ignored instance. Source: the rule of COCO's
evaluation for crowds, at its lowest threshold."""

HIDDEN_LOGIT = -30.0
"""Replaces logits that have no loss: as a true negative its loss is 1e-13, and a constant has no gradient."""


class UnignoredClassLoss(loss_fns.IABCEMdetr):
    """The package's loss of scores, without the unmatched detections of ignored instances.

    They are in `targets["ignored_boxes"]`, (queries, boxes, 4), x0, y0, x1, y1 as fractions of the view; rows of zeros
    are none.
    """

    def get_loss(self, outputs: Any, targets: Any, indices: Any, num_boxes: Any) -> dict[str, torch.Tensor]:
        """Return the terms."""
        ignored = targets.get("ignored_boxes")
        if ignored is not None and ignored.numel():
            is_matched = torch.zeros(outputs["pred_logits"].shape[:2], dtype=torch.bool, device=ignored.device)
            is_matched[indices[0], indices[1]] = True
            fractions = _compute_covered_fractions(outputs["pred_boxes_xyxy"].detach(), ignored)
            is_excused = (fractions >= MIN_IGNORED_FRACTION) & ~is_matched
            logits = outputs["pred_logits"].masked_fill(is_excused[..., None], HIDDEN_LOGIT)
            outputs = {**outputs, "pred_logits": logits}
        terms: dict[str, torch.Tensor] = super().get_loss(outputs, targets, indices, num_boxes)
        return terms


def hide_ignored_pixels(outputs: Mapping[str, Any], targets: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the outputs without the logits of pixels in ignored boxes and outside of every mask of the query.

    Args:
        outputs: `semantic_seg`, (queries, 1, height, width)
        targets: the ground truth of the queries
    """
    ignored = targets.get("ignored_boxes")
    if ignored is None or not ignored.numel():
        return outputs
    logits = outputs["semantic_seg"]
    height, width = logits.shape[-2:]
    y = (torch.arange(height, device=logits.device) + 0.5)[:, None] / height
    x = (torch.arange(width, device=logits.device) + 0.5)[None] / width
    x0, y0, x1, y1 = (edge[..., None, None] for edge in ignored.unbind(-1))
    is_ignored = ((x >= x0) & (x < x1) & (y >= y0) & (y < y1)).any(dim=1)
    counts = targets["num_boxes"].tolist()
    if sum(counts):
        masks = functional.adaptive_max_pool2d(targets["masks"].float(), (height, width)) > 0
        is_target = torch.stack([query_masks.any(dim=0) for query_masks in masks.split(counts)])
        is_ignored = is_ignored & ~is_target
    return {**outputs, "semantic_seg": logits.masked_fill(is_ignored[:, None], HIDDEN_LOGIT)}


def stack_ignored_boxes(views: Sequence[Datapoint]) -> torch.Tensor:
    """Return the ignored boxes of the queries of a batch, in the collator's order: float32 (queries, boxes, 4).

    Args:
        views: data points whose queries have `ignored_boxes`, lists of x0, y0, x1, y1 as fractions of the view
    """
    boxes = [getattr(query, "ignored_boxes", []) for view in views for query in view.find_queries]
    stacked = torch.zeros(len(boxes), max(map(len, boxes), default=0), 4)
    for row, query_boxes in zip(stacked, boxes, strict=True):
        if query_boxes:
            row[: len(query_boxes)] = torch.tensor(query_boxes)
    return stacked


def _compute_covered_fractions(boxes: torch.Tensor, ignored: torch.Tensor) -> torch.Tensor:
    """Return the largest fraction of each box that an ignored box covers: (queries, detections).

    Args:
        boxes: (queries, detections, 4)
        ignored: (queries, boxes, 4)
    """
    low = torch.maximum(boxes[:, :, None, :2], ignored[:, None, :, :2])
    high = torch.minimum(boxes[:, :, None, 2:], ignored[:, None, :, 2:])
    covered = (high - low).clamp(min=0).prod(dim=-1)
    area = (boxes[..., 2:] - boxes[..., :2]).clamp(min=1e-6).prod(dim=-1)
    return (covered / area[..., None]).amax(dim=-1)
