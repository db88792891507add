"""A small SAM3 is built from an architecture file."""

from pathlib import Path

import pytest
import torch
import yaml

from samgap.errors import UserError
from samgap.models.sam3 import build

DEMO = Path(__file__).parents[3] / "config" / "demo"
ARCHITECTURE = yaml.safe_load((DEMO / "sam3-demo.architecture.yaml").read_text())


def test_the_weights_of_a_small_sam3_have_the_same_shapes_at_every_input_size():
    small, large = (build.build_small({**ARCHITECTURE, "size": size}).state_dict() for size in (224, 448))
    assert {key: value.shape for key, value in small.items()} == {key: value.shape for key, value in large.items()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patch": 14}, "patch is 14, but a stem of 3 widths makes patches of 16 px"),
        ({"depht": 6}, "has the unknown key depht"),
        ({"stem": None}, "lacks stem"),
    ],
)
def test_an_invalid_architecture_is_an_error_of_one_line(change, message):
    architecture = ARCHITECTURE | change
    with pytest.raises(UserError, match=message):
        build.build_small({key: value for key, value in architecture.items() if value is not None})


def test_no_two_positions_of_a_small_sam3_have_the_same_initial_embedding():
    embedding = build._make_sinusoidal_embedding(ARCHITECTURE["places"], ARCHITECTURE["embed"])
    assert embedding.shape == (ARCHITECTURE["places"] ** 2, ARCHITECTURE["embed"])
    assert (torch.cdist(embedding, embedding) + 9 * torch.eye(len(embedding))).min() > 0.5
