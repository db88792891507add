"""The tracker of a small SAM3, from the package's classes; the interactive head is a tracker without a backbone."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from samgap.models.sam3.architecture import get_head_width
from samgap.models.sam3.connected_components import use_scipy_labels

# isort: split
from sam3.model.decoder import TransformerDecoderLayerv2, TransformerEncoderCrossAttention
from sam3.model.memory import CXBlock, SimpleFuser, SimpleMaskDownSampler, SimpleMaskEncoder
from sam3.model.model_misc import TransformerWrapper
from sam3.model.position_encoding import PositionEmbeddingSine
from sam3.model.sam1_task_predictor import SAM3InteractiveImagePredictor
from sam3.model.sam3_tracking_predictor import Sam3TrackerPredictor
from sam3.sam.transformer import RoPEAttention

MEMORY_WIDTH = 16
"""Number of channels of a small tracker's memory."""

PUBLISHED_MAX_HOLE_AREA, PUBLISHED_LOGITS_SIDE = 256.0, 288
"""Area in px of the largest hole that the package fills, and the side in px of the logits that it fills it in."""

MEMORY_PARTS = (
    "transformer",
    "maskmem_backbone",
    "maskmem_tpos_enc",
    "no_mem_pos_enc",
    "no_obj_ptr",
    "no_obj_embed_spatial",
    "mask_downsample",
    "obj_ptr_proj",
    "obj_ptr_tpos_proj",
)
"""The parts of a tracker that prompts on a single image do not use."""

use_scipy_labels()


def disable_autocast(tracker: Sam3TrackerPredictor) -> Sam3TrackerPredictor:
    """Leave the autocast context that the package's constructor enters for the whole process on a GPU."""
    tracker.bf16_context.__exit__(None, None, None)
    return tracker


def remove_memory(tracker: Sam3TrackerPredictor) -> None:
    """Remove the memory of a tracker, which only tracks need, so that weights without it fit."""
    for name in MEMORY_PARTS:
        setattr(tracker, name, None)


def build_small_head(architecture: Mapping[str, Any], tracks: bool = True) -> SAM3InteractiveImagePredictor:
    """Return the interactive head of a small model, randomly initialized.

    Args:
        architecture: the sizes of the model (`samgap.models.sam3.architecture`).
        tracks: whether it has the memory of the tracker.
    """
    tracker = build_small_tracker(architecture)
    if not tracks:
        remove_memory(tracker)
    side = architecture["size"] // architecture["patch"]
    # The same share of the mask as in the published model.
    max_hole_area = PUBLISHED_MAX_HOLE_AREA * (4 * side / PUBLISHED_LOGITS_SIDE) ** 2
    predictor = SAM3InteractiveImagePredictor(tracker, max_hole_area=max_hole_area)
    # The package hard-codes these for an input of 1008 px.
    predictor._bb_feat_sizes = [(4 * side, 4 * side), (2 * side, 2 * side), (side, side)]
    return predictor


def build_small_tracker(architecture: Mapping[str, Any], backbone: nn.Module | None = None) -> Sam3TrackerPredictor:
    """Return a small tracker with the options of the package's `build_tracker`, randomly initialized.

    Args:
        architecture: the sizes of the model (`samgap.models.sam3.architecture`).
        backbone: the image encoder; None for the interactive head, which takes features.
    """
    feature_size = architecture["size"] // architecture["patch"]
    width = get_head_width(architecture)
    return disable_autocast(
        Sam3TrackerPredictor(
            image_size=architecture["size"],
            num_maskmem=7,
            backbone=backbone,
            backbone_stride=architecture["patch"],
            transformer=_build_memory_attention(width, architecture["feedforward"], feature_size),
            maskmem_backbone=_build_memory_encoder(width, feature_size),
            multimask_output_in_sam=True,
            forward_backbone_per_frame_for_eval=True,
            multimask_output_for_tracking=True,
            multimask_min_pt_num=0,
            multimask_max_pt_num=1,
            non_overlap_masks_for_output=False,
            max_cond_frames_in_attn=4,
            sam_mask_decoder_extra_args={
                "dynamic_multimask_via_stability": True,
                "dynamic_multimask_stability_delta": 0.05,
                "dynamic_multimask_stability_thresh": 0.98,
            },
            clear_non_cond_mem_around_input=True,
            use_memory_selection=backbone is not None,
        )
    )


def _build_memory_attention(width: int, feedforward: int, feature_size: int) -> TransformerWrapper:
    def make_attention(**kwargs: Any) -> RoPEAttention:
        return RoPEAttention(
            embedding_dim=width,
            num_heads=1,
            downsample_rate=1,
            feat_sizes=[feature_size, feature_size],
            dropout=0.0,
            rope_theta=10000.0,
            use_fa3=False,
            use_rope_real=False,
            **kwargs,
        )

    layer = TransformerDecoderLayerv2(
        cross_attention_first=False,
        activation="relu",
        dim_feedforward=feedforward,
        dropout=0.0,
        pos_enc_at_attn=False,
        pre_norm=True,
        self_attention=make_attention(),
        d_model=width,
        pos_enc_at_cross_attn_keys=True,
        pos_enc_at_cross_attn_queries=False,
        cross_attention=make_attention(kv_in_dim=MEMORY_WIDTH, rope_k_repeat=True),
    )
    encoder = TransformerEncoderCrossAttention(
        remove_cross_attention_layers=[],
        batch_first=True,
        d_model=width,
        frozen=False,
        pos_enc_at_input=True,
        layer=layer,
        num_layers=2,
        use_act_checkpoint=False,
    )
    return TransformerWrapper(encoder=encoder, decoder=None, d_model=width)


def _build_memory_encoder(width: int, feature_size: int) -> SimpleMaskEncoder:
    # The arguments are built in this order, so that a seed gives the same random weights.
    return SimpleMaskEncoder(
        out_dim=MEMORY_WIDTH,
        in_dim=width,
        position_encoding=PositionEmbeddingSine(
            num_pos_feats=MEMORY_WIDTH, normalize=True, scale=None, temperature=10000
        ),
        mask_downsampler=SimpleMaskDownSampler(
            embed_dim=width, kernel_size=3, stride=2, padding=1, interpol_size=[16 * feature_size, 16 * feature_size]
        ),
        fuser=SimpleFuser(
            layer=CXBlock(dim=width, kernel_size=7, padding=3, layer_scale_init_value=1.0e-06, use_dwconv=True),
            num_layers=2,
        ),
    )
