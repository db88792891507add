"""Weights from a model hub: its own client asks, and each refusal is one line with the page and the setting.

The client (`huggingface_hub`) knows the token, the endpoint, whether to stay offline, and its own cache; the bytes come
through `samgap.download.cache` like all others: the client would start a killed download from its first byte again.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from requests.auth import AuthBase

from samgap.download.cache import DownloadSettings, fetch_cached, link_cached
from samgap.download.fetch import download_file, mirror_urls, verify_checksums
from samgap.download.http import Unavailable
from samgap.errors import UserError


class _BearerAuth(AuthBase):
    """The token, for the hub alone: requests drops it where the hub sends us on to another host."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def describe_hub_source(source: Mapping[str, Any]) -> str:
    return f"hub:{source['hub']}/{source['file']}@{source.get('revision', 'main')}"


def fetch_from_hub(
    source: Mapping[str, Any],
    target: str | Path,
    settings: DownloadSettings,
    *,
    name: str,
    second_hand: bool = False,
    **checks: Any,
) -> dict[str, Any]:
    """Bring `file` of the hub's `hub` at `revision` to `target`; arguments and result are those of `fetched`.

    A file that the cache or the client's own cache holds at a fixed revision is taken without a request. The hub's
    own sha256, where it states one, must hold whatever the configuration says.
    """
    # The client reads its settings from the environment when it is imported: after the configuration, not before.
    from huggingface_hub import constants, errors, get_token, hf_hub_url, try_to_load_from_cache

    repository, file, revision = source["hub"], source["file"], source.get("revision", "main")
    endpoint = os.environ.get("HF_ENDPOINT", constants.ENDPOINT).rstrip("/")
    given: dict[str, Any] = {"name": name, "second_hand": second_hand, **checks}
    try:
        url = hf_hub_url(repository, file, revision=revision, endpoint=endpoint)
    except errors.HFValidationError as error:
        raise UserError(f"{name}: not a valid hub id") from error
    fixed = re.fullmatch("[0-9a-f]{40}", revision) is not None
    offline = constants.is_offline_mode()
    if fixed or offline:
        if found := link_cached(url, target, settings, **given):
            return found
        cached = try_to_load_from_cache(repository, file, revision=revision)
        if isinstance(cached, str):
            return download_file(cached, target, **given)
    token = get_token()
    if token is not None and not (token.isascii() and token.isprintable()):
        raise Unavailable(f"{name}: the token holds characters that no token has; set HF_TOKEN to it once more")
    given["auth"] = _BearerAuth(token) if token else None
    if not offline and mirror_urls(url, settings.mirrors):
        try:
            return fetch_cached(url, target, settings, **given)
        except Unavailable:
            settings = DownloadSettings(settings.cache, {}, settings.connections)  # why, the hub itself can tell
    stated = _request_metadata(url, endpoint, source, name, token)
    if "sha256" in stated:
        # What the hub states of its own file is first-hand: told before gigabytes come, and then held on to.
        verify_checksums(stated, {key: checks[key] for key in checks.keys() & stated.keys()}, second_hand, name)
        given |= {"md5": None, "second_hand": False, **stated}
    return fetch_cached(url, target, settings, **given)


def _request_metadata(
    url: str, endpoint: str, source: Mapping[str, Any], name: str, token: str | None
) -> dict[str, Any]:
    """What the hub states of a file: `size`, and `sha256` for a large one. Each refusal is Unavailable, in one line."""
    import httpx
    from huggingface_hub import constants, errors, get_hf_file_metadata
    from huggingface_hub.utils import logging

    # It tells each of its tries on the terminal, two lines each; what came of them is told below, in one.
    logging.set_verbosity_error()
    page = f"{endpoint}/{source['hub']}"
    tokens = f"{endpoint}/settings/tokens"
    if token is None:
        access = f"ask for access at {page}, then set HF_TOKEN to a token from {tokens}"
    else:
        access = (
            f"the token in use has no access: ask for it at {page} (once granted, a fine-grained token must also allow "
            f"gated repositories: {tokens}), or set HF_TOKEN to another one"
        )
    try:
        found = get_hf_file_metadata(url, token=token or False, endpoint=endpoint, retry_on_errors=True)
    # No message of the client is passed on: it is long, and might quote the request.
    except errors.GatedRepoError as error:
        if token and "awaiting" in (error.server_message or "").lower():
            access = f"access was asked for and is not yet granted: see {page}, and run again with this HF_TOKEN then"
        raise Unavailable(f"{name}: gated; {access}") from error
    except errors.RevisionNotFoundError as error:
        raise Unavailable(f"{name}: no such revision; see {page}/commits/main (all 40 digits are needed)") from error
    except errors.RemoteEntryNotFoundError as error:
        raise Unavailable(f"{name}: no such file; see {page}/tree/main") from error
    except errors.RepositoryNotFoundError as error:
        raise Unavailable(f"{name}: not there, or private; {access}") from error
    except errors.OfflineModeIsEnabled as error:
        raise Unavailable(
            f"{name}: HF_HUB_OFFLINE is set and the file is in no cache (the run's, or {constants.HF_HUB_CACHE}); "
            f"unset it, or run `snakemake fetch` where there is a network; the file's page is {page}"
        ) from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status == 401 and token:
            raise Unavailable(
                f"{name}: the hub refuses the token (401); make a new one at {tokens}, set HF_TOKEN to it, "
                f"and see at {page} that it has access"
            ) from error
        raise Unavailable(_describe_status(name, status, endpoint, access)) from error
    except (httpx.HTTPError, OSError) as error:
        raise Unavailable(
            f"{name}: {endpoint} cannot be reached ({type(error).__name__}); check the network, or HF_ENDPOINT; "
            f"where there is none, run `snakemake fetch` elsewhere, or take the file from {page} and name it as `path`"
        ) from error
    if found.commit_hash is None or found.etag is None:
        raise Unavailable(f"{name}: {endpoint} answers, but is no hub; check HF_ENDPOINT")
    stated: dict[str, Any] = {"size": found.size} if found.size is not None else {}
    if re.fullmatch("[0-9a-f]{64}", found.etag):
        stated["sha256"] = found.etag
    return stated


def _describe_status(name: str, status: int, endpoint: str, hint: str) -> str:
    if status in (401, 403):
        return f"{name}: {endpoint} answers {status}; {hint}"
    if status == 404:
        return f"{name}: {endpoint} answers 404, nothing is there; check the hub id, file and revision"
    return f"{name}: {endpoint} answers {status}; try again later"
