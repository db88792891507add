"""Initialization of a small model for training."""

import pytest
import torch

from samgap.models.sam3.build import build_small
from samgap.models.sam3.initialization import init_for_training
from tests.helpers.demo_weights import SAM3_OPTIONS

ARCHITECTURE = SAM3_OPTIONS["architecture"]
SMALL = {**ARCHITECTURE, "depth": 2, "size": 128}


def test_initialization_gives_pyramid_features_of_mean_0_and_variance_1():
    torch.manual_seed(0)
    model = build_small(SMALL)
    init_for_training(model, SMALL)
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand((8, 3, 20, 20), generator=generator) * 2 - 1
    noise = torch.nn.functional.interpolate(noise, (128, 128), mode="bicubic", align_corners=False)
    with torch.inference_mode():
        features = model.backbone.forward_image(noise)["vision_features"]
    assert features.mean().item() == pytest.approx(0, abs=1e-3)
    assert features.std().item() == pytest.approx(1, abs=1e-2)


def test_initial_attention_favours_the_inside_of_a_box():
    torch.manual_seed(0)
    model = build_small(SMALL)
    init_for_training(model, SMALL)
    # Distances from the left and the right edge, as (position - edge): outside left, left half, right half.
    distances = torch.tensor([[-1.0, -2.0], [0.5, -1.5], [1.5, -0.5]])
    with torch.inference_mode():
        bias = model.transformer.decoder.boxRPB_embed_x(distances)
    assert (bias[0] < bias[1:]).all()
    assert bias[1, 0] > bias[2, 0] or bias[1, 1] > bias[2, 1]
