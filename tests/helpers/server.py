"""Local servers: a file server with faults on demand, and a model hub that responds as the real one does."""

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
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from requests.structures import CaseInsensitiveDict

BLOCK_BYTES = 1 << 14


@dataclass
class Server:
    """A server of the files in `folder`; a context manager. Its attributes may be changed while it runs."""

    folder: Path
    cut_after_bytes: list[int | None] = field(default_factory=list)
    """For each next GET: close the connection after this many bytes of the body (None: do not)."""
    next_statuses: list[int] = field(default_factory=list)
    """For each next request: the status of a response without the file."""
    accept_ranges: bool = True
    """Whether Range and If-Range are supported."""
    send_etag: bool = True
    """Whether the file's SHA-256 is sent as ETag."""
    send_modified: bool = False
    """Whether the file's time is sent as Last-Modified."""
    answer_conditions: bool = True
    """Whether If-None-Match and If-Modified-Since of the present version are answered with 304."""
    extra_headers: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    """The requests so far: `method`, `path` and `headers`."""
    claimed_length: int | None = None
    """The Content-Length of responses, if it is not that of the body."""
    chunked: bool = False
    """Whether responses are sent in chunks, without a length."""
    reset_on_cut: bool = False
    """Whether a cut is a reset of the connection instead of its end."""
    sent_bytes: int = 0
    """The bytes of all bodies sent so far."""
    before_block: Callable[[int], None] | None = None
    """Called with `sent_bytes` before each block of a body."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        server = self

        class Handler(_Handler):
            owner = server

        class Http(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                """Report nothing when a client closes the connection early."""

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
        """Return status and headers of a response without a body, or None for a file."""
        return None

    def list_request_headers(self, name: str) -> list[str | None]:
        """Return the value of a request header for each GET so far."""
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
        if owner.send_modified:
            headers["Last-Modified"] = formatdate(path.stat().st_mtime, usegmt=True)
        conditions = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}
        if owner.answer_conditions and any(self.headers.get(conditions[key]) == headers[key] for key in headers):
            self._send_head(304, 0, headers)
            return
        byte_range = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        if byte_range and owner.accept_ranges and (condition is None or condition == headers.get("ETag")):
            start = int(byte_range[1])
            if start >= total:
                self._send_head(416, 0, {**headers, "Content-Range": f"bytes */{total}"})
                return
            end = min(int(byte_range[2]) + 1, total) if byte_range[2] else total
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
                # The file object that requests are read from keeps the connection open too.
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
        length = {} if "Transfer-Encoding" in headers else {"Content-Length": str(content_length)}
        for key, value in {**length, **headers, **self.owner.extra_headers}.items():
            self.send_header(key, value)
        self.end_headers()


@dataclass
class ProcessKiller:
    """A `before_block` that kills the client at given points of a transfer.

    Before each block it waits until the client has stored all bytes sent so far, so that the points do not depend on
    the speed of the machine or on buffers. A client that loses received bytes never gets the rest.
    """

    kill_points: list[int]
    """Numbers of stored bytes, ascending, at which the process is killed."""
    count_stored_bytes: Callable[[], int]
    """Returns how many bytes the client has on disk."""
    process: subprocess.Popen[Any] | None = None
    """The client; the leader of its process group."""
    _last_process: subprocess.Popen[Any] | None = None
    _lost_bytes: int = 0

    def __call__(self, sent_bytes: int) -> None:
        assert self.process is not None
        if self.process is not self._last_process:
            # Bytes that were sent to the previous process while it was killed.
            self._last_process, self._lost_bytes = self.process, sent_bytes - self.count_stored_bytes()
        deadline = time.monotonic() + 20
        while self.count_stored_bytes() < sent_bytes - self._lost_bytes and self.process.poll() is None:
            assert time.monotonic() < deadline, f"{self.count_stored_bytes()} of {sent_bytes} bytes are stored"
            time.sleep(0.0005)
        if self.kill_points and self.count_stored_bytes() >= self.kill_points[0] and self.process.poll() is None:
            self.kill_points.pop(0)
            # The whole process group, so that its child processes are killed too.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@dataclass
class Hub(Server):
    """A model hub: `<id>/resolve/<revision>/<file>` redirects to `<id>/<file>` at `storage`.

    Headers and messages are those of the real hub.
    """

    storage: Server | None = None
    """The server of the files; a server of its own, because the token must not be sent to it."""
    commit: str = "0" * 40
    """The only revision except `main`."""
    is_gated: bool = False
    """Whether files need a token of `granted_tokens`."""
    known_tokens: set[str] = field(default_factory=set)
    """Valid tokens without access."""
    pending_tokens: set[str] = field(default_factory=set)
    """Valid tokens whose access has been requested but not granted."""
    granted_tokens: set[str] = field(default_factory=set)

    def special_response(self, request: "_Handler") -> tuple[int, dict[str, str]] | None:
        assert self.storage is not None
        match = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", urlsplit(request.path).path)
        if not match:
            return 404, {}
        model, revision, file = match.groups()
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in self.known_tokens | self.pending_tokens | self.granted_tokens:
            return 401, {"X-Error-Message": "Invalid credentials in Authorization header"}
        if self.is_gated and not token:
            reason = "You must have access to it and be authenticated to access it. Please log in."
            return 401, _gated_headers(f"Access to model {model} is restricted. {reason}")
        if self.is_gated and token in self.pending_tokens:
            return 403, _gated_headers(
                f"Your request to access model {model} is awaiting a review from the repo authors."
            )
        if self.is_gated and token not in self.granted_tokens:
            reason = f"Visit {self.base_url}/{model} to ask for access."
            return 403, _gated_headers(
                f"Access to model {model} is restricted and you are not in the authorized list. {reason}"
            )
        if revision not in ("main", self.commit):
            return 404, {"X-Error-Code": "RevisionNotFound", "X-Error-Message": f"Invalid rev id: {revision}"}
        path = self.storage.folder / model / file
        if not path.is_file():
            return 404, {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"}
        data = path.read_bytes()
        return 302, {
            # Another host name than the hub's, so that the client drops the token.
            "Location": self.storage.url_of(f"{model}/{file}?Signature=letmein").replace("127.0.0.1", "localhost"),
            "X-Repo-Commit": self.commit,
            "X-Linked-Size": str(len(data)),
            "X-Linked-Etag": f'"{hashlib.sha256(data).hexdigest()}"',
        }


def _gated_headers(message: str) -> dict[str, str]:
    return {"X-Error-Code": "GatedRepo", "X-Error-Message": message}
