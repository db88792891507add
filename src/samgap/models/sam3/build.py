"""SAM3 built from the package's own classes: as published, or small for the demo."""

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from samgap.errors import UserError
from samgap.models.runtime.device import cuda_shim

# isort: split
from sam3.model.decoder import TransformerDecoder, TransformerDecoderLayer
from sam3.model.encoder import TransformerEncoderFusion, TransformerEncoderLayer
from sam3.model.geometry_encoders import SequenceGeometryEncoder
from sam3.model.maskformer_segmentation import PixelDecoder, UniversalSegmentationHead
from sam3.model.model_misc import MLP, DotProductScoring, MultiheadAttentionWrapper, TransformerWrapper
from sam3.model.necks import Sam3DualViTDetNeck
from sam3.model.position_encoding import PositionEmbeddingSine
from sam3.model.sam3_image import Sam3Image
from sam3.model.text_encoder_ve import VETextEncoder
from sam3.model.tokenizer_ve import SimpleTokenizer
from sam3.model.vitdet import ViT
from sam3.model.vl_combiner import SAM3VLBackbone

ARCHITECTURE_KEYS = frozenset((
    "size", "patch", "stem", "embed", "depth", "heads", "mlp-ratio", "window", "places", "width", "attention-heads",
    "feedforward", "encoder-layers", "decoder-layers", "grid", "query-size", "text-width", "text-heads", "text-layers",
    "context",
))  # fmt: skip
"""What a small SAM3's architecture says."""


def validate_architecture(architecture: Mapping[str, Any]) -> None:
    """Raise UserError unless `size` has all of SIZES, and no others, and its stem makes its patches."""
    for keys, fault in (
        (ARCHITECTURE_KEYS - set(architecture), "lacks"),
        (set(architecture) - ARCHITECTURE_KEYS, "has the unknown key"),
    ):
        if keys:
            raise UserError(
                f"architecture {fault} {', '.join(sorted(keys))}; see config/demo/sam3-demo.architecture.yaml"
            )
    made = 2 ** (len(architecture["stem"]) + 1)
    if architecture["patch"] != made:
        raise UserError(
            f"architecture: patch is {architecture['patch']}, but a stem of {len(architecture['stem'])} widths makes patches of "
            f"{made} px; change one of them"
        )


def find_bpe_vocabulary() -> str:
    """The BPE vocabulary: sam3's wheel lacks it, open_clip ships the identical file."""
    package = importlib.util.find_spec("open_clip")
    assert package is not None and package.origin is not None
    return str(Path(package.origin).parent / "bpe_simple_vocab_16e6.txt.gz")


def build_published(device: str, interactive: bool = False) -> Sam3Image:
    """The published image model (840 M parameters, 1008 px; 860 M with its `interactive` head), without weights."""
    from sam3.model_builder import build_sam3_image_model

    with cuda_shim(device):
        model = build_sam3_image_model(
            bpe_path=find_bpe_vocabulary(),
            device=device,
            eval_mode=True,
            checkpoint_path=None,
            load_from_HF=False,
            enable_inst_interactivity=interactive,
        )
    if interactive:
        from samgap.models.sam3.interactive import disable_autocast

        disable_autocast(model.inst_interactive_predictor.model)
    return model


def build_small(architecture: Mapping[str, Any], matcher: Any = None, interactive: bool = False) -> Sam3Image:
    """A SAM3 of the sizes in `size` (config/demo/sam3-demo.architecture.yaml names them), randomly initialised.

    `matcher` is the package's Hungarian matcher, needed for training alone; `interactive` adds the head that answers
    points and boxes.
    """
    validate_architecture(architecture)
    head = None
    if interactive:
        from samgap.models.sam3 import interactive as _sam3_interactive

        head = _sam3_interactive.build_small_head(architecture)
    width, feedforward = architecture["width"], architecture["feedforward"]

    def attention(batch_first: bool) -> MultiheadAttentionWrapper:
        return MultiheadAttentionWrapper(
            num_heads=architecture["attention-heads"], dropout=0.0, embed_dim=width, batch_first=batch_first
        )

    transformer = TransformerWrapper(
        encoder=_build_encoder(architecture, attention), decoder=_build_decoder(architecture, attention), d_model=width
    )
    scoring = DotProductScoring(
        d_model=width,
        d_proj=width,
        prompt_mlp=MLP(
            width, feedforward, width, num_layers=2, dropout=0.0, residual=True, out_norm=nn.LayerNorm(width)
        ),
    )
    segmentation = UniversalSegmentationHead(
        hidden_dim=width,
        upsampling_stages=3,
        aux_masks=False,
        presence_head=False,
        dot_product_scorer=None,
        act_ckpt=False,
        cross_attend_prompt=attention(False),
        pixel_decoder=PixelDecoder(num_upsampling_stages=3, interpolation_mode="nearest", hidden_dim=width),
    )
    return Sam3Image(
        backbone=SAM3VLBackbone(
            visual=build_image_encoder(architecture, interactive), text=_build_text_encoder(architecture), scalp=1
        ),
        transformer=transformer,
        input_geometry_encoder=_build_geometry_encoder(architecture, attention),
        segmentation_head=segmentation,
        num_feature_levels=1,
        o2m_mask_predict=True,
        dot_prod_scoring=scoring,
        use_instance_query=False,
        multimask_output=True,
        inst_interactive_predictor=head,
        matcher=matcher,
    )


