"""The text, fusion and geometry encoders and the decoder of a small SAM3's detector."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from samgap.models.runtime.vocabulary import find_bpe_vocabulary
from samgap.models.sam3.image_encoder import build_position_encoding

# isort: split
from sam3.model.decoder import TransformerDecoder, TransformerDecoderLayer
from sam3.model.encoder import TransformerEncoderFusion, TransformerEncoderLayer
from sam3.model.geometry_encoders import SequenceGeometryEncoder
from sam3.model.model_misc import MultiheadAttentionWrapper
from sam3.model.text_encoder_ve import VETextEncoder
from sam3.model.tokenizer_ve import SimpleTokenizer

AttentionFactory = Callable[[bool], MultiheadAttentionWrapper]
"""Makes an attention module; its argument is `batch_first`."""


def build_text_encoder(architecture: Mapping[str, Any]) -> VETextEncoder:
    """Return the text encoder, randomly initialized."""
    text_encoder = VETextEncoder(
        tokenizer=SimpleTokenizer(bpe_path=find_bpe_vocabulary()),
        d_model=architecture["width"],
        width=architecture["text-width"],
        heads=architecture["text-heads"],
        layers=architecture["text-layers"],
        context_length=architecture["context"],
    )
    init_text_embeddings(text_encoder.encoder)
    return text_encoder


def init_text_embeddings(encoder: Any) -> None:
    """Initialize, in place, what the package leaves uninitialized as it expects a checkpoint. The values are CLIP's."""
    nn.init.normal_(encoder.positional_embedding, std=0.01)
    nn.init.normal_(encoder.text_projection, std=encoder.text_projection.shape[0] ** -0.5)
    nn.init.normal_(encoder.token_embedding.weight, std=0.02)


def build_fusion_encoder(architecture: Mapping[str, Any], make_attention: AttentionFactory) -> TransformerEncoderFusion:
    """Return the encoder that conditions image features on the prompt, randomly initialized."""
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
        use_act_checkpoint=True,  # required by the package in training
        add_pooled_text_to_img_feat=False,
        pool_text_with_mask=True,
    )


def build_decoder(architecture: Mapping[str, Any], make_attention: AttentionFactory) -> TransformerDecoder:
    """Return the decoder, randomly initialized, with reference boxes on a regular grid."""
    layer = TransformerDecoderLayer(
        activation="relu",
        d_model=architecture["width"],
        dim_feedforward=architecture["feedforward"],
        dropout=0.0,
        cross_attention=make_attention(False),
        n_heads=architecture["attention-heads"],
        use_text_cross_attention=True,
    )
    # The package's modules also compute the attention weights, which are unused here.
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
    # Random reference boxes hardly change in the first thousand training steps; fruit-sized ones on a grid do.
    centers = (torch.arange(architecture["grid"]) + 0.5) / architecture["grid"]
    y, x = torch.meshgrid(centers, centers, indexing="ij")
    side = torch.full_like(x, architecture["query-size"])
    boxes = torch.stack([x, y, side, side], dim=-1).reshape(-1, 4)
    with torch.no_grad():
        decoder.reference_points.weight.copy_(torch.logit(boxes))
    return decoder


def build_geometry_encoder(
    architecture: Mapping[str, Any], make_attention: AttentionFactory
) -> SequenceGeometryEncoder:
    """Return the encoder of exemplar boxes, randomly initialized."""
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
        pos_enc=build_position_encoding(architecture["width"]),
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
