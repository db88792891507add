"""Weights from where a model's entry says: a file, an address, a hub, a training, or none."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.cache import Settings, fetched
from samgap.checkpoints.hub import from_hub, hub_name
from samgap.code import PACKAGE
from samgap.download import download
from samgap.errors import UserError
from samgap.files import read_json, replacing
from samgap.web import Unavailable, shown

ROOT = PACKAGE.parents[1]
"""The repository: `path` is relative to it."""

logger = logging.getLogger("samgap")


def fetch(
    source: Mapping[str, Any] | None,
    target: str | Path,
    *,
    skip_unavailable: bool,
    trained: str | Path | None = None,
    trained_card: str | Path | None = None,
    how: Settings | None = None,
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
        return _empty(target, "available", None, "none")
    how = how or Settings()
    checks = {key: source[key] for key in ("sha256", "md5", "size") if key in source}
    given: dict[str, Any] = {"name": source_name(source), "second_hand": source.get("second-hand", False)}
    try:
        if "training" in source:
            weights, made = _trained(trained, trained_card)
            found = download(weights, target, **{**made, **checks}, **given)
        elif "hub" in source:
            found = from_hub(source, target, how, **checks, **given)
        elif "path" in source:
            found = download(str(ROOT / Path(source["path"]).expanduser()), target, **checks, **given)
        else:
            found = fetched(source["url"], target, how, **checks, **given)
    except Unavailable as error:
        if not skip_unavailable:
            raise
        logger.warning(
            "warning: weights not available (%s); what needs them is skipped. "
            "To try again later, add to the command: --forcerun checkpoint",
            error,
        )
        return _empty(target, "unavailable", str(error), given["name"])
    return {"status": "available", "why": None, **{key: found[key] for key in ("source", "sha256", "size", "checked")}}


def source_name(source: Mapping[str, Any]) -> str:
    """How messages and the card name a source: its path, its address, `hub:<id>/<file>@<revision>`, `training:<id>`."""
    if "hub" in source:
        return hub_name(source)
    if "training" in source:
        return f"training:{source['training']}"
    if "path" in source:
        return str(source["path"])
    if "url" in source:
        return shown(source["url"])
    raise UserError(f"weights {dict(source)}: one of path, url, hub or training is needed")


def _trained(weights: str | Path | None, card: str | Path | None) -> tuple[str, dict[str, Any]]:
    """A training's weights and the checksums that its card states."""
    if weights is None:
        raise ValueError("a source `training` needs the trained weights")
    made = read_json(card) if card else {}
    if made.get("status") == "unavailable":
        raise Unavailable(made["why"])
    return str(weights), {key: made[key] for key in ("sha256", "size") if made.get(key) is not None}


def _empty(target: str | Path, status: str, why: str | None, source: str) -> dict[str, Any]:
    with replacing(target):
        pass
    return {"status": status, "why": why, "source": source, "sha256": None, "size": None, "checked": None}