def init_for_training(model: Sam3Image, architecture: Mapping[str, Any]) -> None:
    """Make a random small model ready to learn from scratch: what its decoder sees must differ from place to place.

    As initialised, the pyramid's features are so faint that what the text and the biases add, alike everywhere, drowns
    them, and the queries learn to answer alike. So the pyramid's last layers are scaled to mean 0 and variance 1 on
    coloured noise (data-dependent initialisation, arXiv 1511.06856), and the encoder's additions start at a tenth.
    """
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand((8, 3, 20, 20), generator=generator) * 2 - 1
    noise = functional.interpolate(
        coarse, (architecture["size"], architecture["size"]), mode="bicubic", align_corners=False
    )
    place = next(model.parameters()).device
    with torch.no_grad():
        for level in model.backbone.vision_backbone.convs:
            last = list(level.children())[-1]
            handle = last.register_forward_hook(_standardise)
            model.backbone.forward_image(noise.to(place))
            handle.remove()
        for layer in model.transformer.encoder.layers:
            for addition in (layer.self_attn.out_proj, layer.cross_attn_image.out_proj, layer.linear2):
                addition.weight *= 0.1
                addition.bias *= 0.1
    # Four heads look at the left, the right, the upper and the lower side of their box.
    _init_box_attention(model.transformer.decoder.boxRPB_embed_x, before_head=0, behind_head=1)
    _init_box_attention(model.transformer.decoder.boxRPB_embed_y, before_head=2, behind_head=3)


def _standardise(convolution: nn.Conv2d, inputs: Any, output: torch.Tensor) -> None:
    mean, deviation = output.mean((0, 2, 3)), output.std((0, 2, 3)) + 1e-6
    assert convolution.bias is not None
    convolution.weight /= deviation[:, None, None, None]
    convolution.bias.copy_((convolution.bias - mean) / deviation)


def _build_position_encoding(architecture: Mapping[str, Any]) -> PositionEmbeddingSine:
    return PositionEmbeddingSine(num_pos_feats=architecture["width"], normalize=True, scale=None, temperature=10000)


