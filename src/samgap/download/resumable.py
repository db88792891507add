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

from samgap.download import partial_file
from samgap.download.http import (
    ConnectionCut,
    Unavailable,
    get_response,
    http_error,
    iter_blocks,
    open_session,
    parse_content_range,
    parse_validators,
    redact_url,
)
from samgap.download.partial_file import Piece, file_size
from samgap.errors import UserError
from samgap.io.progress import report_progress

MAX_RETRIES = 5
"""How often a request is repeated, and how often a connection may be cut without a byte gained."""
BACKOFF_S = 0.5
"""Seconds: the n-th wait lasts BACKOFF * 2**n, or what the server's Retry-After says, at most two minutes."""
MIN_PIECE_BYTES = 8 << 20
"""Bytes: no connection is opened for a piece smaller than this."""

logger = logging.getLogger("samgap")


class _Cancelled(Exception):
    """Another piece of the file failed."""


class StalePartialFile(Exception):
    """What has arrived is no part of what the server has now."""


def download_resumable(
    url: str,
    part: Path,
    *,
    expected_bytes: int | None = None,
    connections: int = 1,
    auth: AuthBase | None = None,
    has_checksum: bool = False,
) -> bool:
    """Fill `part` from the http address `url`, whole; True where it was put together from several answers.

    `size` is the file's known length in bytes: another one raises UserError. `connections` fetch a piece each, if
    the server gives ranges. `checked`: a checksum will tell a splice of two versions, so that a part may be
    continued although the server names no version. Unavailable is raised where the file cannot be had.
    """
    with open_session(connections, MAX_RETRIES, BACKOFF_S) as opened:
        return _ResumableDownload(opened, url, part, expected_bytes, connections, auth, has_checksum).run()


