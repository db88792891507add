"""Models that are composed of others."""

from samgap.config.capabilities import COMPONENT_KINDS
from samgap.config.components import COMPONENT_ROLES, is_demo_model, list_components

MODELS = {
    "small": {"family": "sam2", "demo": True},
    "detector": {"family": "owlv2"},
    "both": {"family": "grounded", "detector": "detector", "segmenter": "small"},
    "published": {"family": "sam2", "demo": False},
}


def test_the_components_of_a_model_are_listed_by_role():
    assert list_components(MODELS["both"]) == {"detector": "detector", "segmenter": "small"}
    assert list_components(MODELS["small"]) == {}
    assert set(COMPONENT_ROLES) == set(COMPONENT_KINDS)


def test_a_model_with_a_demo_model_as_a_component_is_one():
    assert [id for id in (*MODELS, "unknown") if is_demo_model(MODELS, id)] == ["small", "both"]
