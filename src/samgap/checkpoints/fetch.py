"""Weights from where a model's entry says: a file of the repository, an address, a hub, a training, or none."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.code import PACKAGE
from samgap.download import Unavailable, download, shown
from samgap.errors import UserError
from samgap.files import read_json, replacing

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
) -> dict[str, Any]:
    """Bring the weights that `source` (a model's `weights`) names to `target`, whole and checked.

    `source` has one of `path`, `url`, `hub` (with `file` and `revision`) or `training` (then `trained` and
    `trained_card` are its files), and may have `sha256`, `md5`, `size` (bytes) and `second-hand`; None is a
    model without weights.
    With `skip_unavailable`, weights that an address or hub does not give are an empty file and a card that says
    why; otherwise, and for a checksum that differs or a missing local file, UserError is raised.
    Returns the card: `status` (available or unavailable), `why`, `source`, `sha256`, `size` (bytes).
    """
    if source is None:
        return _empty(target, "available", None, "none")
    checks = {key: source[key] for key in ("sha256", "md5", "size") if key in source}
    name = source_name(source)
    try:
        if "training" in source:
            place, made = _trained(trained, trained_card)
            checks = made | checks
        elif "hub" in source:
            place = str(_from_hub(source))
        else:
            place = str(ROOT / source["path"]) if "path" in source else source["url"]
        found = download(place, target, **checks, second_hand=source.get("second-hand", False), name=name)
    except Unavailable as error:
        if not skip_unavailable:
            raise
        logger.warning(
            "warning: weights not available (%s); what needs them is skipped. "
            "To try again later: snakemake --forcerun checkpoint",
            error,
        )
        return _empty(target, "unavailable", str(error), name)
    return {"status": "available", "why": None, **{key: found[key] for key in ("source", "sha256", "size")}}


def source_name(source: Mapping[str, Any]) -> str:
    """How messages and the card name a source: its path, its address, `hub:<id>/<file>@<revision>`, `training:<id>`."""
    if "hub" in source:
        return f"hub:{source['hub']}/{source['file']}@{source.get('revision', 'main')}"
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
    return {"status": status, "why": why, "source": source, "sha256": None, "size": None}


def _from_hub(source: Mapping[str, Any]) -> Path:
    """The file in the hub client's own cache, fetched if it is not there yet; each refusal in one line."""
    # The client reads its settings from the environment when it is imported: after the configuration, not before.
    import httpx
    from huggingface_hub import constants, errors, get_token, hf_hub_download

    repository, what = source["hub"], source_name(source)
    endpoint = os.environ.get("HF_ENDPOINT", constants.ENDPOINT).rstrip("/")
    page = f"{endpoint}/{repository}"
    if get_token() is None:
        access = f"ask for access at {page}, then set HF_TOKEN to a token from {endpoint}/settings/tokens"
    else:
        access = f"the token in use has no access: ask for it at {page}, or set HF_TOKEN to another one"
    try:
        return Path(
            hf_hub_download(repository, source["file"], revision=source.get("revision"), endpoint=endpoint, token=None)
        )
    # No message of the client is passed on: it is long, and might quote the request.
    except errors.GatedRepoError as error:
        raise Unavailable(f"{what}: gated; {access}") from error
    except errors.RevisionNotFoundError as error:
        raise Unavailable(f"{what}: no such revision; see {page}/commits/main (all 40 digits are needed)") from error
    except errors.RemoteEntryNotFoundError as error:
        raise Unavailable(f"{what}: no such file; see {page}/tree/main") from error
    except errors.RepositoryNotFoundError as error:
        raise Unavailable(f"{what}: not there, or private; {access}") from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        if constants.is_offline_mode():
            raise Unavailable(
                f"{what}: HF_HUB_OFFLINE is set and the file is not in the cache ({constants.HF_HUB_CACHE}); "
                "unset it, or fetch the file first where there is a network"
            ) from error
        status = getattr(getattr(error.__cause__, "response", None), "status_code", None)
        raise Unavailable(_answered(what, status, endpoint, access)) from error
    except errors.HfHubHTTPError as error:
        raise Unavailable(_answered(what, error.response.status_code, endpoint, access)) from error
    except httpx.HTTPError as error:
        raise Unavailable(f"{what}: the connection was lost ({type(error).__name__}); run again to go on") from error
    except errors.HFValidationError as error:
        raise UserError(f"{what}: not a valid hub id") from error


def _answered(what: str, status: int | None, endpoint: str, access: str) -> str:
    if status is None:
        return f"{what}: {endpoint} cannot be reached, or is no hub; check the network, or HF_ENDPOINT"
    if status in (401, 403):
        return f"{what}: {endpoint} answers {status}; {access}"
    if status == 404:
        return f"{what}: {endpoint} answers 404, nothing is there; check the hub id, file and revision"
    return f"{what}: {endpoint} answers {status}; try again later"