class _ResumableDownload:
    def __init__(
        self,
        session: requests.Session,
        url: str,
        part: Path,
        expected_bytes: int | None,
        connections: int,
        auth: AuthBase | None,
        has_checksum: bool,
    ) -> None:
        self.session, self.url, self.part, self.expected_bytes = session, url, part, expected_bytes
        self.connections, self.auth, self.has_checksum = connections, auth, has_checksum
        self.validators: dict[str, Any] = {}
        self.total_bytes: int | None = None
        self.cancelled = threading.Event()
        self.was_resumed = False
        self.advance: Callable[[int], None] = lambda more: None

    def run(self) -> bool:
        for _ in range(MAX_RETRIES):
            try:
                return self._attempt()
            except StalePartialFile:
                logger.info("%s: what had arrived is void; starting again", redact_url(self.url))
                partial_file.remove(self.part)
        raise Unavailable(f"{redact_url(self.url)}: changes while it is fetched; try again later")

    def _attempt(self) -> bool:
        self.cancelled.clear()
        pieces, answer = self._find_resumable_pieces(), None
        self.was_resumed = pieces is not None
        if pieces is None:
            partial_file.remove(self.part)
            pieces, answer = self._start_pieces()
        done = sum(file_size(piece.path) for piece in pieces)
        self._check_disk_space(done)
        with report_progress(self.part.stem, self.total_bytes, "B", done) as step:
            self.advance = _with_lock(step)
            if len(pieces) == 1:
                self._fetch_piece(pieces[0], answer)
            else:
                self._fetch_in_parallel(pieces, answer)
        return self.was_resumed

    def _find_resumable_pieces(self) -> list[Piece] | None:
        """The pieces that an earlier run left, if they can be continued safely."""
        found = partial_file.resume(self.part, redact_url(self.url))
        if found is None:
            return None
        pieces, self.total_bytes, self.validators = found
        return pieces if self._is_resumable() else None

    def _start_pieces(self) -> tuple[list[Piece], requests.Response]:
        """The first request; how the file is cut, from what the server answers."""
        asked = {"Range": "bytes=0-"} if self.connections > 1 else {}
        answer = self._send_request(asked)
        if answer.status_code == 416 and asked:  # an empty file has no range
            answer.close()
            answer = self._send_request({})
        self._accept_response(answer)
        first, total = parse_content_range(answer)
        number = 1
        if answer.status_code == 206:
            if first != 0:
                raise http_error(self.url, answer)
            self.total_bytes = total
            if total and self._is_resumable():
                number = max(1, min(self.connections, total // MIN_PIECE_BYTES))
        return self._create_pieces(number), answer

    def _accept_response(self, response: requests.Response) -> None:
        """Take an answer from the file's first byte on as what is fetched from now on."""
        if response.status_code not in (200, 206):
            raise http_error(self.url, response)
        kind, path = response.headers.get("Content-Type", ""), urlsplit(self.url).path
        if kind.startswith("text/html") and not path.endswith((".html", ".htm")):
            response.close()
            raise Unavailable(f"{redact_url(self.url)}: a web page came in place of the file; see it in a browser")
        self.validators = parse_validators(response)
        told = response.headers.get("Content-Length", "")
        self.total_bytes = int(told) if told.isdecimal() else None
        self._check_size(response)

    def _check_size(self, response: requests.Response) -> None:
        total = parse_content_range(response)[1] or self.total_bytes
        if self.expected_bytes is not None and total not in (None, self.expected_bytes):
            response.close()
            partial_file.remove(self.part)
            raise UserError(
                f"{redact_url(self.url)}: the server holds {total} bytes, not {self.expected_bytes} as configured"
            )

    def _create_pieces(self, n_pieces: int) -> list[Piece]:
        return partial_file.create(self.part, redact_url(self.url), self.total_bytes, self.validators, n_pieces)

    def _check_disk_space(self, received_bytes: int) -> None:
        if self.total_bytes is not None:
            free, needed = shutil.disk_usage(self.part.parent).free, self.total_bytes - received_bytes
            if needed > free:
                raise _disk_full_error(
                    self.url, self.part, f"{needed / 1e9:.1f} GB are to come, {free / 1e9:.1f} GB are free"
                )

    def _fetch_in_parallel(self, pieces: list[Piece], first_response: requests.Response | None) -> None:
        """Fetch the pieces, each over its own connection, and join them. A piece that fails stops the others."""
        answers = [first_response, *[None] * (len(pieces) - 1)]
        with ThreadPoolExecutor(len(pieces)) as pool:
            try:
                for _ in pool.map(self._fetch_piece, pieces, answers):
                    pass
            finally:
                self.cancelled.set()
        partial_file.merge(self.part, pieces)
        self._create_pieces(1)
        for piece in pieces:
            piece.path.unlink()

    def _fetch_piece(self, piece: Piece, response: requests.Response | None) -> None:
        """Bring one piece whole; ask on from where it ends after each cut."""
        failures, most = 0, -1
        piece.path.touch()
        ended = False
        try:
            while not ended:
                try:
                    if self._is_complete(piece):
                        return
                    # From here on it is closed where it is read.
                    given, response = response, None
                    ended = self._append_body(piece, self._request_remainder(piece) if given is None else given)
                except ConnectionCut as cut:
                    have = file_size(piece.path)
                    failures = 0 if have > most else failures + 1
                    most = max(most, have)
                    where = f"at {piece.offset + have} bytes ({cut})"
                    if failures >= MAX_RETRIES:
                        raise Unavailable(
                            f"{redact_url(self.url)}: the connection was cut {failures + 1} times {where}; "
                            "run again to go on from there"
                        ) from cut
                    logger.info("%s: cut %s; going on", redact_url(self.url), where)
                    self.cancelled.wait(min(BACKOFF_S * 2**failures, 120))
        except _Cancelled:
            return
        except BaseException:
            self.cancelled.set()
            raise
        finally:
            if response is not None:
                response.close()

    def _is_complete(self, piece: Piece) -> bool:
        size = self.total_bytes if piece.size is None else piece.size
        have = file_size(piece.path)
        if size is not None and have > size:
            raise StalePartialFile
        return have == size

    def _request_remainder(self, piece: Piece) -> requests.Response:
        """The answer to a request for what is missing of a piece, at the right place of the right version."""
        have = file_size(piece.path)
        if piece.size is None and not (have and self._is_resumable()):
            return self._restart_piece(piece, self._send_request({}))
        end = "" if piece.size is None else piece.offset + piece.size - 1
        headers = {"Range": f"bytes={piece.offset + have}-{end}"}
        # If-Range takes strong validators alone; a weak one is compared below.
        etag = self.validators["etag"]
        validator = self.validators["modified"] if not etag or etag.startswith("W/") else etag
        if validator:
            headers["If-Range"] = validator
        answer = self._send_request(headers)
        first, total = parse_content_range(answer)
        if answer.status_code == 200 and piece.size is None:
            # All of it, from the start: the server gives no ranges, or has another version now.
            return self._restart_piece(piece, answer)
        if answer.status_code == 416 and piece.size is None and total == have and self._is_same_version(answer):
            self.total_bytes = total
            return answer
        if answer.status_code in (200, 416):
            answer.close()
            if answer.status_code == 200:
                self.connections = 1
            raise StalePartialFile
        if answer.status_code != 206:
            raise http_error(self.url, answer)
        if (
            first != piece.offset + have
            or not self._is_same_version(answer)
            or (self.total_bytes and total not in (None, self.total_bytes))
        ):
            answer.close()
            raise StalePartialFile
        self.total_bytes = self.total_bytes or total
        self._check_size(answer)
        self.was_resumed = True
        return answer

    def _restart_piece(self, piece: Piece, response: requests.Response) -> requests.Response:
        self._accept_response(response)
        # The old bytes go before the new version's name is written down: a kill between must not marry the two.
        self.advance(-file_size(piece.path))
        piece.path.write_bytes(b"")
        self._create_pieces(1)
        return response

    def _send_request(self, headers: dict[str, str]) -> requests.Response:
        return get_response(self.session, self.url, headers, self.auth)

    def _is_resumable(self) -> bool:
        """May a part be continued: does the server name its versions, or will a checksum tell two of them apart?"""
        return self.has_checksum or any(self.validators.values())

    def _append_body(self, piece: Piece, response: requests.Response) -> bool:
        """Append an answer's body to a piece; True where its end is the file's, as far as can be known."""
        have = file_size(piece.path)
        with response, open(piece.path, "ab") as stream:
            if response.status_code == 416:
                return True
            for block in iter_blocks(response):
                if self.cancelled.is_set():
                    raise _Cancelled
                if piece.size is not None:
                    block = block[: piece.size - have]
                try:
                    stream.write(block)
                    stream.flush()
                except OSError as error:
                    if error.errno in (errno.ENOSPC, errno.EDQUOT):
                        raise _disk_full_error(self.url, self.part, error.strerror or "the disk is full") from error
                    raise
                have += len(block)
                if stream.tell() != have:
                    raise UserError(
                        f"{piece.path}: another process writes it too, so the file system does not lock; "
                        "remove it, and run one fetch at a time"
                    )
                if self.expected_bytes is not None and have > self.expected_bytes:
                    raise UserError(
                        f"{redact_url(self.url)}: more than {self.expected_bytes} bytes came, which were configured"
                    )
                self.advance(len(block))
                if have == piece.size:
                    return True
        size = self.total_bytes if piece.size is None else piece.size
        if size is not None and have != size:
            raise ConnectionCut(f"{have} of {size} bytes")
        return True

    def _is_same_version(self, response: requests.Response) -> bool:
        """Does an answer speak of the version that is being fetched? What it leaves out says nothing."""
        seen = parse_validators(response)
        return all(seen[key] is None or self.validators[key] in (None, seen[key]) for key in seen)


def _with_lock(advance: Callable[[int], None]) -> Callable[[int], None]:
    """`step` for several threads."""
    lock = threading.Lock()

    def guarded(more: int) -> None:
        with lock:
            advance(more)

    return guarded


def _disk_full_error(url: str, part: Path, reason: str) -> UserError:
    return UserError(
        f"{redact_url(url)}: no room in {part.parent} ({reason}); make room, or name another folder: cache"
    )
