"""Files in the cache of the model hub's client, which are copied if their content is that of the hub's file."""

import hashlib
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

from samgap.download.checksums import verify_checksums
from samgap.download.errors import ChecksumMismatch
from samgap.download.fetch import ExpectedFile, download_file
from samgap.errors import UserError
from samgap.io.files import CHUNK_BYTES

logger = logging.getLogger("samgap")


def copy_from_client_cache(
    source: Mapping[str, Any], target: str | Path, **expected: Unpack[ExpectedFile]
) -> dict[str, Any] | None:
    """Copy a file from the cache of the hub's client, and verify it.

    The client stores a file under the SHA-256 that the hub states, a small one under its hash in git
    (https://huggingface.co/docs/huggingface_hub/guides/manage-cache). The client itself does not compare them again.

    Args:
        source: `hub`, `file` and `revision`.
        target: The file to write; a copy, because the user may clear that cache.
        expected: The expected size and checksums, and the file's name in messages and the result.

    Returns:
        The result of `samgap.download.fetch.download_file`. None if that cache does not have the file, or a damaged
        one, which is logged as a warning.

    Raises:
        UserError: If the hub's file differs from the expected checksums.
    """
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(source["hub"], source["file"], revision=source.get("revision", "main"))
    if not isinstance(cached, str):
        return None
    stored_as = Path(cached).resolve().name
    stated_sha256 = stored_as if re.fullmatch("[0-9a-f]{64}", stored_as) else None
    if stated_sha256 is not None:
        second_hand = expected.get("second_hand", False)
        configured = {"sha256": expected.get("sha256")}
        verify_checksums({"sha256": stated_sha256}, configured, second_hand, expected.get("name") or cached)
        if second_hand:
            expected |= {"size": None, "md5": None}
        expected |= {"sha256": stated_sha256, "second_hand": False}
    try:
        if re.fullmatch("[0-9a-f]{40}", stored_as) and _hash_as_git(Path(cached)) != stored_as:
            raise UserError("its content is not the one of its name")
        return download_file(cached, target, **expected)
    except (UserError, OSError) as error:
        if isinstance(error, ChecksumMismatch) and error.actual["sha256"] == stated_sha256:
            raise
        logger.warning("warning: %s in the cache of the hub's client is damaged and not used (%s)", cached, error)
        return None


def _hash_as_git(path: Path) -> str:
    """Return the hash of a file's content as git names it: the SHA-1 of `blob <size>`, a zero byte, and the content."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with open(path, "rb") as stream:
        while block := stream.read(CHUNK_BYTES):
            digest.update(block)
    return digest.hexdigest()
