"""The option `overrides` as Hydra reads it."""

import pytest

from samgap.models.sam2.overrides import list_hydra_overrides


@pytest.mark.parametrize("options", [{}, {"overrides": None}, {"overrides": {}}])
def test_without_overrides_the_list_is_empty(options):
    assert list_hydra_overrides(options) == []


def test_overrides_are_keys_with_values():
    overrides = {"model.image_size": 256, "model.memory_attention.num_layers": 2}
    assert list_hydra_overrides({"overrides": overrides}) == [
        "model.image_size=256",
        "model.memory_attention.num_layers=2",
    ]
