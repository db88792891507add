"""One request over http, and what its answer says; every way to be refused or cut off is told in one line."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from samgap.errors import UserError
from samgap.io.files import CHUNK_BYTES


class Unavailable(UserError):
    """What was asked for is not to be had: not there, refused, or out of reach."""


class ConnectionCut(Exception):
    """The connection ended before the file did."""


def redact_url(url: str) -> str:
    """The address for messages: without a user's name and password, and without a query, which may hold a key."""
    return re.sub(r"(?<=://)[^/@]*@", "", re.split(r"[?#]", url, maxsplit=1)[0])


def open_session(connections: int, max_retries: int, backoff_s: float) -> requests.Session:
    """A session that repeats a request `tries` times, after `backoff` * 2**n seconds or as Retry-After says."""
    retry = urllib3.Retry(
        total=max_retries,
        backoff_factor=backoff_s,
        status_forcelist=(408, 429, 500, 502, 503, 504),
        raise_on_status=False,
        retry_after_max=120,
    )
    made = requests.Session()
    for scheme in ("http://", "https://"):
        made.mount(scheme, HTTPAdapter(max_retries=retry, pool_maxsize=connections))
    return made


def get_response(
    session: requests.Session, url: str, headers: Mapping[str, str], auth: AuthBase | None
) -> requests.Response:
    """The answer, its body yet to be read as it is on the server. Unavailable where there is none."""
    headers = {"Accept-Encoding": "identity", **headers}
    try:
        return session.get(url, headers=headers, stream=True, timeout=(20, 60), auth=auth)
    except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema) as error:
        raise UserError(f"{redact_url(url)}: not a valid address") from error
    except (requests.exceptions.SSLError, requests.exceptions.ProxyError) as error:
        raise Unavailable(f"{redact_url(url)}: no safe connection ({type(error).__name__}); check the proxy") from error
    except requests.RequestException as error:
        raise Unavailable(
            f"{redact_url(url)}: cannot be reached ({type(error).__name__}); "
            "check the network, or run `snakemake fetch` where there is one"
        ) from error


def iter_blocks(response: requests.Response) -> Iterator[bytes]:
    """The body as it is on the server (a .gz stays one), with every way to lose a connection told as Cut."""
    try:
        # What has come so far, not a full block: a kill or a reset then costs nothing that was here already.
        while block := response.raw.read1(CHUNK_BYTES // 4, decode_content=False):
            yield block
    except (urllib3.exceptions.HTTPError, ConnectionError, TimeoutError) as error:
        raise ConnectionCut(type(error).__name__) from error


def http_error(url: str, response: requests.Response) -> Unavailable:
    """What to raise for a status that brings no file."""
    response.close()
    status = f"{redact_url(url)}: the server answers {response.status_code} {response.reason}"
    if response.status_code in (401, 403):
        return Unavailable(f"{status}: it asks for access that this run does not have")
    if response.status_code in (404, 410):
        return Unavailable(f"{status}: nothing is there; check the address in the configuration")
    return Unavailable(f"{status}; try again later")


def parse_validators(response: requests.Response) -> dict[str, Any]:
    """By what the server tells one version of a file from another: `etag` and `modified`, each may be None."""
    return {"etag": response.headers.get("ETag"), "modified": response.headers.get("Last-Modified")}


def parse_content_range(response: requests.Response) -> tuple[int | None, int | None]:
    """First byte and total of a `Content-Range` (`bytes 10-99/100`, `bytes */100`)."""
    match = re.match(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("Content-Range", ""))
    if not match:
        return None, None
    first, total = match.groups()
    return (int(first) if first else None), (int(total) if total.isdecimal() else None)
