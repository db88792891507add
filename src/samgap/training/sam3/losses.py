"""The package's matchers and losses for SAM3, with loss weights by the package's names."""

import functools
from collections.abc import Mapping
from typing import Any

import torch

from samgap.errors import UserError
from samgap.training.sam3.ignored import UnignoredClassLoss, hide_ignored_pixels

# isort: split
from sam3.train.loss import loss_fns
from sam3.train.loss.sam3_loss import Sam3LossWrapper
from sam3.train.matcher import BinaryHungarianMatcherV2, BinaryOneToManyMatcher

LOSS_WEIGHTS = {
    "loss_bbox": 5.0,
    "loss_giou": 2.0,
    "loss_ce": 20.0,
    "presence_loss": 20.0,
    "loss_mask": 200.0,
    "loss_dice": 10.0,
    "loss_semantic_seg": 20.0,
    "loss_semantic_presence": 1.0,
    "loss_semantic_dice": 30.0,
    "one_to_many": 2.0,
}
"""Weights of the package's published fine-tuning configuration; `loss-weights` of a training override them.

`one_to_many` is the weight of all terms of the decoder's one-to-many queries, which may match the same instance several
times.
"""


class RequiredMasks(loss_fns.Masks):
    """The package's losses of masks, which are an error instead of 0 if the objects of a batch have no masks.

    The package leaves objects without a mask out. So data without masks, a collator without `with_seg_masks`, or the
    package's transform `InstanceToSemantic`, which removes the masks of instances, make these losses 0 without a word.
    """

    def get_loss(self, outputs: Any, targets: Any, indices: Any, num_boxes: Any) -> dict[str, torch.Tensor]:
        """Return the terms.

        Raises:
            UserError: a term has a weight, and there are objects, but none has a mask.
        """
        has_masks = targets["masks"] is not None and bool(targets["is_valid_mask"].any())
        if not has_masks and int(targets["num_boxes"].sum()) and any(self.weight_dict.values()):
            raise UserError(
                "training: no object of a batch has a mask, so the losses of masks would be 0; use data with masks, or "
                "set loss-weights: {loss_mask: 0, loss_dice: 0}"
            )
        terms: dict[str, torch.Tensor] = super().get_loss(outputs, targets, indices, num_boxes)
        return terms


class LabelledSemanticCriterion(loss_fns.SemanticSegCriterion):
    """The package's loss of the union of a query's masks, without the queries whose labels are not exhaustive.

    The package's losses of detection leave out the negatives of such queries (`is_exhaustive`), but this one counts
    every pixel without a label as background, also those of ignored instances (`samgap.training.sam3.ignored`).
    """

    def get_loss(self, out_dict: Mapping[str, Any], targets: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """Return the terms over the queries with exhaustive labels; 0, with a gradient, if there are none."""
        out_dict = hide_ignored_pixels(out_dict, targets)
        is_kept = targets["is_exhaustive"].bool()
        if is_kept.all():
            return super().get_loss(out_dict, targets)
        if not is_kept.any():
            zero = out_dict["semantic_seg"].sum() * 0
            names = ("loss_semantic_seg", "loss_semantic_dice", "loss_semantic_presence", "presence_acc")
            return dict.fromkeys((*names, "miou_semantic_seg"), zero)
        counts = targets["num_boxes"]
        presence = out_dict["presence_logit"]
        kept_outputs = {
            "semantic_seg": out_dict["semantic_seg"][is_kept],
            "presence_logit": None if presence is None else presence[is_kept],
        }
        kept_targets = {
            "semantic_masks": None,  # the data set has masks of instances alone
            "masks": targets["masks"][is_kept.repeat_interleave(counts)],
            "num_boxes": counts[is_kept],
        }
        return super().get_loss(kept_outputs, kept_targets)


class StepLoss(Sam3LossWrapper):
    """The package's losses, with sums over boxes divided by the mean number of boxes of a step's batches.

    A step may have several batches, in one process or in several. The package's normalisation `local` divides by the
    boxes of each batch, so that a box would weigh more in a batch with few of them; `global` averages over processes,
    and not over the batches of one.
    """

    n_boxes_of_step = 1.0

    def _get_num_boxes(self, targets: Mapping[str, Any]) -> torch.Tensor:
        return torch.tensor(self.n_boxes_of_step, device=targets["num_boxes"].device)


def build_matcher() -> BinaryHungarianMatcherV2:
    """Return the package's one-to-one matcher of queries and instances."""
    return BinaryHungarianMatcherV2(
        focal=True, cost_class=2.0, cost_bbox=5.0, cost_giou=2.0, alpha=0.25, gamma=2, stable=False
    )


def build_criterion(weights: Mapping[str, float]) -> StepLoss:
    """Return the package's losses, with masks.

    Args:
        weights: loss weights that differ from LOSS_WEIGHTS

    Raises:
        UserError: `weights` has a name that is not in LOSS_WEIGHTS.
    """
    if unknown := sorted(set(weights) - set(LOSS_WEIGHTS)):
        raise UserError(
            f"training: loss-weights names '{unknown[0]}', which this training does not have; it has "
            f"{', '.join(LOSS_WEIGHTS)}"
        )
    weights = {**LOSS_WEIGHTS, **weights}

    def select_weights(*names: str) -> dict[str, float]:
        return {name: weights[name] for name in names}

    if not torch.cuda.is_available():
        _disable_triton()
    detection_losses = [
        loss_fns.Boxes(weight_dict=select_weights("loss_bbox", "loss_giou")),
        UnignoredClassLoss(
            weak_loss=True,  # ignores false positives where the labels are not exhaustive
            weight_dict=select_weights("loss_ce", "presence_loss"),
            pos_weight=10.0,
            alpha=0.25,
            gamma=2,
            use_presence=True,
            pos_focal=False,
        ),
        RequiredMasks(
            focal_alpha=0.25, focal_gamma=2.0, weight_dict=select_weights("loss_mask", "loss_dice"), compute_aux=False
        ),
    ]
    semantic_loss = LabelledSemanticCriterion(
        presence_head=True,
        presence_loss=False,
        focal=True,
        focal_alpha=0.6,
        focal_gamma=2.0,
        downsample=False,
        weight_dict=select_weights("loss_semantic_seg", "loss_semantic_presence", "loss_semantic_dice"),
    )
    return StepLoss(
        loss_fns_find=detection_losses,
        matcher=build_matcher(),
        o2m_matcher=BinaryOneToManyMatcher(alpha=0.3, threshold=0.4, topk=4),
        o2m_weight=weights["one_to_many"],
        use_o2m_matcher_on_o2m_aux=False,
        loss_fn_semantic_seg=semantic_loss,
        scale_by_find_batch_size=True,
    )


def _disable_triton() -> None:
    """Make the package's focal loss use its PyTorch implementation; the default is a GPU kernel."""
    if not isinstance(loss_fns.sigmoid_focal_loss, functools.partial):
        loss_fns.sigmoid_focal_loss = functools.partial(loss_fns.sigmoid_focal_loss, triton=False)
