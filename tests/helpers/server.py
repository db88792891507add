"""Servers on this machine: one of files that misbehaves on demand, and a hub that answers as the real one does."""

import hashlib
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from requests.structures import CaseInsensitiveDict

BLOCK_BYTES = 1 << 14


@dataclass
class Server:
    """Serves `folder`; a context manager. What it does is set by attributes, at any time.

    `cuts`: for each next GET, close the connection after that many bytes of the body (None: do not).
    `statuses`: for each next request, this status instead of the file. `ranges`: honour Range and If-Range.
    `etag`: send the file's sha256 as ETag. `headers`: more headers on every answer. `requests` is what was asked.
    `claim`: this Content-Length, whatever is sent. `chunked`: no length at all. `resets`: a cut is a reset, not an end.
    `sent` counts bytes of bodies; `watch` is told it before each block. To a client that is gone nothing is sent.
    """

    folder: Path
    cut_after_bytes: list[int | None] = field(default_factory=list)
    next_statuses: list[int] = field(default_factory=list)
    accept_ranges: bool = True
    send_etag: bool = True
    extra_headers: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    claimed_length: int | None = None
    chunked: bool = False
    reset_on_cut: bool = False
    sent_bytes: int = 0
    before_block: Callable[[int], None] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        server = self

        class Handler(_Handler):
            owner = server

        class Http(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                """A client that hangs up in the middle is nothing to report."""

        self._http = Http(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def url_of(self, name: str) -> str:
        return f"{self.base_url}/{name}"

    def special_response(self, request: "_Handler") -> tuple[int, dict[str, str]] | None:
        """An answer without a body in place of a file, or None."""
        return None

    def list_request_headers(self, name: str) -> list[str | None]:
        """The value of a request header, for each GET so far."""
        return [request["headers"].get(name) for request in self.requests if request["method"] == "GET"]


class _Handler(BaseHTTPRequestHandler):
    owner: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._respond(with_body=False)

    def do_GET(self) -> None:
        self._respond(with_body=True)

    def _respond(self, with_body: bool) -> None:
        owner = self.owner
        owner.requests.append({"method": self.command, "path": self.path, "headers": CaseInsensitiveDict(self.headers)})
        special = None if owner.next_statuses else owner.special_response(self)
        if special is not None:
            self._send_head(special[0], 0, special[1])
            return
        path = owner.folder / unquote(urlsplit(self.path).path).lstrip("/")
        status = owner.next_statuses.pop(0) if owner.next_statuses else (200 if path.is_file() else 404)
        if status != 200:
            self._send_head(status, 0, {})
            return
        data = path.read_bytes()
        total, start, headers = len(data), 0, {}
        if owner.send_etag:
            headers["ETag"] = f'"{hashlib.sha256(data).hexdigest()}"'
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        if asked and owner.accept_ranges and (condition is None or condition == headers.get("ETag")):
            start = int(asked[1])
            if start >= total:
                self._send_head(416, 0, {**headers, "Content-Range": f"bytes */{total}"})
                return
            end = min(int(asked[2]) + 1, total) if asked[2] else total
            status, data = 206, data[start:end]
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{total}"
        if owner.chunked:
            headers["Transfer-Encoding"] = "chunked"
        self._send_head(status, len(data) if owner.claimed_length is None else owner.claimed_length, headers)
        if with_body:
            with owner.lock:
                cut = owner.cut_after_bytes.pop(0) if owner.cut_after_bytes else None
            data = data if cut is None else data[:cut]
            for first in range(0, len(data), BLOCK_BYTES):
                block = data[first : first + BLOCK_BYTES]
                with owner.lock:
                    if owner.before_block:
                        owner.before_block(owner.sent_bytes)
                    if self._is_client_gone():
                        return
                    owner.sent_bytes += len(block)
                self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block) if owner.chunked else block)
            if owner.chunked and cut is None:
                self.wfile.write(b"0\r\n\r\n")
            if cut is not None and owner.reset_on_cut:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # The file that requests are read from holds the connection too.
                self.rfile.close()
                self.connection.close()
            if cut is not None or owner.claimed_length is not None:
                self.close_connection = True

    def _is_client_gone(self) -> bool:
        try:
            self.close_connection = not self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            self.close_connection = True
        return self.close_connection

    def _send_head(self, status: int, content_length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        own = {} if "Transfer-Encoding" in headers else {"Content-Length": str(content_length)}
        for key, value in {**own, **headers, **self.owner.extra_headers}.items():
            self.send_header(key, value)
        self.end_headers()


@dataclass
class ProcessKiller:
    """A server's `watch`: lets it send on when all that it sent is kept, and kills `victim` at each of `points`.

    `kept()` is how many bytes of what was sent the client has on its disk; `points` are counts of these, ascending.
    So how fast a network or a machine is, and what a socket holds, changes nothing: a client that keeps less than
    came to it is never sent the rest.
    """

    kill_points: list[int]
    count_stored_bytes: Callable[[], int]
    process: subprocess.Popen[Any] | None = None
    _last_process: subprocess.Popen[Any] | None = None
    _lost_bytes: int = 0

    def __call__(self, sent_bytes: int) -> None:
        assert self.process is not None
        if self.process is not self._last_process:
            # What was sent to the last one, or to what it had started, while that died.
            self._last_process, self._lost_bytes = self.process, sent_bytes - self.count_stored_bytes()
        deadline = time.monotonic() + 20
        while self.count_stored_bytes() < sent_bytes - self._lost_bytes and self.process.poll() is None:
            assert time.monotonic() < deadline, f"of {sent_bytes} bytes {self.count_stored_bytes()} are kept"
            time.sleep(0.0005)
        if self.kill_points and self.count_stored_bytes() >= self.kill_points[0] and self.process.poll() is None:
            self.kill_points.pop(0)
            # It leads a group of its own, so that what it started dies too.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@dataclass
class Hub(Server):
    """A model hub: `<id>/resolve/<revision>/<file>` sends on to the same path at `storage`, for whom it may.

    `gated`: only for a token in `granted`; `pending` ones have asked, any other of `known` has not. Headers and
    messages are those of the real hub. The token must come here alone, so `storage` is a server of its own.
    """

    storage: Server | None = None
    commit: str = "0" * 40
    is_gated: bool = False
    known_tokens: set[str] = field(default_factory=set)
    pending_tokens: set[str] = field(default_factory=set)
    granted_tokens: set[str] = field(default_factory=set)

    def special_response(self, request: "_Handler") -> tuple[int, dict[str, str]] | None:
        assert self.storage is not None
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", urlsplit(request.path).path)
        if not found:
            return 404, {}
        model, revision, file = found.groups()
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in self.known_tokens | self.pending_tokens | self.granted_tokens:
            return 401, {"X-Error-Message": "Invalid credentials in Authorization header"}
        if self.is_gated and not token:
            words = "You must have access to it and be authenticated to access it. Please log in."
            return 401, _gated_headers(f"Access to model {model} is restricted. {words}")
        if self.is_gated and token in self.pending_tokens:
            return 403, _gated_headers(
                f"Your request to access model {model} is awaiting a review from the repo authors."
            )
        if self.is_gated and token not in self.granted_tokens:
            words = f"Visit {self.base_url}/{model} to ask for access."
            return 403, _gated_headers(
                f"Access to model {model} is restricted and you are not in the authorized list. {words}"
            )
        if revision not in ("main", self.commit):
            return 404, {"X-Error-Code": "RevisionNotFound", "X-Error-Message": f"Invalid rev id: {revision}"}
        path = self.storage.folder / model / file
        if not path.is_file():
            return 404, {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"}
        data = path.read_bytes()
        return 302, {
            # Another host than the hub's own, as the client sees it.
            "Location": self.storage.url_of(f"{model}/{file}?Signature=letmein").replace("127.0.0.1", "localhost"),
            "X-Repo-Commit": self.commit,
            "X-Linked-Size": str(len(data)),
            "X-Linked-Etag": f'"{hashlib.sha256(data).hexdigest()}"',
        }


def _gated_headers(message: str) -> dict[str, str]:
    return {"X-Error-Code": "GatedRepo", "X-Error-Message": message}
