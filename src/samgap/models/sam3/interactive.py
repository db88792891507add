"""SAM3's interactive head: the part of it that answers points, boxes, masks and clicks, as SAM2 does.

The head is the package's tracker (its file's `tracker.*`) on a neck of its own, which the image model has where it is
built with it. So SAM3 is asked what SAM2 is asked, by the same code. A small one is built here from the package's own
classes, of the sizes that the rest of the small model has.
"""

from collections.abc import Mapping
from typing import Any

import torch
from scipy import ndimage
from torch import nn

from samgap.models.runtime.precision import FP32, Precision
from samgap.models.sam2.image import Sam2

# isort: split
from sam3.model.decoder import TransformerDecoderLayerv2, TransformerEncoderCrossAttention
from sam3.model.memory import CXBlock, SimpleFuser, SimpleMaskDownSampler, SimpleMaskEncoder
from sam3.model.model_misc import TransformerWrapper
from sam3.model.position_encoding import PositionEmbeddingSine
from sam3.model.sam1_task_predictor import SAM3InteractiveImagePredictor
from sam3.model.sam3_image import Sam3Image
from sam3.model.sam3_tracking_predictor import Sam3TrackerPredictor
from sam3.perflib import connected_components
from sam3.sam.transformer import RoPEAttention

MEMORY_WIDTH = 16
"""Width of a small tracker's memory."""


def _label_components(foreground: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Labels of the connected parts (8 neighbours) of `values`, integer (height, width), and each pixel's part's area.

    The package labels on a CPU by scikit-image, without which it only warns and fills no holes, as it does on a GPU.
    """
    labels, count = ndimage.label(foreground.cpu().numpy(), [[1] * 3] * 3)
    sizes = ndimage.sum_labels(labels > 0, labels, range(count + 1)).astype(int)
    return torch.from_numpy(labels), torch.from_numpy(sizes[labels])


connected_components.connected_components_cpu_single = _label_components


class InteractiveHead(Sam2):
    """The interactive head of a loaded SAM3; asked like `Sam2`, once `see` was told of an image."""

    def __init__(self, model: Sam3Image, device: str, precision: Precision = FP32) -> None:
        self.device, self.precision = device, precision
        self.predictor = model.inst_interactive_predictor
        self.model = self.predictor.model

    @torch.inference_mode()
    def set_features(self, features: Mapping[str, Any], width: int, height: int) -> None:
        """Take the encoded image's `features` (of the backbone), as the package's processor and `predict_inst` do."""
        found = features["sam2_backbone_out"]
        decoder = self.model.sam_mask_decoder
        fine, middle, coarse = found["backbone_fpn"]
        with self.precision.autocast(self.device):
            pyramid = [decoder.conv_s0(fine), decoder.conv_s1(middle), coarse]
        # What a video adds to the first frame, whose memory is empty.
        pyramid[-1] = pyramid[-1] + self.model.no_mem_embed.permute(1, 2, 0)[..., None]
        self.predictor._features = {"image_embed": pyramid[-1], "high_res_feats": pyramid[:-1]}
        self.predictor._is_image_set, self.predictor._orig_hw = True, [(height, width)]


def disable_autocast(tracker: Sam3TrackerPredictor) -> Sam3TrackerPredictor:
    """`tracker`, just built, out of the 16-bit arithmetic that it switches on for the whole process on a GPU."""
    tracker.bf16_context.__exit__(None, None, None)
    return tracker


def build_small_head(architecture: Mapping[str, Any]) -> SAM3InteractiveImagePredictor:
    """The interactive head of a small model of the sizes in `size`, randomly initialised."""
    predictor = SAM3InteractiveImagePredictor(build_small_tracker(architecture))
    side = architecture["size"] // architecture["patch"]
    # The package fixes these for an input of 1008 px.
    predictor._bb_feat_sizes = [(4 * side, 4 * side), (2 * side, 2 * side), (side, side)]
    return predictor


def build_small_tracker(architecture: Mapping[str, Any], backbone: nn.Module | None = None) -> Sam3TrackerPredictor:
    """The tracker of the package's `build_tracker`, of the sizes in `size`, randomly initialised."""
    side = architecture["size"] // architecture["patch"]
    return disable_autocast(
        Sam3TrackerPredictor(
            image_size=architecture["size"],
            num_maskmem=7,
            backbone=backbone,
            backbone_stride=architecture["patch"],
            transformer=_build_memory_attention(architecture["width"], architecture["feedforward"], side),
            maskmem_backbone=_build_memory_encoder(architecture["width"], side),
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
    def attention(**more: Any) -> RoPEAttention:
        sizes = {
            "embedding_dim": width,
            "num_heads": 1,
            "downsample_rate": 1,
            "feat_sizes": [feature_size, feature_size],
        }
        return RoPEAttention(**sizes, dropout=0.0, rope_theta=10000.0, use_fa3=False, use_rope_real=False, **more)

    layer = TransformerDecoderLayerv2(
        cross_attention_first=False,
        activation="relu",
        dim_feedforward=feedforward,
        dropout=0.0,
        pos_enc_at_attn=False,
        pre_norm=True,
        self_attention=attention(),
        d_model=width,
        pos_enc_at_cross_attn_keys=True,
        pos_enc_at_cross_attn_queries=False,
        cross_attention=attention(kv_in_dim=MEMORY_WIDTH, rope_k_repeat=True),
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
    def block() -> CXBlock:
        return CXBlock(dim=width, kernel_size=7, padding=3, layer_scale_init_value=1.0e-06, use_dwconv=True)

    return SimpleMaskEncoder(
        out_dim=MEMORY_WIDTH,
        in_dim=width,
        position_encoding=PositionEmbeddingSine(
            num_pos_feats=MEMORY_WIDTH, normalize=True, scale=None, temperature=10000
        ),
        mask_downsampler=SimpleMaskDownSampler(
            embed_dim=width, kernel_size=3, stride=2, padding=1, interpol_size=[16 * feature_size, 16 * feature_size]
        ),
        fuser=SimpleFuser(layer=block(), num_layers=2),
    )
