"""Files from the network or the disk: resumed, retried, checked, and moved into place whole.

What has arrived is kept in `<target>.part`, and what it is a part of (the server's ETag or date) in
`<target>.part.json`, so that the next run goes on where this one was stopped.
"""

import hashlib
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from samgap.errors import UserError
from samgap.files import CHUNK, read_json, write_json
from samgap.progress import progress

TRIES = 5
"""How often a request is repeated, and how often a connection may be cut without a byte gained."""
BACKOFF = 0.5
"""Seconds: the n-th wait lasts BACKOFF * 2**n, or what the server's Retry-After says, at most two minutes."""

logger = logging.getLogger("samgap")


class Unavailable(UserError):
    """What was asked for is not to be had: not there, refused, or out of reach."""


class _Cut(Exception):
    """The connection ended before the file did."""


def download(
    url: str,
    target: str | Path,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    size: int | None = None,
    second_hand: bool = False,
    name: str | None = None,
) -> dict[str, Any]:
    """Bring `url` (http, https, file, or a local path) to `target`, whole and checked.

    `size` is in bytes, the checksums are hex. One that differs raises UserError and removes what came, unless
    they are `second_hand` (not published by the file's owner): then it warns. `name` is what messages and the
    result's `source` call the file, by default the URL. Unavailable is raised where the file cannot be had.
    Returns `{"source", "sha256", "md5", "size"}` of what arrived.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    name = name or shown(url)
    part = target.with_name(target.name + ".part")
    note = part.with_name(part.name + ".json")
    local = _local(url)
    if local is None:
        _fetch(url, part, note, None if second_hand else size)
    else:
        try:
            shutil.copyfile(local, part)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise UserError(f"{name}: cannot be copied ({error.strerror or error})") from error
    found = checksums(part)
    for key, wanted in {"size": size, "sha256": sha256, "md5": md5}.items():
        if wanted is None or str(found[key]) == str(wanted).lower():
            continue
        differs = f"{name}: {key} is {found[key]}, not {wanted} as configured"
        if not second_hand:
            _forget(part, note)
            raise UserError(f"{differs}; what came was removed: check the source, or the configured {key}")
        logger.warning(
            "warning: %s, which is second-hand: kept; put %s %s into the configuration to hold on to it",
            *(differs, "sha256", found["sha256"]),
        )
    os.replace(part, target)
    note.unlink(missing_ok=True)
    return {"source": name, **found}


def checksums(path: str | Path) -> dict[str, Any]:
    """`sha256` and `md5` (hex) and `size` (bytes) of a file, read once."""
    strong, weak, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with open(path, "rb") as stream:
        while block := stream.read(CHUNK):
            strong.update(block)
            weak.update(block)
            size += len(block)
    return {"sha256": strong.hexdigest(), "md5": weak.hexdigest(), "size": size}


def shown(url: str) -> str:
    """The address for messages: without a user's name and password."""
    return re.sub(r"(?<=://)[^/@]*@", "", url)


def _local(url: str) -> Path | None:
    scheme = urlsplit(url).scheme
    if scheme == "file":
        return Path(unquote(urlsplit(url).path))
    if scheme in ("http", "https"):
        return None
    if "://" in url:
        raise UserError(f"{url}: only http, https and file addresses or local paths can be fetched")
    return Path(url)


