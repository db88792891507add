"""Size and checksums of a file: computation, comparison with the expected values, and the result as a text."""

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.download.errors import ChecksumMismatch
from samgap.io.files import CHUNK_BYTES

logger = logging.getLogger("samgap")

CHECKSUM_KEYS = ("size", "sha256", "md5")
"""Keys of the values that identify the content of a file."""


def verify_checksums(actual: Mapping[str, Any], expected: Mapping[str, Any], second_hand: bool, name: str) -> str:
    """Compare checksums, and return the result as a text for a card.

    Args:
        actual: `size`, `sha256` and `md5` of the file.
        expected: The values that it should have; None or missing: unknown.
        second_hand: Whether a difference is a warning instead of an error.
        name: The file's name in messages.

    Raises:
        ChecksumMismatch: If a value differs, unless the expected values are second-hand.
    """
    stated = {key: expected[key] for key in CHECKSUM_KEYS if expected.get(key) is not None}
    origin = "second-hand " if second_hand else ""
    differing = [key for key in stated if not has_matching_checksums(actual, {key: stated[key]})]
    for key in differing:
        difference = f"{name}: {key} is {actual[key]}, not {stated[key]} as configured"
        if not second_hand:
            raise ChecksumMismatch(
                f"{difference}; the file is not used: check the source, or the configured {key}", actual
            )
        logger.warning(
            "warning: %s; the file is used, because the configured value is second-hand. To require this file from now "
            "on, put sha256 %s into the configuration",
            *(difference, actual["sha256"]),
        )
    if differing:
        return "; ".join(f"differs from the {origin}{key} {stated[key]}" for key in differing)
    return f"agrees with the {origin}{', '.join(stated)}" if stated else "nothing to check it against"


def is_verified(actual: Mapping[str, Any], expected: Mapping[str, Any], second_hand: bool) -> bool:
    """Return whether a file has a checksum of its owner. A size is none; arguments as for `verify_checksums`."""
    stated = {key: expected[key] for key in ("sha256", "md5") if expected.get(key) is not None}
    return bool(stated) and not second_hand and has_matching_checksums(actual, stated)


def has_matching_checksums(actual: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    """Return whether the actual `size`, `sha256` and `md5` equal all expected values that are not None."""
    return all(str(actual[key]) == str(expected[key]).lower() for key in CHECKSUM_KEYS if expected.get(key) is not None)


def compute_checksums(path: str | Path) -> dict[str, Any]:
    """Return the `sha256` and `md5` (hex) and the `size` (bytes) of a file."""
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with open(path, "rb") as stream:
        while block := stream.read(CHUNK_BYTES):
            sha256.update(block)
            md5.update(block)
            size += len(block)
    return {"sha256": sha256.hexdigest(), "md5": md5.hexdigest(), "size": size}
