"""The package's matchers and losses for SAM3, with weights by the package's own names."""

import functools
from collections.abc import Mapping

import torch

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
    "loss_match": 0.0,
}
"""Those of the package's published fine-tuning configuration; `loss-weights` of a training stand over them.

`one_to_many` weighs all terms of the queries that answer without regard to each other, beside those that must not
answer twice.
"""


def build_matcher() -> BinaryHungarianMatcherV2:
    return BinaryHungarianMatcherV2(
        focal=True, cost_class=2.0, cost_bbox=5.0, cost_giou=2.0, alpha=0.25, gamma=2, stable=False
    )


def build_criterion(weights: Mapping[str, float]) -> Sam3LossWrapper:
    """The package's losses, masks on, with `weights` over the published ones."""
    weights = {**LOSS_WEIGHTS, **weights}

    def of(*names: str) -> dict[str, float]:
        return {name: weights[name] for name in names}

    if not torch.cuda.is_available():
        _disable_triton()
    found = [
        loss_fns.Boxes(weight_dict=of("loss_bbox", "loss_giou")),
        loss_fns.IABCEMdetr(
            weak_loss=True,  # what else is found is no fault where labels are not exhaustive
            weight_dict=of("loss_ce", "presence_loss"),
            pos_weight=10.0,
            alpha=0.25,
            gamma=2,
            use_presence=True,
            pos_focal=False,
        ),
        loss_fns.Masks(focal_alpha=0.25, focal_gamma=2.0, weight_dict=of("loss_mask", "loss_dice"), compute_aux=False),
    ]
    semantic = loss_fns.SemanticSegCriterion(
        presence_head=True,
        presence_loss=False,
        focal=True,
        focal_alpha=0.6,
        focal_gamma=2.0,
        downsample=False,
        weight_dict=of("loss_semantic_seg", "loss_semantic_presence", "loss_semantic_dice"),
    )
    return Sam3LossWrapper(
        loss_fns_find=found,
        normalization="local",  # `global` needs a process group
        matcher=build_matcher(),
        o2m_matcher=BinaryOneToManyMatcher(alpha=0.3, threshold=0.4, topk=4),
        o2m_weight=weights["one_to_many"],
        use_o2m_matcher_on_o2m_aux=False,
        loss_fn_semantic_seg=semantic,
        scale_by_find_batch_size=True,
    )


def _disable_triton() -> None:
    """Choose the package's own PyTorch branch of its focal loss: its default is a GPU kernel."""
    if not isinstance(loss_fns.sigmoid_focal_loss, functools.partial):
        loss_fns.sigmoid_focal_loss = functools.partial(loss_fns.sigmoid_focal_loss, triton=False)
