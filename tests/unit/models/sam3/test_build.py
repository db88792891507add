"""A small image model."""

from samgap.models.sam3.build import build_small
from tests.helpers.demo_weights import SAM3_OPTIONS

ARCHITECTURE = SAM3_OPTIONS["architecture"]
SMALL = {**ARCHITECTURE, "depth": 2, "size": 128}


def test_weights_fit_every_input_size():
    small, large = (build_small({**SMALL, "size": size}).state_dict() for size in (112, 224))
    assert {key: value.shape for key, value in small.items()} == {key: value.shape for key, value in large.items()}
