"""One file over http: retried, continued where it was cut or killed, over several connections where that is asked.

What has arrived is kept in `part` (several connections: `part.0`, `part.1`, …), and what it is a part of (the
server's ETag or date) in `part.json`, so that the next run goes on where this one was stopped.
"""

import errno
import glob
import itertools
import logging
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from samgap.errors import UserError
from samgap.files import CHUNK, read_json, write_json
from samgap.progress import progress

TRIES = 5
"""How often a request is repeated, and how often a connection may be cut without a byte gained."""
BACKOFF = 0.5
"""Seconds: the n-th wait lasts BACKOFF * 2**n, or what the server's Retry-After says, at most two minutes."""
SMALLEST = 8 << 20
"""Bytes: no connection is opened for a piece smaller than this."""

logger = logging.getLogger("samgap")


class Unavailable(UserError):
    """What was asked for is not to be had: not there, refused, or out of reach."""


class _Cut(Exception):
    """The connection ended before the file did."""


class _Stopped(Exception):
    """Another piece of the file failed."""


class _Void(Exception):
    """What has arrived is no part of what the server has now."""


@dataclass(frozen=True)
class _Piece:
    """Bytes `first` to `first + size` of the file (`size` None: all of it, however long)."""

    file: Path
    first: int
    size: int | None


def transfer(
    url: str,
    part: Path,
    *,
    size: int | None = None,
    connections: int = 1,
    auth: AuthBase | None = None,
    checked: bool = False,
) -> bool:
    """Fill `part` from the http address `url`, whole; True where it was put together from several answers.

    `size` is the file's known length in bytes: another one raises UserError. `connections` fetch a piece each, if
    the server gives ranges. `checked`: a checksum will tell a splice of two versions, so that a part may be
    continued although the server names no version. Unavailable is raised where the file cannot be had.
    """
    with _session(connections) as session:
        return _Transfer(session, url, part, size, connections, auth, checked).run()


def forget(part: Path) -> None:
    """Remove a part and all that belongs to it."""
    for path in (part, _note(part), *part.parent.glob(f"{glob.escape(part.name)}.[0-9]*")):
        path.unlink(missing_ok=True)


def shown(url: str) -> str:
    """The address for messages: without a user's name and password, and without a query, which may hold a key."""
    return re.sub(r"(?<=://)[^/@]*@", "", re.split(r"[?#]", url, maxsplit=1)[0])


def _session(connections: int) -> requests.Session:
    retry = urllib3.Retry(
        total=TRIES,
        backoff_factor=BACKOFF,
        status_forcelist=(408, 429, 500, 502, 503, 504),
        raise_on_status=False,
        retry_after_max=120,
    )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry, pool_maxsize=connections))
    return session


