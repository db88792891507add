"""How well each place of an image fits a phrase: what SAM3's encoder is taught where words and image meet.

The published model learnt words from more images than ours will see. A small one that is taught by boxes alone finds
whatever stands out, and answers every phrase with it: between a word and a place lie the encoder, the decoder and the
matching of queries, all untaught. Here a single linear layer, thrown away afterwards, reads off the encoder's answer
whether a place shows what is asked for. It does not see the phrase, so the encoder must compare the two; what it then
says is as plain to the decoder.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from samgap.models.runtime.device import cuda_shim
from samgap.training.checkpointing import without_gradient_checkpointing

FOREGROUND_WEIGHT = 8.0
"""So much more a place weighs that shows something, asked for or not: most show nothing."""

MIN_COVERAGE = 0.25
"""A place shows what covers this share of it; one that shows less of it is not learnt from."""

IGNORE_LABEL = -1.0
"""Label of a place of which nobody knows."""


class MatchHead(nn.Module):
    """Reads the encoder's answer of `width` channels."""

    def __init__(self, n_channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_channels, 1)

    def forward(self, encoder_output: torch.Tensor) -> torch.Tensor:
        """Logits, float32 (questions, places), of `encoded`, float32 (places, questions, width)."""
        logits: torch.Tensor = self.linear(encoder_output)[..., 0].T
        return logits


def make_grid_labels(
    target_masks: torch.Tensor, grid_size: int, ambiguous_masks: torch.Tensor | None = None
) -> torch.Tensor:
    """Of masks `shown`, bool (questions, h, w), whether each of `side` ** 2 places shows it: 1, 0 or UNSURE.

    A place with anything that is `unsure`, a mask of the same shape, is unsure unless it shows what is asked for.
    """
    share = functional.adaptive_avg_pool2d(target_masks.float()[:, None], grid_size).flatten(1)
    found = (share >= MIN_COVERAGE).float()
    found[(share > 0) & (share < MIN_COVERAGE)] = IGNORE_LABEL
    if ambiguous_masks is not None:
        touched = functional.adaptive_max_pool2d(ambiguous_masks.float()[:, None], grid_size).flatten(1) > 0
        found[touched & (found == 0)] = IGNORE_LABEL
    return found


def match_loss(logits: torch.Tensor, targets: torch.Tensor, is_foreground: torch.Tensor) -> torch.Tensor:
    """Mean binary cross-entropy over the places that are not UNSURE.

    Places with `things`, bool of the same shape, whether they are asked for or not, weigh RARE: what must be told apart
    is one thing from another, and most places show none.
    """
    known = targets != IGNORE_LABEL
    weight = torch.where(is_foreground | (targets > 0), FOREGROUND_WEIGHT, 1.0) * known
    each = functional.binary_cross_entropy_with_logits(logits, targets.clamp(min=0), reduction="none")
    return (each * weight).sum() / weight.sum().clamp(min=1)


def validation_scores(logits: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    """F1 of the places with a score above 0.5, and the share of questions of which the best place says rightly
    whether what is asked for is there."""
    found, right = (logits > 0) & (targets != IGNORE_LABEL), targets > 0
    told = (logits.masked_fill(targets == IGNORE_LABEL, -torch.inf).amax(1) > 0) == right.any(1)
    return {
        "val_match_f1": float(2 * (found & right).sum() / (found.sum() + right.sum()).clamp(min=1)),
        "val_match_presence": float(told.float().mean()),
    }


def encode_queries(
    model: Any, backbone_output: dict[str, Any], texts: Sequence[str], image_indices: Sequence[int], device: str
) -> torch.Tensor:
    """What the encoder makes of each text and image, float32 (places, questions, width).

    `images` are positions in the batch that `backbone`, the answer of `backbone.forward_image`, is of.
    """
    vocabulary = sorted(set(texts))
    question = _FindStageInput(
        torch.tensor([vocabulary.index(text) for text in texts], device=device),
        torch.tensor(np.asarray(image_indices), device=device),
    )
    with cuda_shim(device), without_gradient_checkpointing():
        backbone_output = {**backbone_output, **model.backbone.forward_text(vocabulary, device=device)}
        prompt, mask, backbone_output = model._encode_prompt(
            backbone_output, question, model._get_dummy_prompt(len(texts))
        )
        _, encoded, _ = model._run_encoder(backbone_output, question, prompt, mask)
    answer: torch.Tensor = encoded["encoder_hidden_states"]
    return answer


class _FindStageInput:
    """What the package's encoder reads of its `FindStage`."""

    def __init__(self, text_ids: torch.Tensor, img_ids: torch.Tensor) -> None:
        self.text_ids, self.img_ids = text_ids, img_ids
