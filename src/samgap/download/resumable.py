"""A resumable download over HTTP: with retries, and over several connections if the server supports ranges.

Received bytes are stored in `<part>` (over several connections in `<part>.0`, `<part>.1`, …) and the version of the
file in `<part>.json`. The next run resumes an interrupted download from these files.
"""

import contextlib
import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from requests.auth import AuthBase

from samgap.download import partial_file
from samgap.download.errors import Unavailable
from samgap.download.http import ConnectionCut, iter_blocks, open_session
from samgap.download.partial_file import DiskFull, Piece, get_file_size
from samgap.download.remote_file import RemoteFile, StalePartialFile, UnexpectedSize
from samgap.errors import UserError
from samgap.io.progress import report_progress

MAX_RETRIES = 5
"""Maximum number of retries of a request, and of successive lost connections without a received byte."""
BACKOFF_S = 0.5
"""The n-th retry waits BACKOFF_S * 2**n seconds, or the time of the server's Retry-After, at most two minutes."""
MIN_PIECE_BYTES = 8 << 20
"""The smallest piece that is downloaded over a separate connection."""

logger = logging.getLogger("samgap")


def download_resumable(
    url: str,
    part: Path,
    *,
    expected_bytes: int | None = None,
    connections: int = 1,
    auth: AuthBase | None = None,
    has_checksum: bool = False,
) -> bool:
    """Download a file to `part`.

    Args:
        url: The address (http or https).
        part: The file to write; a partial file of an earlier run is resumed if the server still has the same version.
        expected_bytes: The length that the file must have; None if unknown.
        connections: Number of pieces that are downloaded at the same time, if the server supports ranges.
        auth: Authentication of the requests.
        has_checksum: Whether the caller verifies a checksum; then a partial file is resumed although the server states
            no version.

    Returns:
        Whether the file was assembled from several responses.

    Raises:
        Unavailable: If the file cannot be downloaded.
        UserError: If its length is not the expected length, or the disk is full.
    """
    with open_session(connections, MAX_RETRIES, BACKOFF_S) as session:
        remote = RemoteFile(session, url, auth=auth, expected_bytes=expected_bytes, has_checksum=has_checksum)
        return _ResumableDownload(remote, part, connections).run()


class _Cancelled(Exception):
    """Another piece of the file has failed."""


