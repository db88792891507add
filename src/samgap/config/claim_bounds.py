"""The keys of a check of a claim that bound a number."""

from collections.abc import Mapping
from typing import Any

BOUNDS = ("count", "equals", "at-least", "above", "at-most", "below")
"""`equals` may also be a text, a truth value or a shape."""


def list_bounds(check: Mapping[str, Any]) -> list[str]:
    """Return the keys of `BOUNDS` that a check has, in their order."""
    return [key for key in BOUNDS if key in check]


def is_number(value: Any) -> bool:
    """Return whether a value of a check or of the inventory is a number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