class _Transfer:
    def __init__(
        self,
        session: requests.Session,
        url: str,
        part: Path,
        size: int | None,
        connections: int,
        auth: AuthBase | None,
        checked: bool,
    ) -> None:
        self.session, self.url, self.part, self.size = session, url, part, size
        self.connections, self.auth, self.checked = connections, auth, checked
        self.version: dict[str, Any] = {}
        self.total: int | None = None
        self.stop = threading.Event()
        self.continued = False
        self.step: Callable[[int], None] = lambda more: None

    def run(self) -> bool:
        for _ in range(TRIES):
            try:
                return self._once()
            except _Void:
                logger.info("%s: what had arrived is void; starting again", shown(self.url))
                forget(self.part)
        raise Unavailable(f"{shown(self.url)}: changes while it is fetched; try again later")

    def _once(self) -> bool:
        self.stop.clear()
        pieces, answer = self._known(), None
        self.continued = pieces is not None
        if pieces is None:
            forget(self.part)
            pieces, answer = self._begin()
        done = sum(_length(piece.file) for piece in pieces)
        self._room(done)
        with progress(self.part.stem, self.total, "B", done) as step:
            self.step = _guarded(step)
            if len(pieces) == 1:
                self._piece(pieces[0], answer)
            else:
                self._at_once(pieces, answer)
        return self.continued

    def _known(self) -> list[_Piece] | None:
        """The pieces that an earlier run left, if they can be continued safely."""
        try:
            known = read_json(_note(self.part))
            if known["url"] != shown(self.url):
                return None
            self.version = {"etag": known["etag"], "modified": known["modified"]}
            self.total = known["total"]
            return self._pieces(known["pieces"]) if self._safe() else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _begin(self) -> tuple[list[_Piece], requests.Response]:
        """The first request; how the file is cut, from what the server answers."""
        asked = {"Range": "bytes=0-"} if self.connections > 1 else {}
        answer = self._get(asked)
        if answer.status_code == 416 and asked:  # an empty file has no range
            answer.close()
            answer = self._get({})
        self._accept(answer)
        first, total = _range(answer)
        parts = 1
        if answer.status_code == 206:
            if first != 0:
                raise _refused(self.url, answer)
            self.total = total
            if total and self._safe():
                parts = max(1, min(self.connections, total // SMALLEST))
        return self._cut_into(parts), answer

    def _accept(self, answer: requests.Response) -> None:
        """Take an answer from the file's first byte on as what is fetched from now on."""
        if answer.status_code not in (200, 206):
            raise _refused(self.url, answer)
        kind, path = answer.headers.get("Content-Type", ""), urlsplit(self.url).path
        if kind.startswith("text/html") and not path.endswith((".html", ".htm")):
            answer.close()
            raise Unavailable(f"{shown(self.url)}: a web page came in place of the file; see it in a browser")
        self.version = _version(answer)
        length = answer.headers.get("Content-Length", "")
        self.total = int(length) if length.isdecimal() else None
        self._check_size(answer)

    def _check_size(self, answer: requests.Response) -> None:
        total = _range(answer)[1] or self.total
        if self.size is not None and total not in (None, self.size):
            answer.close()
            forget(self.part)
            raise UserError(f"{shown(self.url)}: the server holds {total} bytes, not {self.size} as configured")

    def _cut_into(self, parts: int) -> list[_Piece]:
        if parts == 1 or self.total is None:
            cuts: list[list[int | None]] = [[0, None]]
        else:
            edges = [self.total * number // parts for number in range(parts + 1)]
            cuts = [[start, end - start] for start, end in itertools.pairwise(edges)]
        note = {"url": shown(self.url), "total": self.total, "pieces": cuts, **self.version}
        write_json(_note(self.part), note)
        return self._pieces(cuts)

    def _pieces(self, cuts: list[list[Any]]) -> list[_Piece]:
        if len(cuts) == 1:
            return [_Piece(self.part, 0, None)]
        names = [self.part.with_name(f"{self.part.name}.{number}") for number in range(len(cuts))]
        return [_Piece(name, first, size) for name, (first, size) in zip(names, cuts, strict=True)]

    def _room(self, done: int) -> None:
        if self.total is not None:
            free, needed = shutil.disk_usage(self.part.parent).free, self.total - done
            if needed > free:
                raise _no_room(self.url, self.part, f"{needed / 1e9:.1f} GB are to come, {free / 1e9:.1f} GB are free")

    def _at_once(self, pieces: list[_Piece], answer: requests.Response | None) -> None:
        """Fetch the pieces, each over its own connection, and join them. A piece that fails stops the others."""
        answers = [answer, *[None] * (len(pieces) - 1)]
        with ThreadPoolExecutor(len(pieces)) as pool:
            try:
                for _ in pool.map(self._piece, pieces, answers):
                    pass
            finally:
                self.stop.set()
        with open(self.part, "wb") as whole:
            for piece in pieces:
                with open(piece.file, "rb") as stream:
                    shutil.copyfileobj(stream, whole, CHUNK)
        self._cut_into(1)
        for piece in pieces:
            piece.file.unlink()

    def _piece(self, piece: _Piece, answer: requests.Response | None) -> None:
        """Bring one piece whole; ask on from where it ends after each cut."""
        failures, most = 0, -1
        piece.file.touch()
        ended = False
        try:
            while not ended:
                try:
                    if self._whole(piece):
                        return
                    # From here on it is closed where it is read.
                    given, answer = answer, None
                    ended = self._receive(piece, self._ask(piece) if given is None else given)
                except _Cut as cut:
                    have = _length(piece.file)
                    failures = 0 if have > most else failures + 1
                    most = max(most, have)
                    where = f"at {piece.first + have} bytes ({cut})"
                    if failures >= TRIES:
                        raise Unavailable(
                            f"{shown(self.url)}: the connection was cut {failures + 1} times {where}; "
                            "run again to go on from there"
                        ) from cut
                    logger.info("%s: cut %s; going on", shown(self.url), where)
                    self.stop.wait(min(BACKOFF * 2**failures, 120))
        except _Stopped:
            return
        except BaseException:
            self.stop.set()
            raise
        finally:
            if answer is not None:
                answer.close()

    def _whole(self, piece: _Piece) -> bool:
        size = self.total if piece.size is None else piece.size
        have = _length(piece.file)
        if size is not None and have > size:
            raise _Void
        return have == size

    def _ask(self, piece: _Piece) -> requests.Response:
        """The answer to a request for what is missing of a piece, at the right place of the right version."""
        have = _length(piece.file)
        if piece.size is None and not (have and self._safe()):
            return self._anew(piece, self._get({}))
        end = "" if piece.size is None else piece.first + piece.size - 1
        headers = {"Range": f"bytes={piece.first + have}-{end}"}
        # If-Range takes strong validators alone; a weak one is compared below.
        etag = self.version["etag"]
        validator = self.version["modified"] if not etag or etag.startswith("W/") else etag
        if validator:
            headers["If-Range"] = validator
        answer = self._get(headers)
        first, total = _range(answer)
        if answer.status_code == 200 and piece.size is None:
            # All of it, from the start: the server gives no ranges, or has another version now.
            return self._anew(piece, answer)
        if answer.status_code == 416 and piece.size is None and total == have and self._agrees(answer):
            self.total = total
            return answer
        if answer.status_code in (200, 416):
            answer.close()
            if answer.status_code == 200:
                self.connections = 1
            raise _Void
        if answer.status_code != 206:
            raise _refused(self.url, answer)
        if first != piece.first + have or not self._agrees(answer) or (self.total and total not in (None, self.total)):
            answer.close()
            raise _Void
        self.total = self.total or total
        self._check_size(answer)
        self.continued = True
        return answer

    def _anew(self, piece: _Piece, answer: requests.Response) -> requests.Response:
        self._accept(answer)
        # The old bytes go before the new version's name is written down: a kill between must not marry the two.
        self.step(-_length(piece.file))
        piece.file.write_bytes(b"")
        self._cut_into(1)
        return answer

    def _safe(self) -> bool:
        """May a part be continued: does the server name its versions, or will a checksum tell two of them apart?"""
        return self.checked or any(self.version.values())

    def _get(self, headers: dict[str, str]) -> requests.Response:
        url = self.url
        headers = {"Accept-Encoding": "identity", **headers}
        try:
            return self.session.get(url, headers=headers, stream=True, timeout=(20, 60), auth=self.auth)
        except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema) as error:
            raise UserError(f"{shown(url)}: not a valid address") from error
        except (requests.exceptions.SSLError, requests.exceptions.ProxyError) as error:
            raise Unavailable(f"{shown(url)}: no safe connection ({type(error).__name__}); check the proxy") from error
        except requests.RequestException as error:
            raise Unavailable(
                f"{shown(url)}: cannot be reached ({type(error).__name__}); "
                "check the network, or run `snakemake fetch` where there is one"
            ) from error

    def _receive(self, piece: _Piece, answer: requests.Response) -> bool:
        """Append an answer's body to a piece; True where its end is the file's, as far as can be known."""
        have = _length(piece.file)
        with answer, open(piece.file, "ab") as stream:
            if answer.status_code == 416:
                return True
            for block in _blocks(answer):
                if self.stop.is_set():
                    raise _Stopped
                if piece.size is not None:
                    block = block[: piece.size - have]
                try:
                    stream.write(block)
                    stream.flush()
                except OSError as error:
                    if error.errno in (errno.ENOSPC, errno.EDQUOT):
                        raise _no_room(self.url, self.part, error.strerror or "the disk is full") from error
                    raise
                have += len(block)
                if stream.tell() != have:
                    raise UserError(
                        f"{piece.file}: another process writes it too, so the file system does not lock; "
                        "remove it, and run one fetch at a time"
                    )
                if self.size is not None and have > self.size:
                    raise UserError(f"{shown(self.url)}: more than {self.size} bytes came, which were configured")
                self.step(len(block))
                if have == piece.size:
                    return True
        size = self.total if piece.size is None else piece.size
        if size is not None and have != size:
            raise _Cut(f"{have} of {size} bytes")
        return True

    def _agrees(self, answer: requests.Response) -> bool:
        """Does an answer speak of the version that is being fetched? What it leaves out says nothing."""
        seen = _version(answer)
        return all(seen[key] is None or self.version[key] in (None, seen[key]) for key in seen)


def _guarded(step: Callable[[int], None]) -> Callable[[int], None]:
    """`step` for several threads."""
    lock = threading.Lock()

    def guarded(more: int) -> None:
        with lock:
            step(more)

    return guarded


def _blocks(response: requests.Response) -> Iterator[bytes]:
    """The body as it is on the server (a .gz stays one), with every way to lose a connection told as one."""
    try:
        # What has come so far, not a full block: a kill or a reset then costs nothing that was here already.
        while block := response.raw.read1(CHUNK // 4, decode_content=False):
            yield block
    except (urllib3.exceptions.HTTPError, ConnectionError, TimeoutError) as error:
        raise _Cut(type(error).__name__) from error


def _refused(url: str, response: requests.Response) -> Unavailable:
    response.close()
    status = f"{shown(url)}: the server answers {response.status_code} {response.reason}"
    if response.status_code in (401, 403):
        return Unavailable(f"{status}: it asks for access that this run does not have")
    if response.status_code in (404, 410):
        return Unavailable(f"{status}: nothing is there; check the address in the configuration")
    return Unavailable(f"{status}; try again later")


def _no_room(url: str, part: Path, why: str) -> UserError:
    return UserError(f"{shown(url)}: no room in {part.parent} ({why}); make room, or name another folder: cache")


def _version(response: requests.Response) -> dict[str, Any]:
    return {"etag": response.headers.get("ETag"), "modified": response.headers.get("Last-Modified")}


def _range(response: requests.Response) -> tuple[int | None, int | None]:
    """First byte and total of a `Content-Range` (`bytes 10-99/100`, `bytes */100`)."""
    match = re.match(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("Content-Range", ""))
    if not match:
        return None, None
    first, total = match.groups()
    return (int(first) if first else None), (int(total) if total.isdecimal() else None)


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
