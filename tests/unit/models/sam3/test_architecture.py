"""Architectures that are not valid."""

import pytest

from samgap.errors import UserError
from samgap.models.sam3.architecture import validate_architecture
from samgap.models.sam3.build import build_small
from tests.helpers.demo_weights import SAM3_OPTIONS

ARCHITECTURE = SAM3_OPTIONS["architecture"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"patch": 14}, "patch is 14, but a stem of 3 widths makes patches of 16 px"),
        ({"depht": 6}, "has the unknown key depht"),
        ({"stem": None}, "lacks stem"),
        ({"position-grid": None, "places": 16}, "the key `places` is now `position-grid`; rename it"),
    ],
)
def test_invalid_architecture_is_a_user_error(change, message):
    architecture = {key: value for key, value in {**ARCHITECTURE, **change}.items() if value is not None}
    with pytest.raises(UserError, match=message):
        validate_architecture(architecture)
    with pytest.raises(UserError, match=message):
        build_small(architecture)
