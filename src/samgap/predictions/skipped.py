"""Shards without predictions, because weights of their model are not available."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from samgap.io.files import read_json
from samgap.tables.predictions import MASKS, TIMING


def find_missing_weights(cards: Iterable[str | Path]) -> str | None:
    """Return why weights of a model are not available, or None if all are.

    Args:
        cards: the files `checkpoint.json` of the model, and of its components.
    """
    for card in map(read_json, cards):
        if card["status"] != "available":
            return f"weights not available ({card['why']})"
    return None


def write_empty_tables(masks_path: str | Path, timing_path: str | Path, provenance: Mapping[str, Any]) -> None:
    """Write the tables `masks` and `timing` of a shard without predictions."""
    MASKS.write(masks_path, [], provenance)
    TIMING.write(timing_path, [], {"device": None})
