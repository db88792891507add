"""A file on an HTTP server: requests for all or a part of it, and checks that responses have the same version."""

from collections.abc import Mapping
from typing import Any

import requests
from requests.auth import AuthBase

from samgap.download.errors import Unavailable
from samgap.download.http import get_response, make_http_error, parse_content_range, parse_validators
from samgap.errors import UserError
from samgap.io.addresses import split_address
from samgap.io.redaction import redact_url


class StalePartialFile(Exception):
    """The received bytes are not part of the current version of the file on the server."""


class UnexpectedSize(UserError):
    """The file does not have the size that the configuration states."""


class RemoteFile:
    """The file at `url`. Its version and length are those of the first response, or of an earlier run.

    Args:
        session: An open session.
        url: The address (http or https).
        auth: Authentication of the requests, if the server needs any.
        expected_bytes: The length that the file must have; None if unknown.
        has_checksum: Whether a checksum will be verified at the end. Then a partial file can be continued although the
            server states no version, because the checksum detects a mixture of two versions.
    """

    def __init__(
        self,
        session: requests.Session,
        url: str,
        *,
        auth: AuthBase | None = None,
        expected_bytes: int | None = None,
        has_checksum: bool = False,
    ) -> None:
        self.url, self.expected_bytes = url, expected_bytes
        self.validators: dict[str, Any] = {}
        self.total_bytes: int | None = None
        self._session, self._auth, self._has_checksum = session, auth, has_checksum

    @property
    def name(self) -> str:
        """The address without credentials, for messages."""
        return redact_url(self.url)

    def is_resumable(self) -> bool:
        """Return whether a partial file can be continued: the server states a version, or a checksum is verified."""
        return self._has_checksum or any(self.validators.values())

    def request_start(self, *, with_range: bool) -> requests.Response:
        """Request the whole file, as a range if `with_range`, and read its version and length from the response."""
        response = self._request({"Range": "bytes=0-"} if with_range else {})
        if response.status_code == 416 and with_range:  # an empty file has no range
            response.close()
            response = self._request({})
        self.read_version(response)
        if response.status_code == 206:
            first_byte, self.total_bytes = parse_content_range(response)
            if first_byte != 0:
                raise make_http_error(self.url, response)
        return response

    def request_range(self, first_byte: int, last_byte: int | None) -> requests.Response:
        """Request the bytes `first_byte` to `last_byte` (inclusive; None: to the end) of the same version."""
        headers = {"Range": f"bytes={first_byte}-{'' if last_byte is None else last_byte}"}
        # If-Range allows only strong validators; check_continuation compares weak ones.
        etag = self.validators["etag"]
        validator = self.validators["modified"] if not etag or etag.startswith("W/") else etag
        if validator:
            headers["If-Range"] = validator
        return self._request(headers)

    def read_version(self, response: requests.Response) -> None:
        """Read the version and length of the file from a response that starts at its first byte.

        Raises:
            Unavailable: If the response has no file, or a web page instead of it.
            UnexpectedSize: If its length is not the expected length.
        """
        if response.status_code not in (200, 206):
            raise make_http_error(self.url, response)
        content_type, path = response.headers.get("Content-Type", ""), split_address(self.url).path
        if content_type.startswith("text/html") and not path.endswith((".html", ".htm")):
            response.close()
            raise Unavailable(f"{self.name}: the server sent a web page instead of the file; open it in a browser")
        self.validators = parse_validators(response)
        length = response.headers.get("Content-Length", "")
        self.total_bytes = int(length) if length.isdecimal() else None
        self._check_size(response)

    def has_version(self, validators: Mapping[str, Any]) -> bool:
        """Return whether the file on the server is of a version, by a conditional request without the file's body.

        Args:
            validators: `etag` and `modified` of the version; missing or None: unknown. An unknown version is another.

        Raises:
            Unavailable: If the server cannot be reached, refuses the request, or sends a web page instead of the file.
        """
        # If-Modified-Since is less exact, so it is sent only without an ETag.
        key, header = ("etag", "If-None-Match") if validators.get("etag") else ("modified", "If-Modified-Since")
        value = validators.get(key)
        with self._request({header: value} if value else {}) as response:
            if response.status_code == 304:
                return True
            self.read_version(response)
        # A server that ignores the condition sends the version again.
        return value is not None and self.validators[key] == value

    def is_end_of_file(self, response: requests.Response, received_bytes: int) -> bool:
        """Return whether a response (416) states that the `received_bytes` bytes are the whole file."""
        _, total_bytes = parse_content_range(response)
        if response.status_code != 416 or total_bytes != received_bytes or not self._is_same_version(response):
            return False
        self.total_bytes = total_bytes
        return True

    def check_continuation(self, response: requests.Response, first_byte: int) -> None:
        """Check that a response continues the file from `first_byte` on.

        Raises:
            StalePartialFile: If it starts elsewhere, or is of another version.
            Unavailable: If the server refuses the request.
            UnexpectedSize: If the length of the file is not the expected length.
        """
        if response.status_code not in (200, 206, 416):
            raise make_http_error(self.url, response)
        response_start, total_bytes = parse_content_range(response)
        if (
            response.status_code != 206
            or response_start != first_byte
            or not self._is_same_version(response)
            or (self.total_bytes and total_bytes not in (None, self.total_bytes))
        ):
            response.close()
            raise StalePartialFile
        self.total_bytes = self.total_bytes or total_bytes
        self._check_size(response)

    def _request(self, headers: dict[str, str]) -> requests.Response:
        return get_response(self._session, self.url, headers, self._auth)

    def _check_size(self, response: requests.Response) -> None:
        total_bytes = parse_content_range(response)[1] or self.total_bytes
        if self.expected_bytes is not None and total_bytes not in (None, self.expected_bytes):
            response.close()
            raise UnexpectedSize(
                f"{self.name}: the server has {total_bytes} bytes, not {self.expected_bytes} as configured"
            )

    def _is_same_version(self, response: requests.Response) -> bool:
        """Return whether no validator of a response contradicts the version of the file."""
        validators = parse_validators(response)
        return all(validators[key] is None or self.validators[key] in (None, validators[key]) for key in validators)