def _forget(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _fetch(url: str, part: Path, note: Path, size: int | None) -> None:
    """Fill `part` from an http address; ask on from where it ends after each cut."""
    failures, most = 0, -1
    with _session() as session:
        while True:
            try:
                if _ask(session, url, part, note, size):
                    return
            except _Cut as cut:
                have = _length(part)
                failures = 0 if have > most else failures + 1
                most = max(most, have)
                if failures >= TRIES:
                    raise Unavailable(
                        f"{shown(url)}: the connection was cut {failures + 1} times at {have} bytes ({cut}); "
                        "run again to go on from there"
                    ) from cut
                logger.info("%s: cut at %d bytes (%s); going on", shown(url), have, cut)
                time.sleep(min(BACKOFF * 2**failures, 120))


def _session() -> requests.Session:
    retry = urllib3.Retry(
        total=TRIES,
        backoff_factor=BACKOFF,
        status_forcelist=(429, 500, 502, 503, 504),
        raise_on_status=False,
        retry_after_max=120,
    )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


def _ask(session: requests.Session, url: str, part: Path, note: Path, size: int | None) -> bool:
    """One request for what is missing. True: the file is whole; False: what was there is void, ask again."""
    have, known = _length(part), _known(note, url)
    # Only a server that names its versions lets a part be continued safely.
    resume = have > 0 and bool(known.get("etag") or known.get("modified"))
    headers = {"Accept-Encoding": "identity"}
    if resume:
        headers["Range"] = f"bytes={have}-"
        # If-Range takes strong validators alone; a weak one is compared below.
        etag = known.get("etag")
        validator = known.get("modified") if not etag or etag.startswith("W/") else etag
        if validator:
            headers["If-Range"] = validator
    try:
        response = session.get(url, headers=headers, stream=True, timeout=(20, 60))
    except requests.exceptions.InvalidURL as error:
        raise UserError(f"{shown(url)}: not a valid address") from error
    except (requests.exceptions.SSLError, requests.exceptions.ProxyError) as error:
        raise Unavailable(f"{shown(url)}: no safe connection ({type(error).__name__}); check the proxy") from error
    except requests.RequestException as error:
        raise Unavailable(f"{shown(url)}: cannot be reached ({type(error).__name__}); check the network") from error
    with response:
        seen = {"etag": response.headers.get("ETag"), "modified": response.headers.get("Last-Modified")}
        first, total = _range(response)
        if response.status_code == 416 and resume:
            if total == have and _agree(known, seen):
                return True
            _forget(part, note)
            return False
        if response.status_code != 200 and not (response.status_code == 206 and resume):
            raise _refused(url, response)
        if response.status_code == 206:
            if first != have or not _agree(known, seen) or total not in (None, known.get("total")):
                _forget(part, note)
                return False
        else:
            have = 0
            length = response.headers.get("Content-Length", "")
            total = int(length) if length.isdecimal() else None
            _forget(part)
            write_json(note, {"url": shown(url), "total": total, **seen})
        if size is not None and total not in (None, size):
            _forget(part, note)
            raise UserError(f"{shown(url)}: the server holds {total} bytes, not {size} as configured")
        _receive(response, part, have, total)
    return True


def _receive(response: requests.Response, part: Path, have: int, total: int | None) -> None:
    with open(part, "ab") as stream, progress(part.stem, total, "B", have) as step:
        for block in _blocks(response):
            stream.write(block)
            step(len(block))
    if total is not None and _length(part) != total:
        raise _Cut(f"{_length(part)} of {total} bytes")


def _blocks(response: requests.Response) -> Iterator[bytes]:
    """The body as it is on the server (a .gz stays one), with every way to lose a connection told as one."""
    try:
        yield from response.raw.stream(CHUNK // 4, decode_content=False)
    except (urllib3.exceptions.HTTPError, ConnectionError, TimeoutError) as error:
        raise _Cut(type(error).__name__) from error


def _refused(url: str, response: requests.Response) -> Unavailable:
    status = f"{shown(url)}: the server answers {response.status_code} {response.reason}"
    if response.status_code in (401, 403):
        return Unavailable(f"{status}: it asks for access that this run does not have")
    if response.status_code in (404, 410):
        return Unavailable(f"{status}: nothing is there; check the address in the configuration")
    return Unavailable(f"{status}; try again later")


def _range(response: requests.Response) -> tuple[int | None, int | None]:
    """First byte and total of a `Content-Range` (`bytes 10-99/100`, `bytes */100`)."""
    match = re.match(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("Content-Range", ""))
    if not match:
        return None, None
    first, total = match.groups()
    return (int(first) if first else None), (int(total) if total.isdecimal() else None)


def _agree(known: dict[str, Any], seen: dict[str, Any]) -> bool:
    """Do two answers speak of one version of the file? What an answer leaves out says nothing."""
    return all(seen[key] is None or known.get(key) in (None, seen[key]) for key in seen)


def _known(note: Path, url: str) -> dict[str, Any]:
    try:
        known = read_json(note)
    except (OSError, json.JSONDecodeError):
        return {}
    return known if known.get("url") == shown(url) else {}


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
