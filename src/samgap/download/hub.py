"""Weights from a model hub: metadata through the hub's client, the file through samgap.download.cache.

The client (`huggingface_hub`) provides the token, the endpoint, the offline mode and its cache. It does not download
the file, because it would start a killed download again from the first byte.
"""

import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from requests.auth import AuthBase

from samgap.download.cache import DownloadSettings, fetch_cached, link_cached
from samgap.download.checksums import verify_checksums
from samgap.download.client_cache import copy_from_client_cache
from samgap.download.errors import Unavailable, Unreachable
from samgap.download.fetch import list_mirror_urls
from samgap.errors import UserError
from samgap.io.redaction import hide, redact_url

logger = logging.getLogger("samgap")


class _BearerAuth(AuthBase):
    """Authentication with a token. Requests drops it when the hub redirects to another host."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


@dataclass(frozen=True)
class _HubFile:
    """A file on the hub, with its name and the addresses of pages for messages."""

    url: str
    name: str
    endpoint: str
    repository: str
    token: str | None

    @property
    def site(self) -> str:
        """The endpoint without credentials, for messages."""
        return redact_url(self.endpoint)

    @property
    def page(self) -> str:
        """The address of the model's page."""
        return f"{self.site}/{self.repository}"

    @property
    def tokens_page(self) -> str:
        """The address of the page where tokens are created."""
        return f"{self.site}/settings/tokens"

    @property
    def access_hint(self) -> str:
        """Advice for the user when the hub denies access."""
        if self.token is None:
            return f"request access at {self.page}, then set HF_TOKEN to a token from {self.tokens_page}"
        return (
            f"the token in use has no access: request it at {self.page} (a fine-grained token must also allow gated "
            f"repositories: {self.tokens_page}), or set HF_TOKEN to another one"
        )


def describe_hub_source(source: Mapping[str, Any]) -> str:
    """Return the name of a hub file in messages and cards: `hub:<id>/<file>@<revision>`."""
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
    """Download a file of a model hub through the cache.

    At a fixed revision, a file in the cache of this package, or an undamaged one in that of the client, is used without
    a request. The SHA-256 that the hub states is always verified, also if the configuration has no checksum. If the hub
    cannot be reached, a file in the cache of this package is used, with a warning.

    Args:
        source: `hub` (owner/name), `file`, and `revision` (default main).
        target: The path that becomes a link to the cached file.
        settings: The cache, the mirrors and the number of connections.
        name: The file's name in messages and the result.
        second_hand: Whether a difference from `checks` is a warning instead of an error.
        checks: The expected `sha256`, `md5` and `size`.

    Returns:
        The result of `samgap.download.fetch.download_file`.

    Raises:
        Unavailable: If the hub denies access, the file does not exist, or the hub cannot be reached.
        UserError: If the file differs from the expected checksums.
    """
    # The client reads the environment when it is imported, so it must not be imported with this module.
    from huggingface_hub import constants, errors, get_token, hf_hub_url

    repository, filename, revision = source["hub"], source["file"], source.get("revision", "main")
    endpoint = os.environ.get("HF_ENDPOINT", constants.ENDPOINT).rstrip("/")
    expected: dict[str, Any] = {"name": name, "second_hand": second_hand, **checks}
    try:
        url = hf_hub_url(repository, filename, revision=revision, endpoint=endpoint)
    except errors.HFValidationError as error:
        raise UserError(f"{name}: not a valid hub id") from error
    is_fixed_revision = re.fullmatch("[0-9a-f]{40}", revision) is not None
    is_offline = constants.is_offline_mode()
    if is_fixed_revision or is_offline:
        if result := link_cached(url, target, settings, **expected):
            return result
        if result := copy_from_client_cache(source, target, **expected):
            return result
    token = get_token()
    if token is not None and not (token.isascii() and token.isprintable()):
        raise Unavailable(f"{name}: the token has invalid characters; set HF_TOKEN again")
    hide(token or "")
    auth = _BearerAuth(token) if token else None
    if not is_offline and list_mirror_urls(url, settings.mirrors):
        try:
            return fetch_cached(url, target, settings, auth=auth, **expected)
        except Unavailable:
            # The request to the hub below reports a better reason.
            settings = DownloadSettings(settings.cache, {}, settings.connections)
    try:
        stated = _request_metadata(_HubFile(url, name, endpoint, repository, token))
    except Unreachable as error:
        if result := link_cached(url, target, settings, **expected):
            logger.warning("warning: the file in the cache is used, which may not be the newest (%s)", error)
            return result
        raise
    if "sha256" in stated:
        # The values of the hub are first-hand. They are compared with the configured values before a long download,
        # and required after it.
        verify_checksums(stated, {key: checks[key] for key in checks.keys() & stated.keys()}, second_hand, name)
        expected |= {"md5": None, "second_hand": False, **stated}
    return fetch_cached(url, target, settings, auth=auth, **expected)


