"""Models that are composed of other models, and the mark of a demo model."""

from collections.abc import Mapping
from typing import Any

COMPONENT_ROLES = ("detector", "segmenter")
"""Keys of a model that name another model as its component."""


def list_components(model: Mapping[str, Any]) -> dict[str, str]:
    """Return role -> id of the models that an entry of `models` is composed of."""
    return {role: model[role] for role in COMPONENT_ROLES if role in model}


def is_demo_model(models: Mapping[str, Mapping[str, Any]], id: str) -> bool:
    """Return whether a model is marked `demo: true`, or is composed of one that is; false for an unknown id.

    Args:
        models: The models of a configuration, by id.
        id: The model.
    """
    entry = models.get(id, {})
    return bool(entry.get("demo")) or any(is_demo_model(models, part) for part in list_components(entry).values())
