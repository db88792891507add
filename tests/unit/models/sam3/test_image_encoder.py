"""Position embeddings of a small image encoder, and the width of its necks."""

import torch

from samgap.models.sam3.image_encoder import build_image_encoder, make_sinusoidal_embedding
from tests.helpers.demo_weights import SAM3_OPTIONS

ARCHITECTURE = SAM3_OPTIONS["architecture"]


def test_position_embeddings_differ_between_all_positions():
    embedding = make_sinusoidal_embedding(ARCHITECTURE["position-grid"], ARCHITECTURE["embed"])
    assert embedding.shape == (ARCHITECTURE["position-grid"] ** 2, ARCHITECTURE["embed"])
    assert (torch.cdist(embedding, embedding) + 9 * torch.eye(len(embedding))).min() > 0.5


def test_the_neck_of_the_interactive_head_has_the_width_of_the_head():
    small = {**ARCHITECTURE, "depth": 2, "size": 128, "width": 64}
    for head_width, architecture in ((128, {**small, "head-width": 128}), (64, _remove_key(small, "head-width"))):
        encoder = build_image_encoder(architecture, interactive=True).eval()
        with torch.no_grad():
            maps, _, head_maps, _ = encoder(torch.zeros(1, 3, 128, 128))
        assert [level.shape[1] for level in maps] == [64] * 4
        assert [level.shape[1:] for level in head_maps] == [(head_width, side, side) for side in (32, 16, 8, 4)]


def _remove_key(architecture, key):
    return {name: value for name, value in architecture.items() if name != key}
