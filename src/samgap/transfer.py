"""One file over http: retried, continued where it was cut or killed, over several connections where that is asked.

What has arrived is kept in `part` (several connections: `part.0`, `part.1`, …), and what it is a part of (the
server's ETag or date) in `part.json`, so that the next run goes on where this one was stopped.
"""

import errno
import logging
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from samgap import parts
from samgap.errors import UserError
from samgap.parts import Piece, length
from samgap.progress import progress
from samgap.web import Cut, Unavailable, blocks, byte_range, get, refused, session, shown, version

TRIES = 5
"""How often a request is repeated, and how often a connection may be cut without a byte gained."""
BACKOFF = 0.5
"""Seconds: the n-th wait lasts BACKOFF * 2**n, or what the server's Retry-After says, at most two minutes."""
SMALLEST = 8 << 20
"""Bytes: no connection is opened for a piece smaller than this."""

logger = logging.getLogger("samgap")


class _Stopped(Exception):
    """Another piece of the file failed."""


class _Void(Exception):
    """What has arrived is no part of what the server has now."""


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
    with session(connections, TRIES, BACKOFF) as opened:
        return _Transfer(opened, url, part, size, connections, auth, checked).run()


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
                parts.forget(self.part)
        raise Unavailable(f"{shown(self.url)}: changes while it is fetched; try again later")

    def _once(self) -> bool:
        self.stop.clear()
        pieces, answer = self._known(), None
        self.continued = pieces is not None
        if pieces is None:
            parts.forget(self.part)
            pieces, answer = self._begin()
        done = sum(length(piece.file) for piece in pieces)
        self._room(done)
        with progress(self.part.stem, self.total, "B", done) as step:
            self.step = _guarded(step)
            if len(pieces) == 1:
                self._piece(pieces[0], answer)
            else:
                self._at_once(pieces, answer)
        return self.continued

    def _known(self) -> list[Piece] | None:
        """The pieces that an earlier run left, if they can be continued safely."""
        found = parts.left(self.part, shown(self.url))
        if found is None:
            return None
        pieces, self.total, self.version = found
        return pieces if self._safe() else None

    def _begin(self) -> tuple[list[Piece], requests.Response]:
        """The first request; how the file is cut, from what the server answers."""
        asked = {"Range": "bytes=0-"} if self.connections > 1 else {}
        answer = self._get(asked)
        if answer.status_code == 416 and asked:  # an empty file has no range
            answer.close()
            answer = self._get({})
        self._accept(answer)
        first, total = byte_range(answer)
        number = 1
        if answer.status_code == 206:
            if first != 0:
                raise refused(self.url, answer)
            self.total = total
            if total and self._safe():
                number = max(1, min(self.connections, total // SMALLEST))
        return self._cut_into(number), answer

    def _accept(self, answer: requests.Response) -> None:
        """Take an answer from the file's first byte on as what is fetched from now on."""
        if answer.status_code not in (200, 206):
            raise refused(self.url, answer)
        kind, path = answer.headers.get("Content-Type", ""), urlsplit(self.url).path
        if kind.startswith("text/html") and not path.endswith((".html", ".htm")):
            answer.close()
            raise Unavailable(f"{shown(self.url)}: a web page came in place of the file; see it in a browser")
        self.version = version(answer)
        told = answer.headers.get("Content-Length", "")
        self.total = int(told) if told.isdecimal() else None
        self._check_size(answer)

    def _check_size(self, answer: requests.Response) -> None:
        total = byte_range(answer)[1] or self.total
        if self.size is not None and total not in (None, self.size):
            answer.close()
            parts.forget(self.part)
            raise UserError(f"{shown(self.url)}: the server holds {total} bytes, not {self.size} as configured")

    def _cut_into(self, number: int) -> list[Piece]:
        return parts.begin(self.part, shown(self.url), self.total, self.version, number)

    def _room(self, done: int) -> None:
        if self.total is not None:
            free, needed = shutil.disk_usage(self.part.parent).free, self.total - done
            if needed > free:
                raise _no_room(self.url, self.part, f"{needed / 1e9:.1f} GB are to come, {free / 1e9:.1f} GB are free")

    def _at_once(self, pieces: list[Piece], answer: requests.Response | None) -> None:
        """Fetch the pieces, each over its own connection, and join them. A piece that fails stops the others."""
        answers = [answer, *[None] * (len(pieces) - 1)]
        with ThreadPoolExecutor(len(pieces)) as pool:
            try:
                for _ in pool.map(self._piece, pieces, answers):
                    pass
            finally:
                self.stop.set()
        parts.join(self.part, pieces)
        self._cut_into(1)
        for piece in pieces:
            piece.file.unlink()

    def _piece(self, piece: Piece, answer: requests.Response | None) -> None:
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
                except Cut as cut:
                    have = length(piece.file)
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

    def _whole(self, piece: Piece) -> bool:
        size = self.total if piece.size is None else piece.size
        have = length(piece.file)
        if size is not None and have > size:
            raise _Void
        return have == size

    def _ask(self, piece: Piece) -> requests.Response:
        """The answer to a request for what is missing of a piece, at the right place of the right version."""
        have = length(piece.file)
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
        first, total = byte_range(answer)
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
            raise refused(self.url, answer)
        if first != piece.first + have or not self._agrees(answer) or (self.total and total not in (None, self.total)):
            answer.close()
            raise _Void
        self.total = self.total or total
        self._check_size(answer)
        self.continued = True
        return answer

    def _anew(self, piece: Piece, answer: requests.Response) -> requests.Response:
        self._accept(answer)
        # The old bytes go before the new version's name is written down: a kill between must not marry the two.
        self.step(-length(piece.file))
        piece.file.write_bytes(b"")
        self._cut_into(1)
        return answer

    def _get(self, headers: dict[str, str]) -> requests.Response:
        return get(self.session, self.url, headers, self.auth)

    def _safe(self) -> bool:
        """May a part be continued: does the server name its versions, or will a checksum tell two of them apart?"""
        return self.checked or any(self.version.values())

    def _receive(self, piece: Piece, answer: requests.Response) -> bool:
        """Append an answer's body to a piece; True where its end is the file's, as far as can be known."""
        have = length(piece.file)
        with answer, open(piece.file, "ab") as stream:
            if answer.status_code == 416:
                return True
            for block in blocks(answer):
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
            raise Cut(f"{have} of {size} bytes")
        return True

    def _agrees(self, answer: requests.Response) -> bool:
        """Does an answer speak of the version that is being fetched? What it leaves out says nothing."""
        seen = version(answer)
        return all(seen[key] is None or self.version[key] in (None, seen[key]) for key in seen)


def _guarded(step: Callable[[int], None]) -> Callable[[int], None]:
    """`step` for several threads."""
    lock = threading.Lock()

    def guarded(more: int) -> None:
        with lock:
            step(more)

    return guarded


def _no_room(url: str, part: Path, why: str) -> UserError:
    return UserError(f"{shown(url)}: no room in {part.parent} ({why}); make room, or name another folder: cache")
