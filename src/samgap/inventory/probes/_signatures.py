"""Arguments of the packages' functions."""

import inspect
from collections.abc import Callable
from typing import Any


def list_arguments(function: Callable[..., Any]) -> list[str]:
    """Return the names of a function's arguments, without `self`."""
    return [name for name in inspect.signature(function).parameters if name != "self"]
