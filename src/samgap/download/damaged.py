"""Damaged downloads: a file that a job cannot read leaves the cache, so that the next run downloads it again."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from samgap.download.entries import DAMAGED_SUFFIX, get_receipt_path, link_entry, lock_entry, read_receipt
from samgap.errors import DamagedFileError, UserError
from samgap.io.files import read_json_object, sha256

TRAINING_RULE = "train"
"""The rule that writes the weights of a training."""


@contextlib.contextmanager
def discard_damaged(cards: Mapping[Path, Path], rule: str) -> Iterator[None]:
    """Remove from the cache a fetched file that the block finds damaged, and say what was done and what to do.

    Args:
        cards: Fetched file -> its card or receipt, with `source` and `sha256`.
        rule: The rule that fetches these files.

    Raises:
        UserError: If the block raises DamagedFileError for one of the files; the message ends with the command.
    """
    try:
        yield
    except DamagedFileError as error:
        if error.path not in cards:
            raise
        raise UserError(f"{error}; {discard(error.path, cards[error.path], rule)}") from error


def check_fetched_file(path: Path, card: Path, actual_sha256: str) -> None:
    """Raise DamagedFileError if a fetched file is not the file that its card or receipt records."""
    recorded = read_json_object(card).get("sha256")
    if recorded is not None and recorded != actual_sha256:
        raise DamagedFileError(f"{path}: its sha256 is {actual_sha256}, but {recorded} was fetched", path)


def discard(path: Path, card: Path, rule: str) -> str:
    """Move a damaged file aside in the cache, with its links to it, and return what was done and what to do.

    A file with a verified checksum stays, because a new download would give the same bytes.

    Args:
        path: The fetched file: a link into the cache, or the copy of a local file.
        card: Its card or receipt.
        rule: The rule that fetches it.
    """
    entry, record = path.resolve(), read_json_object(card)
    if not path.is_symlink() or "url" not in read_receipt(entry):
        if entry.name.endswith(DAMAGED_SUFFIX):
            return "run the same command again to download it again"
        return _advise_on_copy(path, record, rule)
    if record.get("verified") and record.get("sha256") == sha256(entry):
        return (
            f"its checksum is the expected one ({record['checked']}), so a new download would give the same file: "
            "check its source in the configuration"
        )
    damaged = entry.with_name(entry.name + DAMAGED_SUFFIX)
    try:
        with lock_entry(entry):
            os.replace(entry, damaged)
            get_receipt_path(entry).unlink(missing_ok=True)
        # The link stays a link to a file until the next run: jobs that are retried find the same damaged file.
        link_entry(damaged, path)
    except OSError as error:
        return (
            f"it cannot be removed from the cache ({error.strerror}): delete {entry} and {get_receipt_path(entry)}, or "
            "ask their owner to, and run the same command again"
        )
    return f"it is moved to {damaged}; run the same command again to download it again"


def _advise_on_copy(path: Path, record: Mapping[str, Any], rule: str) -> str:
    """Return what to do about a damaged file that is not a link into the cache."""
    source = record.get("source", "a local file")
    if record.get("sha256") not in (None, sha256(path)):
        return f"it has changed since it was copied from {source}: run the same command with --forcerun {rule}"
    if source.startswith("training:"):
        return f"the {source} wrote it: run the same command with --forcerun {TRAINING_RULE} to train again"
    if source.startswith("hub:"):
        return f"it is a copy of {source} in the cache of the hub's client: check the source in the configuration"
    return f"it is a copy of {source}: replace that file, and run the same command with --forcerun {rule}"
