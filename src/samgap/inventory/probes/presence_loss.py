"""What SAM3's detection loss trains on an absent phrase: gradients on the scores of queries and of presence."""

import functools
from collections.abc import Iterator
from unittest import mock

import torch
from sam3.train.loss import loss_fns

from samgap.inventory.probes import Measurement

EVIDENCE = "sam3/train/loss/loss_fns.py: IABCEMdetr(use_presence=True)"
N_QUERIES = 4


def measure() -> Iterator[Measurement]:
    """Yield how many scores get a gradient on an absent phrase, and on a present one."""
    for name, present in (("absent", False), ("present", True)):
        on_queries, on_presence = _compute_gradients(present)
        yield Measurement(
            f"trained-queries-{name}", int(on_queries.count_nonzero()), "scores", EVIDENCE, "sam3", f"of {N_QUERIES}"
        )
        yield Measurement(f"trained-presence-{name}", int(on_presence.count_nonzero()), "scores", EVIDENCE, "sam3")


def _compute_gradients(present: bool) -> tuple[torch.Tensor, torch.Tensor]:
    loss = loss_fns.IABCEMdetr(
        pos_weight=10.0,
        weight_dict={"loss_ce": 20.0, "presence_loss": 20.0},
        gamma=2,
        weak_loss=False,
        use_presence=True,
    )
    queries = torch.randn(1, N_QUERIES, 1, requires_grad=True)
    presence = torch.zeros(1, 1, requires_grad=True)
    box = torch.tensor([[0.25, 0.25, 0.75, 0.75]])
    n_objects = int(present)
    outputs = {
        "pred_logits": queries,
        "pred_boxes_xyxy": box.expand(1, N_QUERIES, 4),
        "presence_logit_dec": presence,
    }
    targets = {
        "boxes_xyxy": box[:n_objects],
        "object_ids_padded": torch.zeros(1, 1, dtype=torch.long) - (1 - n_objects),
        "boxes_padded": torch.full((1, 1, 4), 0.5 * n_objects),
    }
    matched = torch.zeros(n_objects, dtype=torch.long)
    # By default the package's focal loss is a Triton kernel, which needs a GPU.
    focal_loss = functools.partial(loss_fns.sigmoid_focal_loss, triton=False)
    with mock.patch.object(loss_fns, "sigmoid_focal_loss", focal_loss):
        total = loss(outputs=outputs, targets=targets, indices=(matched, matched, matched), num_boxes=1)["core_loss"]
    on_queries, on_presence = torch.autograd.grad(total, [queries, presence])
    return on_queries, on_presence
