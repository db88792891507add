"""Fetch weights from the source in a model's entry: a local file, an address, a model hub, a training, or none."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.download.cache import DownloadSettings, fetch_cached
from samgap.download.checksums import has_matching_checksums
from samgap.download.damaged import TRAINING_RULE
from samgap.download.errors import ChecksumMismatch, Unavailable
from samgap.download.fetch import download_file
from samgap.download.hub import describe_hub_source, fetch_from_hub
from samgap.errors import UserError
from samgap.io.files import atomic_write, read_json
from samgap.io.redaction import redact, redact_url

ROOT = Path(__file__).parents[3]
"""The repository: `path` is relative to it."""

_RESULT_KEYS = ("source", "sha256", "size", "checked", "verified")

logger = logging.getLogger("samgap")


def fetch_weights(
    source: Mapping[str, Any] | None,
    target: str | Path,
    *,
    skip_unavailable: bool,
    trained_weights: str | Path | None = None,
    trained_card: str | Path | None = None,
    settings: DownloadSettings | None = None,
) -> dict[str, Any]:
    """Fetch the weights of a model and verify them.

    Args:
        source: A model's `weights`: one of `path`, `url`, `hub` (with `file` and `revision`) or `training`, and
            optionally `sha256`, `md5`, `size` (bytes) and `second-hand`. None for a model without weights.
        target: The weights file to write; a file from the network becomes a link into the cache.
        skip_unavailable: Whether weights that cannot be downloaded become an empty file instead of an error.
        trained_weights: The weights file of the training, for a source `training`.
        trained_card: The `checkpoint.json` of the training.
        settings: The cache, the mirrors and the number of connections.

    Returns:
        The card: `status` (`available` or `unavailable`), `why` (the reason, if unavailable), `source`, `sha256`,
        `size` (bytes), `checked` (the result of the verification as a text) and `verified` (whether they have a
        SHA-256 or MD5 that their owner states). The last four are None without a weights file.

    Raises:
        UserError: If a checksum differs, a local file does not exist, or, unless `skip_unavailable`, the weights cannot
            be downloaded.
    """
    if source is None:
        return _write_empty_weights(target, "available", None, "none")
    name = describe_source(source)
    try:
        result = _fetch(source, target, name, trained_weights, trained_card, settings or DownloadSettings())
    except Unavailable as error:
        if not skip_unavailable:
            raise
        logger.warning(
            "warning: weights not available (%s); everything that needs them is skipped. "
            "To try again later, add to the command: --forcerun checkpoint",
            error,
        )
        return _write_empty_weights(target, "unavailable", redact(str(error)), name)
    return {"status": "available", "why": None, **{key: result[key] for key in _RESULT_KEYS}}


def describe_source(source: Mapping[str, Any]) -> str:
    """Return the name of a source in messages and cards.

    It is its path, its address, `hub:<id>/<file>@<revision>` or `training:<id>`.
    """
    if "hub" in source:
        return describe_hub_source(source)
    if "training" in source:
        return f"training:{source['training']}"
    if "path" in source:
        return str(source["path"])
    if "url" in source:
        return redact_url(source["url"])
    raise UserError(f"weights {dict(source)}: one of path, url, hub or training is needed")


def _fetch(
    source: Mapping[str, Any],
    target: str | Path,
    name: str,
    trained_weights: str | Path | None,
    trained_card: str | Path | None,
    settings: DownloadSettings,
) -> dict[str, Any]:
    checks = {key: source[key] for key in ("sha256", "md5", "size") if key in source}
    expected: dict[str, Any] = {"name": name, "second_hand": source.get("second-hand", False), **checks}
    if "training" in source:
        weights, trained_checks = _read_training_card(trained_weights, trained_card)
        try:
            return download_file(weights, target, **{**trained_checks, **expected})
        except ChecksumMismatch as error:
            if has_matching_checksums(error.actual, trained_checks):
                raise
            raise UserError(
                f"{name}: {weights} is not the file that the training wrote; run the same command with --forcerun "
                f"{TRAINING_RULE} to train again"
            ) from error
    if "hub" in source:
        return fetch_from_hub(source, target, settings, **expected)
    if "path" in source:
        return download_file(str(ROOT / Path(source["path"]).expanduser()), target, **expected)
    return fetch_cached(source["url"], target, settings, **expected)


def _read_training_card(weights: str | Path | None, card: str | Path | None) -> tuple[str, dict[str, Any]]:
    """Return the path of a training's weights, and the checksums that its card states."""
    if weights is None:
        raise ValueError("a source `training` needs the trained weights")
    content = read_json(card) if card else {}
    if content.get("status") == "unavailable":
        raise Unavailable(content["why"])
    return str(weights), {key: content[key] for key in ("sha256", "size") if content.get(key) is not None}


def _write_empty_weights(target: str | Path, status: str, reason: str | None, source: str) -> dict[str, Any]:
    with atomic_write(target):
        pass
    return {"status": status, "why": reason, **dict.fromkeys(_RESULT_KEYS), "source": source}
