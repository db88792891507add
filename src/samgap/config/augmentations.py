"""Augmentations of trainings by name: the steps of a name in config/augmentations.yaml, or of a file."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.config.schema import suggest
from samgap.config.yaml_files import load_yaml
from samgap.errors import UserError

REGISTRY_FILE = "config/augmentations.yaml"
"""The named augmentations, relative to the root of the repository."""


def load_augmentations(config: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Return a configuration, not yet validated, in which each training has steps instead of a name or a path.

    Args:
        config: The configuration, with the keys of presets.
        root: The root of the repository.

    Raises:
        UserError: If a name is not in the registry, or a file cannot be read.
    """
    entries = config.get("trainings")
    if not isinstance(entries, Mapping):
        return dict(config)  # the validation against the schema reports the error
    loaded = {}
    for name, entry in entries.items():
        loaded[name] = entry
        if isinstance(entry, Mapping) and isinstance(value := entry.get("augmentation"), str):
            loaded[name] = {**entry, "augmentation": _load_steps(f"trainings.{name}.augmentation", value, root)}
    return {**config, "trainings": loaded}


def _load_steps(key_path: str, value: str, root: Path) -> list[Any]:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", value):
        return list(load_yaml(key_path, value, root, list))
    registry = load_yaml(key_path, REGISTRY_FILE, root, dict)
    if value not in registry:
        raise UserError(
            f"config: {key_path} is '{value}', which is not in {REGISTRY_FILE}; {suggest(value, registry)} (or write "
            "the path of a YAML file, or the steps)"
        )
    return list(registry[value])
