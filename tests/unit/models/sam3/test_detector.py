"""Parts of a small detector before training."""

import pytest
import torch

from samgap.models.sam3.build import build_small
from samgap.models.sam3.detector import build_text_encoder
from tests.helpers.demo_weights import SAM3_OPTIONS

ARCHITECTURE = {**SAM3_OPTIONS["architecture"], "depth": 2, "size": 128}


def test_the_first_reference_boxes_are_squares_on_a_regular_grid():
    grid, side = ARCHITECTURE["grid"], ARCHITECTURE["query-size"]
    boxes = build_small(ARCHITECTURE).transformer.decoder.reference_points.weight.detach().sigmoid()
    x, y, width, height = boxes.T
    assert width.tolist() == pytest.approx([side] * grid**2) and height.tolist() == pytest.approx([side] * grid**2)
    centres = [(index + 0.5) / grid for index in range(grid)]
    assert x.reshape(grid, grid)[0].tolist() == pytest.approx(centres)
    assert y.reshape(grid, grid)[:, 0].tolist() == pytest.approx(centres)


def test_the_text_encoder_has_the_initial_values_of_clip():
    torch.manual_seed(0)
    encoder = build_text_encoder(ARCHITECTURE).encoder
    assert encoder.positional_embedding.shape == (ARCHITECTURE["context"], ARCHITECTURE["text-width"])
    for values, std in (
        (encoder.positional_embedding, 0.01),
        (encoder.text_projection, ARCHITECTURE["text-width"] ** -0.5),
        (encoder.token_embedding.weight, 0.02),
    ):
        assert values.std().item() == pytest.approx(std, rel=0.05)


def test_all_attention_of_the_decoder_is_of_one_class():
    # The package's own self-attention also computes the attention weights, which are not used.
    layers = build_small(ARCHITECTURE).transformer.decoder.layers
    assert len(layers) == ARCHITECTURE["decoder-layers"]
    for layer in layers:
        assert type(layer.self_attn) is type(layer.ca_text) is type(layer.cross_attn)
