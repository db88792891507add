"""Position embeddings of a small image encoder."""

import torch

from samgap.models.sam3.image_encoder import make_sinusoidal_embedding
from tests.helpers.demo_weights import SAM3_OPTIONS

ARCHITECTURE = SAM3_OPTIONS["architecture"]


def test_position_embeddings_differ_between_all_positions():
    embedding = make_sinusoidal_embedding(ARCHITECTURE["position-grid"], ARCHITECTURE["embed"])
    assert embedding.shape == (ARCHITECTURE["position-grid"] ** 2, ARCHITECTURE["embed"])
    assert (torch.cdist(embedding, embedding) + 9 * torch.eye(len(embedding))).min() > 0.5