def _request_metadata(file: _HubFile) -> dict[str, Any]:
    """Request the metadata of a file from the hub: `size`, and for a large file `sha256`."""
    from huggingface_hub import get_hf_file_metadata
    from huggingface_hub.utils import logging

    # The client logs two lines for each retry; the exception below has the same information in one line.
    logging.set_verbosity_error()
    with _translate_errors(file):
        metadata = get_hf_file_metadata(
            file.url, token=file.token or False, endpoint=file.endpoint, retry_on_errors=True
        )
    if metadata.commit_hash is None or metadata.etag is None:
        raise Unavailable(f"{file.name}: {file.site} responds, but is not a model hub; check HF_ENDPOINT")
    stated: dict[str, Any] = {"size": metadata.size} if metadata.size is not None else {}
    if re.fullmatch("[0-9a-f]{64}", metadata.etag):
        stated["sha256"] = metadata.etag
    return stated


@contextmanager
def _translate_errors(file: _HubFile) -> Iterator[None]:
    """Raise Unavailable, with a message of one line, for each exception of the hub's client.

    The messages of the client are not included: they are long, and may quote the request.
    """
    import httpx
    from huggingface_hub import constants, errors

    name, page = file.name, file.page
    try:
        yield
    except errors.GatedRepoError as error:
        hint = file.access_hint
        if file.token and "awaiting" in (error.server_message or "").lower():
            hint = f"access is requested but not yet granted: see {page}, and run again with this HF_TOKEN then"
        raise Unavailable(f"{name}: gated; {hint}") from error
    except errors.RevisionNotFoundError as error:
        raise Unavailable(f"{name}: no such revision; see {page}/commits/main (all 40 digits are needed)") from error
    except errors.RemoteEntryNotFoundError as error:
        raise Unavailable(f"{name}: no such file; see {page}/tree/main") from error
    except errors.RepositoryNotFoundError as error:
        raise Unavailable(f"{name}: does not exist, or is private; {file.access_hint}") from error
    except errors.OfflineModeIsEnabled as error:
        raise Unavailable(
            f"{name}: HF_HUB_OFFLINE is set and the file is in no cache (the run's, or {constants.HF_HUB_CACHE}); "
            f"unset it, or run `snakemake fetch` on a machine with a network; the file's page is {page}"
        ) from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        exception = Unreachable if status >= 500 or status == 429 else Unavailable
        raise exception(_describe_status(file, status)) from error
    except (httpx.HTTPError, OSError) as error:
        raise Unreachable(
            f"{name}: {file.site} cannot be reached ({type(error).__name__}); check the network, or HF_ENDPOINT; "
            f"without a network, run `snakemake fetch` elsewhere, or download the file from {page} and set `path`"
        ) from error


def _describe_status(file: _HubFile, status: int) -> str:
    if status == 401 and file.token:
        return (
            f"{file.name}: the hub refuses the token (401); create a new one at {file.tokens_page}, set HF_TOKEN to "
            f"it, and check at {file.page} that it has access"
        )
    if status in (401, 403):
        return f"{file.name}: {file.site} responds {status}; {file.access_hint}"
    if status == 404:
        return f"{file.name}: {file.site} responds 404, not found; check the hub id, file and revision"
    return f"{file.name}: {file.site} responds {status}; try again later"