def build_image_encoder(architecture: Mapping[str, Any], interactive: bool = False) -> Sam3DualViTDetNeck:
    """The image encoder of a small model; `interactive` gives it the second neck, for points, boxes and tracks."""
    last = architecture["depth"] - 1
    trunk = ViT(
        img_size=architecture["size"],
        pretrain_img_size=architecture["places"] * architecture["patch"],  # stretched to every other input size
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
        trunk.pos_embed[:, 1:] += 0.04 * _make_sinusoidal_embedding(architecture["places"], architecture["embed"])
    for block in trunk.blocks:  # computed from the input's size, so that weights fit a model of every size
        block.attn.register_buffer("freqs_cis", block.attn.freqs_cis, persistent=False)
    return Sam3DualViTDetNeck(
        position_encoding=_build_position_encoding(architecture),
        d_model=architecture["width"],
        scale_factors=[4.0, 2.0, 1.0, 0.5],
        trunk=trunk,
        add_sam2_neck=interactive,
    )


def _build_patch_stem(channels: Sequence[int], embed_dim: int) -> nn.Sequential:
    """Convolutions that each halve the image, in the place of the one that cuts it into patches.

    A transformer that learns from few images sees much sooner behind them (arXiv 2106.14881). A patch is
    2 ** (len(channels) + 1) px wide.
    """
    layers: list[nn.Module] = []
    before = 3
    for width in channels:
        layers += [nn.Conv2d(before, width, 3, stride=2, padding=1), nn.GroupNorm(8, width), nn.GELU()]
        before = width
    return nn.Sequential(*layers, nn.Conv2d(before, embed_dim, 3, stride=2, padding=1))


def _make_sinusoidal_embedding(grid_size: int, embed_dim: int) -> torch.Tensor:
    """Sines and cosines of the places in a grid, float32 (count ** 2, width).

    Of masks that are told apart by where they are: an encoder that knows places from the start need not find them in
    its own noise. The published one tiles the places of a window, and has seen enough to tell the windows apart.
    """
    rates = 100.0 ** -(torch.arange(embed_dim // 4) / (embed_dim // 4))
    angles = torch.arange(grid_size)[:, None] * rates
    waves = torch.cat([angles.sin(), angles.cos()], dim=1)
    rows, columns = waves[:, None].expand(-1, grid_size, -1), waves[None].expand(grid_size, -1, -1)
    return torch.cat([rows, columns], dim=2).flatten(0, 1)


def _build_text_encoder(architecture: Mapping[str, Any]) -> VETextEncoder:
    text = VETextEncoder(
        tokenizer=SimpleTokenizer(bpe_path=find_bpe_vocabulary()),
        d_model=architecture["width"],
        width=architecture["text-width"],
        heads=architecture["text-heads"],
        layers=architecture["text-layers"],
        context_length=architecture["context"],
    )
    # The package leaves these uninitialised memory, expecting a checkpoint; CLIP's own initialisation.
    nn.init.normal_(text.encoder.positional_embedding, std=0.01)
    nn.init.normal_(text.encoder.text_projection, std=architecture["text-width"] ** -0.5)
    nn.init.normal_(text.encoder.token_embedding.weight, std=0.02)
    return text


def _build_encoder(architecture: Mapping[str, Any], make_attention: Any) -> TransformerEncoderFusion:
    layer = TransformerEncoderLayer(
        activation="relu",
        d_model=architecture["width"],
        dim_feedforward=architecture["feedforward"],
        dropout=0.0,
        pos_enc_at_attn=True,
        pos_enc_at_cross_attn_keys=False,
        pos_enc_at_cross_attn_queries=False,
        pre_norm=True,
        self_attention=make_attention(True),
        cross_attention=make_attention(True),
    )
    return TransformerEncoderFusion(
        layer=layer,
        num_layers=architecture["encoder-layers"],
        d_model=architecture["width"],
        num_feature_levels=1,
        frozen=False,
        use_act_checkpoint=True,  # the package insists on it in training
        add_pooled_text_to_img_feat=False,
        pool_text_with_mask=True,
    )


def _build_decoder(architecture: Mapping[str, Any], make_attention: Any) -> TransformerDecoder:
    layer = TransformerDecoderLayer(
        activation="relu",
        d_model=architecture["width"],
        dim_feedforward=architecture["feedforward"],
        dropout=0.0,
        cross_attention=make_attention(False),
        n_heads=architecture["attention-heads"],
        use_text_cross_attention=True,
    )
    # As the package's, which also return the attention weights, but without them: nobody reads them.
    layer.self_attn, layer.ca_text = make_attention(False), make_attention(False)
    decoder = TransformerDecoder(
        layer=layer,
        num_layers=architecture["decoder-layers"],
        num_queries=architecture["grid"] ** 2,
        return_intermediate=True,
        box_refine=True,
        num_o2m_queries=0,
        dac=True,
        boxRPB="log",
        d_model=architecture["width"],
        frozen=False,
        interaction_layer=None,
        dac_use_selfatt_ln=True,
        use_act_checkpoint=True,
        presence_token=True,
    )
    # Random reference points do not move in the first thousand steps; a grid of fruit-sized boxes does.
    places = (torch.arange(architecture["grid"]) + 0.5) / architecture["grid"]
    y, x = torch.meshgrid(places, places, indexing="ij")
    side = torch.full_like(x, architecture["query-size"])
    boxes = torch.stack([x, y, side, side], dim=-1).reshape(-1, 4)
    with torch.no_grad():
        decoder.reference_points.weight.copy_(torch.logit(boxes))
    return decoder


def _init_box_attention(
    bias_mlp: MLP, before_head: int, behind_head: int, outside_penalty: float = 12.0, side_penalty: float = 6.0
) -> None:
    """Let each query attend to the inside of its box from the start; heads `before` and `behind` to one side of it.

    `bias` maps a place's (log-scaled) distances from a box's two edges to an attention bias for each head. Left random,
    all queries see the whole image alike, and answer alike, for thousands of steps. The first hidden units here
    measure how far a place lies before the first edge, behind the second, behind the middle and before it.
    """
    hidden, heads = bias_mlp.layers
    with torch.no_grad():
        hidden.weight[:4] = torch.tensor([[-1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [-1.0, -1.0]])
        hidden.bias[:4] = 0
        heads.weight[:, :2] = -outside_penalty
        heads.weight[:, 2:4] = 0
        heads.weight[before_head, 2] = heads.weight[behind_head, 3] = -side_penalty


def _build_geometry_encoder(architecture: Mapping[str, Any], make_attention: Any) -> SequenceGeometryEncoder:
    layer = TransformerEncoderLayer(
        activation="relu",
        d_model=architecture["width"],
        dim_feedforward=architecture["feedforward"],
        dropout=0.0,
        pos_enc_at_attn=False,
        pre_norm=True,
        self_attention=make_attention(False),
        pos_enc_at_cross_attn_queries=False,
        pos_enc_at_cross_attn_keys=True,
        cross_attention=make_attention(False),
    )
    return SequenceGeometryEncoder(
        pos_enc=_build_position_encoding(architecture),
        encode_boxes_as_points=False,
        points_direct_project=True,
        points_pool=True,
        points_pos_enc=True,
        boxes_direct_project=True,
        boxes_pool=True,
        boxes_pos_enc=True,
        d_model=architecture["width"],
        num_layers=1,
        layer=layer,
        use_act_ckpt=False,
        add_cls=True,
        add_post_encode_proj=True,
    )