class _ResumableDownload:
    """The download of one remote file to `part`, in one or several pieces."""

    def __init__(self, remote: RemoteFile, part: Path, connections: int) -> None:
        self.remote, self.part, self.connections = remote, part, connections
        self.cancelled = threading.Event()
        self.was_resumed = False
        self.advance: Callable[[int], None] = lambda n_bytes: None

    def run(self) -> bool:
        """Download the file; start again after each stale partial file. Return whether the download was resumed."""
        for _ in range(MAX_RETRIES):
            try:
                return self._attempt()
            except StalePartialFile:
                logger.info("%s: the partial file is of another version; starting again", self.remote.name)
                partial_file.remove(self.part)
            except UnexpectedSize:
                partial_file.remove(self.part)
                raise
        raise Unavailable(f"{self.remote.name}: changes while it is downloaded; try again later")

    def _attempt(self) -> bool:
        self.cancelled.clear()
        pieces, response = self._find_resumable_pieces(), None
        self.was_resumed = pieces is not None
        if pieces is None:
            partial_file.remove(self.part)
            response = self.remote.request_start(with_range=self.connections > 1)
            pieces = self._create_pieces(self._count_pieces(response))
        received_bytes = sum(get_file_size(piece.path) for piece in pieces)
        self._check_disk_space(received_bytes)
        with report_progress(self.part.stem, self.remote.total_bytes, "B", received_bytes) as advance:
            self.advance = _make_thread_safe(advance)
            if len(pieces) == 1:
                self._download_piece(pieces[0], response)
            else:
                self._download_in_parallel(pieces, response)
        return self.was_resumed

    def _find_resumable_pieces(self) -> list[Piece] | None:
        """Return the pieces of an earlier run, or None if there are none that can be resumed safely."""
        state = partial_file.resume(self.part, self.remote.name)
        if state is None:
            return None
        pieces, self.remote.total_bytes, self.remote.validators = state
        return pieces if self.remote.is_resumable() else None

    def _count_pieces(self, response: requests.Response) -> int:
        total_bytes = self.remote.total_bytes
        if response.status_code != 206 or not total_bytes or not self.remote.is_resumable():
            return 1
        return max(1, min(self.connections, total_bytes // MIN_PIECE_BYTES))

    def _create_pieces(self, n_pieces: int) -> list[Piece]:
        remote = self.remote
        return partial_file.create(self.part, remote.name, remote.total_bytes, remote.validators, n_pieces)

    def _check_disk_space(self, received_bytes: int) -> None:
        if self.remote.total_bytes is not None:
            free, needed = shutil.disk_usage(self.part.parent).free, self.remote.total_bytes - received_bytes
            if needed > free:
                raise self._make_disk_full_error(f"{needed / 1e9:.1f} GB needed, {free / 1e9:.1f} GB free")

    def _make_disk_full_error(self, reason: str) -> UserError:
        return UserError(
            f"{self.remote.name}: no space left in {self.part.parent} ({reason}); free some, or set another folder as "
            "`cache`"
        )

    def _download_in_parallel(self, pieces: list[Piece], first_response: requests.Response | None) -> None:
        """Download the pieces over one connection each, and merge them. A failed piece cancels the other pieces."""
        responses = [first_response, *[None] * (len(pieces) - 1)]
        with ThreadPoolExecutor(len(pieces)) as pool:
            try:
                for _ in pool.map(self._download_piece, pieces, responses):
                    pass
            finally:
                self.cancelled.set()
        partial_file.merge(self.part, pieces)
        self._create_pieces(1)
        for piece in pieces:
            piece.path.unlink()

    def _download_piece(self, piece: Piece, response: requests.Response | None) -> None:
        """Download one piece; `response` is an open response from the start of the piece, or None."""
        piece.path.touch()
        try:
            self._download_piece_with_retries(piece, response)
        except _Cancelled:
            return
        except BaseException:
            self.cancelled.set()
            raise
        finally:
            if response is not None:
                response.close()

    def _download_piece_with_retries(self, piece: Piece, response: requests.Response | None) -> None:
        """Download one piece; after each lost connection, continue after the last received byte."""
        failures, most_bytes = 0, -1
        while not self._is_complete(piece):
            current, response = response, None
            try:
                self._append_body(piece, current or self._request_remainder(piece))
                return
            except ConnectionCut as cut:
                received_bytes = get_file_size(piece.path)
                failures = 0 if received_bytes > most_bytes else failures + 1
                most_bytes = max(most_bytes, received_bytes)
                position = f"at {piece.offset + received_bytes} bytes ({cut})"
                if failures >= MAX_RETRIES:
                    raise Unavailable(
                        f"{self.remote.name}: the connection was cut {failures + 1} times {position}; "
                        "run again to continue from there"
                    ) from cut
                logger.info("%s: cut %s; continuing", self.remote.name, position)
                self.cancelled.wait(min(BACKOFF_S * 2**failures, 120))

    def _is_complete(self, piece: Piece) -> bool:
        size, received_bytes = self._get_piece_size(piece), get_file_size(piece.path)
        if size is not None and received_bytes > size:
            raise StalePartialFile
        return received_bytes == size

    def _get_piece_size(self, piece: Piece) -> int | None:
        return self.remote.total_bytes if piece.size is None else piece.size

    def _request_remainder(self, piece: Piece) -> requests.Response:
        """Request the missing bytes of a piece, in the same version as the received bytes."""
        received_bytes, is_whole_file = get_file_size(piece.path), piece.size is None
        if is_whole_file and not (received_bytes and self.remote.is_resumable()):
            return self._restart(piece, self.remote.request_start(with_range=False))
        first_byte = piece.offset + received_bytes
        response = self.remote.request_range(first_byte, None if piece.size is None else piece.offset + piece.size - 1)
        if response.status_code == 200:
            # The server does not support ranges, or has another version now.
            if is_whole_file:
                self.remote.read_version(response)
                return self._restart(piece, response)
            self.connections = 1
        if not (is_whole_file and self.remote.is_end_of_file(response, received_bytes)):
            self.remote.check_continuation(response, first_byte)
            self.was_resumed = True
        return response

    def _restart(self, piece: Piece, response: requests.Response) -> requests.Response:
        """Discard the received bytes, and return `response`, which starts at the first byte of the file."""
        # The old bytes are removed before the new version is recorded: a kill in between must not mix the two versions.
        self.advance(-get_file_size(piece.path))
        piece.path.write_bytes(b"")
        self._create_pieces(1)
        return response

    def _append_body(self, piece: Piece, response: requests.Response) -> None:
        """Append the body of a response to a piece; raise ConnectionCut if the body ends too early."""
        with response:
            if response.status_code == 416:  # the piece is complete
                return
            try:
                with contextlib.closing(partial_file.append(piece, self._iter_blocks(response))) as written:
                    for n_bytes in written:
                        self._check_received(piece)
                        self.advance(n_bytes)
            except DiskFull as error:
                raise self._make_disk_full_error(str(error)) from error
        size, received_bytes = self._get_piece_size(piece), get_file_size(piece.path)
        if size is not None and received_bytes != size:
            raise ConnectionCut(f"{received_bytes} of {size} bytes")

    def _iter_blocks(self, response: requests.Response) -> Iterator[bytes]:
        for block in iter_blocks(response):
            if self.cancelled.is_set():
                raise _Cancelled
            yield block

    def _check_received(self, piece: Piece) -> None:
        expected_bytes = self.remote.expected_bytes
        if expected_bytes is not None and get_file_size(piece.path) > expected_bytes:
            raise UserError(f"{self.remote.name}: the server sent more than the configured {expected_bytes} bytes")


def _make_thread_safe(advance: Callable[[int], None]) -> Callable[[int], None]:
    """Return `advance` for calls from several threads."""
    lock = threading.Lock()

    def advance_with_lock(n_bytes: int) -> None:
        with lock:
            advance(n_bytes)

    return advance_with_lock
