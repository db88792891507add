"""The image encoder of a small SAM3: a vision transformer behind convolutions, and its feature pyramid."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from samgap.models.sam3.architecture import get_head_width

# isort: split
from sam3.model.necks import Sam3DualViTDetNeck
from sam3.model.position_encoding import PositionEmbeddingSine
from sam3.model.vitdet import ViT

POSITION_SCALE = 0.04
"""Factor of the sinusoidal embedding that is added to the random position embedding."""


def build_position_encoding(width: int) -> PositionEmbeddingSine:
    """Return the position encoding of feature maps with `width` channels."""
    return PositionEmbeddingSine(num_pos_feats=width, normalize=True, scale=None, temperature=10000)


def build_image_encoder(architecture: Mapping[str, Any], interactive: bool = False) -> Sam3DualViTDetNeck:
    """Return the image encoder of a small model, randomly initialized.

    Args:
        architecture: the sizes of the model (`samgap.models.sam3.architecture`).
        interactive: whether to add the second neck, which the interactive head and the tracker use.
    """
    last = architecture["depth"] - 1
    trunk = ViT(
        img_size=architecture["size"],
        pretrain_img_size=architecture["position-grid"]
        * architecture["patch"],  # interpolated to the size of the input
        patch_size=architecture["patch"],
        embed_dim=architecture["embed"],
        depth=architecture["depth"],
        num_heads=architecture["heads"],
        mlp_ratio=architecture["mlp-ratio"],
        norm_layer="LayerNorm",
        drop_path_rate=0.0,
        qkv_bias=True,
        use_abs_pos=True,
        tile_abs_pos=False,
        global_att_blocks=(last // 2, last),
        rel_pos_blocks=(),
        use_rope=True,
        use_interp_rope=False,
        window_size=architecture["window"],
        pretrain_use_cls_token=True,
        retain_cls_token=False,
        ln_pre=True,
        ln_post=False,
        bias_patch_embed=False,
    )
    trunk.patch_embed.proj = _build_patch_stem(architecture["stem"], architecture["embed"])
    with torch.no_grad():
        positions = make_sinusoidal_embedding(architecture["position-grid"], architecture["embed"])
        trunk.pos_embed[:, 1:] += POSITION_SCALE * positions
    # Not in the state dict: they are computed from the input size, so weights fit a model of any size.
    for block in trunk.blocks:
        block.attn.register_buffer("freqs_cis", block.attn.freqs_cis, persistent=False)
    width, head_width = architecture["width"], get_head_width(architecture)
    encoder = _build_neck(trunk, width, interactive)
    if interactive and head_width != width:
        encoder.sam2_convs = _build_neck(trunk, head_width, False).convs
    return encoder


def _build_neck(trunk: ViT, width: int, interactive: bool) -> Sam3DualViTDetNeck:
    return Sam3DualViTDetNeck(
        position_encoding=build_position_encoding(width),
        d_model=width,
        scale_factors=[4.0, 2.0, 1.0, 0.5],
        trunk=trunk,
        add_sam2_neck=interactive,
    )


def _build_patch_stem(channels: Sequence[int], embed_dim: int) -> nn.Sequential:
    """Return convolutions of stride 2 that replace the patch embedding, with patches of 2 ** (len(channels) + 1) px.

    A transformer learns faster from few images with such a stem.

    Source: Xiao et al., Early convolutions help transformers see better, arXiv 2106.14881.
    """
    layers: list[nn.Module] = []
    in_channels = 3
    for out_channels in channels:
        layers += [
            nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1),
            nn.GroupNorm(8, out_channels),
            nn.GELU(),
        ]
        in_channels = out_channels
    return nn.Sequential(*layers, nn.Conv2d(in_channels, embed_dim, 3, stride=2, padding=1))


def make_sinusoidal_embedding(grid_size: int, embed_dim: int) -> torch.Tensor:
    """Return sines and cosines of all positions of a square grid, float32 (grid_size ** 2, embed_dim).

    They give each position a different embedding from the start, which the small model need not learn. The published
    model tiles the position embedding of a window instead, and is trained on enough images to separate windows.
    """
    frequencies = 100.0 ** -(torch.arange(embed_dim // 4) / (embed_dim // 4))
    angles = torch.arange(grid_size)[:, None] * frequencies
    waves = torch.cat([angles.sin(), angles.cos()], dim=1)
    rows, columns = waves[:, None].expand(-1, grid_size, -1), waves[None].expand(grid_size, -1, -1)
    return torch.cat([rows, columns], dim=2).flatten(0, 1)
