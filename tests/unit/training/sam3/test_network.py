"""The network of a training of SAM3, and the sizes of its input."""

import pytest
import torch

from samgap.errors import UserError
from samgap.inventory.meta_device import meta_device
from samgap.models.sam3 import build
from samgap.training.sam3.network import build_network, choose_image_size
from tests.helpers.demo_weights import SMALLER_ARCHITECTURE

SMALL = {"architecture": SMALLER_ARCHITECTURE}


def test_the_size_is_that_of_the_model_or_of_the_training():
    assert choose_image_size({}, SMALL) == 112 and choose_image_size({"image-size": 64}, SMALL) == 64
    assert choose_image_size({}, {}) == choose_image_size({"image-size": 1008}, {}) == 1008


@pytest.mark.parametrize(
    ("size", "model", "message"),
    [
        (100, SMALL, r"image-size is 100, which is not a multiple of the model's patch of 16 px; choose 96 or 112"),
        (8, SMALL, r"choose 16 or 16"),
        (504, {}, r"image-size is 504, but the published SAM3 takes images of 1008 px alone; remove image-size"),
    ],
)
def test_a_size_that_the_model_cannot_take_is_one_line(size, model, message):
    with pytest.raises(UserError, match=message):
        choose_image_size({"image-size": size}, model)


def test_the_published_model_is_built_by_its_package_with_a_matcher_and_no_head():
    with meta_device():
        network = build_network({"interactive": True}, 1008, "meta")
    assert type(network.matcher).__name__ == "BinaryHungarianMatcherV2"
    assert network.inst_interactive_predictor is None
    assert sum(value.numel() for value in network.parameters()) == pytest.approx(840.5e6, rel=1e-3)


def test_a_model_from_scratch_has_no_uninitialized_weights(monkeypatch):
    small = build.build_small(SMALLER_ARCHITECTURE)
    encoder = small.backbone.language_backbone.encoder
    with torch.no_grad():
        encoder.positional_embedding.fill_(torch.nan)
        encoder.text_projection.fill_(torch.nan)
    monkeypatch.setattr(build, "build_published", lambda device, with_matcher: small)
    network = build_network({}, 1008, "cpu")
    assert all(value.isfinite().all() for value in network.parameters())
