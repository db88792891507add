"""SAM3's image model from the package's classes, without weights: the published one, or a small one for the demo."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from samgap.models.runtime.device import cuda_shim
from samgap.models.runtime.vocabulary import find_bpe_vocabulary
from samgap.models.sam3.architecture import validate_architecture
from samgap.models.sam3.detector import (
    build_decoder,
    build_fusion_encoder,
    build_geometry_encoder,
    build_text_encoder,
)
from samgap.models.sam3.image_encoder import build_image_encoder
from samgap.models.sam3.tracker import build_small_head, disable_autocast, remove_memory

# isort: split
from sam3.model.maskformer_segmentation import PixelDecoder, UniversalSegmentationHead
from sam3.model.model_misc import MLP, DotProductScoring, MultiheadAttentionWrapper, TransformerWrapper
from sam3.model.sam3_image import Sam3Image
from sam3.model.vl_combiner import SAM3VLBackbone

PUBLISHED_IMAGE_SIZE = 1008
"""Side of the input of the published model, px. The package computes its positional encodings for this side alone."""


def build_image_model(options: Mapping[str, Any], device: str) -> Sam3Image:
    """Return the image model of an entry of `models`, without its weights.

    Args:
        options: the entry; `architecture` makes it a small model, and `interactive` adds the interactive head, without
            the tracker's memory if `tracks` is false.
        device: `cpu`, `cuda` or `meta`.

    Raises:
        UserError: the architecture is not valid.
    """
    interactive, tracks = options.get("interactive", False), options.get("tracks", True)
    if options.get("architecture"):
        return build_small(options["architecture"], interactive=interactive, tracks=tracks)
    return build_published(device, interactive, tracks=tracks)


def build_published(
    device: str, interactive: bool = False, with_matcher: bool = False, tracks: bool = True
) -> Sam3Image:
    """Return the published image model for inputs of 1008 px, with 840 M parameters, in evaluation mode.

    Args:
        device: `cpu`, `cuda` or `meta`.
        interactive: whether to add the interactive head, which has 20 M parameters.
        with_matcher: whether the model has the package's matcher, which only training needs.
        tracks: whether the head has the memory of the tracker.
    """
    from sam3.model_builder import build_sam3_image_model

    with cuda_shim(device):
        model = build_sam3_image_model(
            bpe_path=find_bpe_vocabulary(),
            device=device,
            eval_mode=not with_matcher,
            checkpoint_path=None,
            load_from_HF=False,
            enable_inst_interactivity=interactive,
        )
    if interactive:
        tracker = disable_autocast(model.inst_interactive_predictor.model)
        if not tracks:
            remove_memory(tracker)
    return model.eval()


def build_small(
    architecture: Mapping[str, Any], matcher: Any = None, interactive: bool = False, tracks: bool = True
) -> Sam3Image:
    """Return a small image model, randomly initialized.

    Args:
        architecture: the sizes of the model (`samgap.models.sam3.architecture`).
        matcher: the package's Hungarian matcher, which only training needs.
        interactive: whether to add the interactive head.
        tracks: whether the head has the memory of the tracker.

    Raises:
        UserError: the architecture is not valid.
    """
    validate_architecture(architecture)
    # Modules draw their random weights in this order; another order gives other models for the same seed.
    head = build_small_head(architecture, tracks) if interactive else None
    width = architecture["width"]

    def make_attention(batch_first: bool) -> MultiheadAttentionWrapper:
        return MultiheadAttentionWrapper(
            num_heads=architecture["attention-heads"], dropout=0.0, embed_dim=width, batch_first=batch_first
        )

    transformer = TransformerWrapper(
        encoder=build_fusion_encoder(architecture, make_attention),
        decoder=build_decoder(architecture, make_attention),
        d_model=width,
    )
    scoring = _build_scoring(width, architecture["feedforward"])
    segmentation = _build_segmentation_head(width, make_attention)
    return Sam3Image(
        backbone=SAM3VLBackbone(
            visual=build_image_encoder(architecture, interactive), text=build_text_encoder(architecture), scalp=1
        ),
        transformer=transformer,
        input_geometry_encoder=build_geometry_encoder(architecture, make_attention),
        segmentation_head=segmentation,
        num_feature_levels=1,
        o2m_mask_predict=True,
        dot_prod_scoring=scoring,
        use_instance_query=False,
        multimask_output=True,
        inst_interactive_predictor=head,
        matcher=matcher,
    )


def _build_scoring(width: int, feedforward: int) -> DotProductScoring:
    return DotProductScoring(
        d_model=width,
        d_proj=width,
        prompt_mlp=MLP(
            width, feedforward, width, num_layers=2, dropout=0.0, residual=True, out_norm=nn.LayerNorm(width)
        ),
    )


def _build_segmentation_head(
    width: int, make_attention: Callable[[bool], MultiheadAttentionWrapper]
) -> UniversalSegmentationHead:
    return UniversalSegmentationHead(
        hidden_dim=width,
        upsampling_stages=3,
        aux_masks=False,
        presence_head=False,
        dot_product_scorer=None,
        act_ckpt=False,
        cross_attend_prompt=make_attention(False),
        pixel_decoder=PixelDecoder(num_upsampling_stages=3, interpolation_mode="nearest", hidden_dim=width),
    )
