"""Initialization of a small SAM3 for training from scratch."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

# isort: split
from sam3.model.model_misc import MLP
from sam3.model.sam3_image import Sam3Image

OUTSIDE_PENALTY = 12.0
"""Decrease of the attention logit per unit of (log-scaled) distance from the box."""
SIDE_PENALTY = 6.0
"""The same, per unit of distance from the centre to the side that a head does not attend to."""


def init_for_training(model: Sam3Image, architecture: Mapping[str, Any]) -> None:
    """Initialize a random small model in place, so that the decoder's input differs between positions.

    With the package's initialization the image features are much smaller than the text features and biases, which are
    equal at all positions, and all queries learn the same output. Therefore the last layers of the feature pyramid are
    scaled to mean 0 and variance 1 on coloured noise, and the residual branches of the fusion encoder to a tenth.

    Args:
        model: the model, changed in place.
        architecture: its sizes (`samgap.models.sam3.architecture`).

    Source: data-dependent initialization, Krähenbühl et al., arXiv 1511.06856.
    """
    generator = torch.Generator().manual_seed(0)
    coarse_noise = torch.rand((8, 3, 20, 20), generator=generator) * 2 - 1
    noise = functional.interpolate(
        coarse_noise, (architecture["size"], architecture["size"]), mode="bicubic", align_corners=False
    )
    device = next(model.parameters()).device
    with torch.no_grad():
        for level in model.backbone.vision_backbone.convs:
            last_layer = list(level.children())[-1]
            handle = last_layer.register_forward_hook(_standardize)
            model.backbone.forward_image(noise.to(device))
            handle.remove()
        for layer in model.transformer.encoder.layers:
            for residual in (layer.self_attn.out_proj, layer.cross_attn_image.out_proj, layer.linear2):
                residual.weight *= 0.1
                residual.bias *= 0.1
    # Four attention heads get the left, right, upper and lower half of the box.
    _init_box_attention(model.transformer.decoder.boxRPB_embed_x, before_head=0, behind_head=1)
    _init_box_attention(model.transformer.decoder.boxRPB_embed_y, before_head=2, behind_head=3)


def _standardize(convolution: nn.Conv2d, inputs: Any, output: torch.Tensor) -> None:
    """Scale a convolution so that `output` would have mean 0 and variance 1 in each channel (a forward hook)."""
    mean, std = output.mean((0, 2, 3)), output.std((0, 2, 3)) + 1e-6
    assert convolution.bias is not None
    convolution.weight /= std[:, None, None, None]
    convolution.bias.copy_((convolution.bias - mean) / std)


def _init_box_attention(bias_mlp: MLP, before_head: int, behind_head: int) -> None:
    """Make all attention heads attend to the inside of each query's box at first, and two of them to one half each.

    With random weights all queries attend to the entire image, and have the same output for thousands of steps.

    Args:
        bias_mlp: maps the (log-scaled) distances of a position from the two edges of a box along one axis to an
            attention bias for each head. Its first four hidden units are set to measure how far a position lies before
            the first edge, behind the second edge, behind the centre and before the centre.
        before_head: the head for the half before the centre.
        behind_head: the head for the half behind the centre.
    """
    hidden, heads = bias_mlp.layers
    with torch.no_grad():
        hidden.weight[:4] = torch.tensor([[-1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [-1.0, -1.0]])
        hidden.bias[:4] = 0
        heads.weight[:, :2] = -OUTSIDE_PENALTY
        heads.weight[:, 2:4] = 0
        heads.weight[before_head, 2] = heads.weight[behind_head, 3] = -SIDE_PENALTY
