"""A file server on this machine that misbehaves on demand: cuts, refuses, ignores ranges, plays a model hub."""

import hashlib
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from requests.structures import CaseInsensitiveDict


@dataclass
class Server:
    """Serves `folder`; a context manager. What it does is set by attributes, at any time.

    `cuts`: for each next GET, close the connection after that many bytes of the body (None: do not).
    `statuses`: for each next request, this status instead of the file. `ranges`: honour Range and If-Range.
    `etag`: send the file's sha256 as ETag. `headers`: more headers on every answer. `requests` is what was asked.
    """

    folder: Path
    cuts: list[int | None] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    ranges: bool = True
    etag: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)

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
    def address(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def url(self, name: str) -> str:
        return f"{self.address}/{name}"

    def asked(self, header: str) -> list[str | None]:
        """The value of a request header, for each GET so far."""
        return [request["headers"].get(header) for request in self.requests if request["method"] == "GET"]


class _Handler(BaseHTTPRequestHandler):
    owner: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        owner = self.owner
        owner.requests.append({"method": self.command, "path": self.path, "headers": CaseInsensitiveDict(self.headers)})
        path = owner.folder / unquote(urlsplit(self.path).path).lstrip("/")
        status = owner.statuses.pop(0) if owner.statuses else (200 if path.is_file() else 404)
        if status != 200:
            self._head(status, 0, {})
            return
        data = path.read_bytes()
        total, start, headers = len(data), 0, {}
        if owner.etag:
            headers["ETag"] = f'"{hashlib.sha256(data).hexdigest()}"'
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        if asked and owner.ranges and (condition is None or condition == headers.get("ETag")):
            start = int(asked[1])
            if start >= total:
                self._head(416, 0, {**headers, "Content-Range": f"bytes */{total}"})
                return
            status, data = 206, data[start:]
            headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
        self._head(status, len(data), headers)
        if body:
            cut = owner.cuts.pop(0) if owner.cuts else None
            self.wfile.write(data if cut is None else data[:cut])
            if cut is not None:
                self.close_connection = True

    def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(length), **headers, **self.owner.headers}.items():
            self.send_header(key, value)
        self.end_headers()
