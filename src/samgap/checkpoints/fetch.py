"""Weights from where a model's entry says: a file, an address, a hub, a training, or none."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.download.cache import DownloadSettings, fetch_cached
from samgap.download.fetch import download_file
from samgap.download.http import Unavailable, redact_url
from samgap.download.hub import describe_hub_source, fetch_from_hub
from samgap.errors import UserError
from samgap.io.files import atomic_write, read_json

ROOT = Path(__file__).parents[3]
"""The repository: `path` is relative to it."""

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
    """Bring the weights that `source` (a model's `weights`) names to `target`, whole and checked.

    `source` has one of `path`, `url`, `hub` (with `file` and `revision`) or `training` (then `trained` and
    `trained_card` are its files), and may have `sha256`, `md5`, `size` (bytes) and `second-hand`; None is a
    model without weights. What comes over the network goes through the cache of `how`.
    With `skip_unavailable`, weights that an address or hub does not give are an empty file and a card that says
    why; otherwise, and for a checksum that differs or a missing local file, UserError is raised.
    Returns the card: `status` (available or unavailable), `why`, `source`, `sha256`, `size` (bytes), `checked`.
    """
    if source is None:
        return _write_empty_weights(target, "available", None, "none")
    settings = settings or DownloadSettings()
    checks = {key: source[key] for key in ("sha256", "md5", "size") if key in source}
    given: dict[str, Any] = {"name": describe_source(source), "second_hand": source.get("second-hand", False)}
    try:
        if "training" in source:
            weights, made = _read_training_card(trained_weights, trained_card)
            found = download_file(weights, target, **{**made, **checks}, **given)
        elif "hub" in source:
            found = fetch_from_hub(source, target, settings, **checks, **given)
        elif "path" in source:
            found = download_file(str(ROOT / Path(source["path"]).expanduser()), target, **checks, **given)
        else:
            found = fetch_cached(source["url"], target, settings, **checks, **given)
    except Unavailable as error:
        if not skip_unavailable:
            raise
        logger.warning(
            "warning: weights not available (%s); what needs them is skipped. "
            "To try again later, add to the command: --forcerun checkpoint",
            error,
        )
        return _write_empty_weights(target, "unavailable", str(error), given["name"])
    return {"status": "available", "why": None, **{key: found[key] for key in ("source", "sha256", "size", "checked")}}


def describe_source(source: Mapping[str, Any]) -> str:
    """How messages and the card name a source: its path, its address, `hub:<id>/<file>@<revision>`, `training:<id>`."""
    if "hub" in source:
        return describe_hub_source(source)
    if "training" in source:
        return f"training:{source['training']}"
    if "path" in source:
        return str(source["path"])
    if "url" in source:
        return redact_url(source["url"])
    raise UserError(f"weights {dict(source)}: one of path, url, hub or training is needed")


def _read_training_card(weights: str | Path | None, card: str | Path | None) -> tuple[str, dict[str, Any]]:
    """A training's weights and the checksums that its card states."""
    if weights is None:
        raise ValueError("a source `training` needs the trained weights")
    made = read_json(card) if card else {}
    if made.get("status") == "unavailable":
        raise Unavailable(made["why"])
    return str(weights), {key: made[key] for key in ("sha256", "size") if made.get(key) is not None}


def _write_empty_weights(target: str | Path, status: str, reason: str | None, source: str) -> dict[str, Any]:
    with atomic_write(target):
        pass
    return {"status": status, "why": reason, "source": source, "sha256": None, "size": None, "checked": None}
