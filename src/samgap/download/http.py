"""HTTP requests and responses; a refused request or a lost connection raises an exception with a one-line message."""

import http.client
import re
from collections.abc import Iterator, Mapping
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from samgap.download.errors import Unavailable, Unreachable
from samgap.errors import UserError
from samgap.io.addresses import split_address
from samgap.io.files import CHUNK_BYTES
from samgap.io.redaction import hide, redact, redact_url
from samgap.io.variables import MissingVariable, expand_variables


class ConnectionCut(Exception):
    """The connection was lost before the end of the file."""


def open_session(connections: int, max_retries: int, backoff_s: float) -> requests.Session:
    """Return a session that retries requests.

    Args:
        connections: The number of simultaneous connections.
        max_retries: The maximum number of retries of a request.
        backoff_s: The n-th retry waits `backoff_s` * 2**n seconds, or as long as the server's Retry-After says.
    """
    retry = urllib3.Retry(
        total=max_retries,
        backoff_factor=backoff_s,
        status_forcelist=(408, 429, 500, 502, 503, 504),
        raise_on_status=False,
        retry_after_max=120,
    )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry, pool_maxsize=connections))
    return session


def get_response(
    session: requests.Session, url: str, headers: Mapping[str, str], auth: AuthBase | None
) -> requests.Response:
    """Send a GET request and return the response, whose body is not read yet.

    References to environment variables in `url` are replaced only here: no file and no message has their values.

    Raises:
        Unreachable: If the server cannot be reached.
        Unavailable: If a variable is not set.
        UserError: If `url` is not a valid address.
    """
    headers = {"Accept-Encoding": "identity", **headers}
    try:
        response = session.get(expand_variables(url), headers=headers, stream=True, timeout=(20, 60), auth=auth)
    except MissingVariable as error:
        raise Unavailable(str(error)) from error
    except (
        requests.exceptions.InvalidURL,
        requests.exceptions.InvalidSchema,
        requests.exceptions.MissingSchema,
    ) as error:
        raise UserError(f"{redact_url(url)}: not a valid address") from error
    except (requests.exceptions.SSLError, requests.exceptions.ProxyError) as error:
        raise Unreachable(
            f"{redact_url(url)}: no secure connection ({type(error).__name__}); check the proxy"
        ) from error
    except requests.RequestException as error:
        raise Unreachable(
            f"{redact_url(url)}: cannot be reached ({type(error).__name__}); "
            "check the network, or run `snakemake fetch` on a machine with a network"
        ) from error
    for redirect in response.history:
        # A server can sign the address of its storage.
        hide(split_address(redirect.headers.get("Location", "")).query)
    return response


def iter_blocks(response: requests.Response) -> Iterator[bytes]:
    """Yield the body as it is on the server (without decompression); a lost connection raises ConnectionCut."""
    try:
        # read1 returns the received bytes without waiting for a full block, so a kill or a reset loses none of them.
        while block := response.raw.read1(CHUNK_BYTES // 4, decode_content=False):
            yield block
    except (urllib3.exceptions.HTTPError, ConnectionError, TimeoutError) as error:
        raise ConnectionCut(type(error).__name__) from error


def make_http_error(url: str, response: requests.Response) -> Unavailable:
    """Close a response without the file, and return the exception for its status."""
    response.close()
    # Not the server's own phrase, which could repeat the request.
    phrase = http.client.responses.get(response.status_code, "")
    status = f"{redact_url(url)}: the server responds {response.status_code} {phrase}".rstrip()
    if response.status_code in (401, 403):
        return Unavailable(f"{status}: this run has no access")
    if response.status_code in (404, 410):
        return Unavailable(f"{status}: there is no such file; check the address in the configuration")
    return Unreachable(f"{status}; try again later")


def parse_validators(response: requests.Response) -> dict[str, Any]:
    """Return `etag` and `modified` of a response, which identify a version of the file; each may be None.

    A value in which the server repeats a credential is None, because receipts have it.
    """
    validators = {"etag": response.headers.get("ETag"), "modified": response.headers.get("Last-Modified")}
    return {key: None if value and redact(value) != value else value for key, value in validators.items()}


def parse_content_range(response: requests.Response) -> tuple[int | None, int | None]:
    """Return first byte and total length of the header `Content-Range` (`bytes 10-99/100`, `bytes */100`)."""
    match = re.match(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("Content-Range", ""))
    if not match:
        return None, None
    first, total = match.groups()
    return (int(first) if first else None), (int(total) if total.isdecimal() else None)
