"""A loss on SAM3's fusion encoder: each location of an image is classified by whether it shows a phrase's referent.

The published model learned the relation of words and images from many more images. A small model trained with boxes
alone detects salient objects whatever the phrase, since the encoder, the decoder and the matching of queries between a
word and a location are all untrained. Here a linear layer predicts from the encoder's output whether a location shows
the referent. The layer has no access to the phrase, so the encoder must compare the two. It is discarded after
training.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from samgap.models.runtime.device import cuda_shim
from samgap.training.checkpointing import set_gradient_checkpointing

FOREGROUND_WEIGHT = 8.0
"""Weight of a location that shows any object, whether or not the phrase refers to it; most locations show none."""

MIN_COVERAGE = 0.25
"""A location shows an object that covers this fraction of it; one that is covered less has no loss."""

IGNORE_LABEL = -1.0
"""Label of a location without a loss."""


class MatchHead(nn.Module):
    """A linear classifier of locations."""

    def __init__(self, n_channels: int) -> None:
        """Make the layer for an encoder with `n_channels` channels."""
        super().__init__()
        self.linear = nn.Linear(n_channels, 1)

    def forward(self, encoder_output: torch.Tensor) -> torch.Tensor:
        """Return logits (queries, locations) for the encoder's output (locations, queries, channels), float32."""
        logits: torch.Tensor = self.linear(encoder_output)[..., 0].T
        return logits


def make_grid_labels(
    target_masks: torch.Tensor, grid_size: int, ambiguous_masks: torch.Tensor | None = None
) -> torch.Tensor:
    """Label the locations of a grid by masks.

    Args:
        target_masks: masks of the referents, bool (queries, h, w)
        grid_size: locations per side
        ambiguous_masks: pixels that may or may not show a referent, bool, of the same shape or broadcastable to it

    Returns:
        float32 (queries, grid_size ** 2): 1, 0, or IGNORE_LABEL for locations with few pixels of a referent, and for
        those with ambiguous pixels that do not show a referent.
    """
    coverage = functional.adaptive_avg_pool2d(target_masks.float()[:, None], grid_size).flatten(1)
    labels = (coverage >= MIN_COVERAGE).float()
    labels[(coverage > 0) & (coverage < MIN_COVERAGE)] = IGNORE_LABEL
    if ambiguous_masks is not None:
        is_ambiguous = functional.adaptive_max_pool2d(ambiguous_masks.float()[:, None], grid_size).flatten(1) > 0
        labels[is_ambiguous & (labels == 0)] = IGNORE_LABEL
    return labels


def compute_match_loss(logits: torch.Tensor, targets: torch.Tensor, is_foreground: torch.Tensor) -> torch.Tensor:
    """Return the weighted mean binary cross-entropy over the locations that are not IGNORE_LABEL.

    Locations with any object have FOREGROUND_WEIGHT, since the phrase has to separate objects from each other.

    Args:
        logits: (queries, locations)
        targets: as from `make_grid_labels`
        is_foreground: whether a location shows any object, bool (queries, locations)
    """
    is_labelled = targets != IGNORE_LABEL
    weights = torch.where(is_foreground | (targets > 0), FOREGROUND_WEIGHT, 1.0) * is_labelled
    losses = functional.binary_cross_entropy_with_logits(logits, targets.clamp(min=0), reduction="none")
    return (losses * weights).sum() / weights.sum().clamp(min=1)


def compute_validation_scores(logits: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    """Return the F1 of the locations, and the accuracy of the highest logit as a score of presence.

    Args:
        logits: (queries, locations)
        targets: as from `make_grid_labels`
    """
    predicted, is_referent = (logits > 0) & (targets != IGNORE_LABEL), targets > 0
    predicted_presence = logits.masked_fill(targets == IGNORE_LABEL, -torch.inf).amax(1) > 0
    is_correct = predicted_presence == is_referent.any(1)
    n_positives = predicted.sum() + is_referent.sum()
    return {
        "val_match_f1": float(2 * (predicted & is_referent).sum() / n_positives.clamp(min=1)),
        "val_match_presence": float(is_correct.float().mean()),
    }


def encode_queries(
    model: Any, backbone_output: dict[str, Any], texts: Sequence[str], image_indices: Sequence[int], device: str
) -> torch.Tensor:
    """Return the fusion encoder's output for texts and images, float32 (locations, queries, channels).

    Args:
        model: the package's `Sam3Image`
        backbone_output: output of its `backbone.forward_image` for a batch of images
        texts: one text for each query
        image_indices: the image of each query, an index into the batch
        device: torch device
    """
    vocabulary = sorted(set(texts))
    stage_input = _FindStageInput(
        torch.tensor([vocabulary.index(text) for text in texts], device=device),
        torch.tensor(np.asarray(image_indices), device=device),
    )
    with cuda_shim(device), set_gradient_checkpointing(False):
        backbone_output = {**backbone_output, **model.backbone.forward_text(vocabulary, device=device)}
        prompt, mask, backbone_output = model._encode_prompt(
            backbone_output, stage_input, model._get_dummy_prompt(len(texts))
        )
        _, outputs, _ = model._run_encoder(backbone_output, stage_input, prompt, mask)
    encoded: torch.Tensor = outputs["encoder_hidden_states"]
    return encoded


class _FindStageInput:
    """The attributes of the package's `FindStage` that its encoder reads."""

    def __init__(self, text_ids: torch.Tensor, img_ids: torch.Tensor) -> None:
        self.text_ids, self.img_ids = text_ids, img_ids
