"""The sizes of a small SAM3, as in config/demo/sam3-demo.architecture.yaml."""

from collections.abc import Mapping
from typing import Any

from samgap.errors import UserError

ARCHITECTURE_KEYS = frozenset((
    "size", "patch", "stem", "embed", "depth", "heads", "mlp-ratio", "window", "position-grid", "width",
    "attention-heads", "feedforward", "encoder-layers", "decoder-layers", "grid", "query-size", "text-width",
    "text-heads", "text-layers", "context",
))  # fmt: skip
"""The required keys of an architecture."""
OPTIONAL_KEYS = frozenset(("head-width",))
"""Its further keys: `head-width` is the width of the interactive head and its neck; default is `width`."""
RENAMED_KEYS = {"places": "position-grid"}
"""Earlier name of a key -> its name."""


def get_head_width(architecture: Mapping[str, Any]) -> int:
    """Return the width of the interactive head and of its neck."""
    return int(architecture.get("head-width", architecture["width"]))


def validate_architecture(architecture: Mapping[str, Any]) -> None:
    """Check the keys of an architecture, and its patch size against its stem.

    Raises:
        UserError: a key is missing, unknown or has its earlier name, or the stem makes patches of another size.
    """
    for old, new in RENAMED_KEYS.items():
        if old in architecture:
            raise UserError(f"architecture: the key `{old}` is now `{new}`; rename it")
    for keys, fault in (
        (ARCHITECTURE_KEYS - set(architecture), "lacks"),
        (set(architecture) - ARCHITECTURE_KEYS - OPTIONAL_KEYS, "has the unknown key"),
    ):
        if keys:
            raise UserError(
                f"architecture {fault} {', '.join(sorted(keys))}; see config/demo/sam3-demo.architecture.yaml"
            )
    n_layers = len(architecture["stem"])
    patch = 2 ** (n_layers + 1)
    if architecture["patch"] != patch:
        raise UserError(
            f"architecture: patch is {architecture['patch']}, but a stem of {n_layers} widths makes patches of {patch} "
            "px; change one of them"
        )
