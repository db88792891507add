"""The option `overrides` of a SAM2, as the package takes it."""

from collections.abc import Mapping
from typing import Any


def list_hydra_overrides(options: Mapping[str, Any]) -> list[str]:
    """Return the option `overrides` of an entry of `models` as `key=value`, for Hydra."""
    return [f"{key}={value}" for key, value in (options.get("overrides") or {}).items()]
