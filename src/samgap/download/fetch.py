"""Download or copy one file to a path, and verify it against the expected size and checksums.

`samgap.download.cache` downloads each file once for several runs and users.
"""

import logging
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack
from urllib.parse import unquote

from requests.auth import AuthBase

from samgap.download import partial_file
from samgap.download.checksums import (
    CHECKSUM_KEYS,
    compute_checksums,
    has_matching_checksums,
    is_verified,
    verify_checksums,
)
from samgap.download.errors import Unavailable
from samgap.download.resumable import download_resumable
from samgap.errors import UserError
from samgap.io.addresses import split_address
from samgap.io.redaction import redact_url
from samgap.io.variables import find_variables, remove_parameters_with_variables

logger = logging.getLogger("samgap")


class ExpectedFile(TypedDict, total=False):
    """Size (bytes) and checksums (hex) of a file as the configuration states them, and its name in messages and cards.

    The checksums are `second_hand` if the owner of the file does not publish them. The default of `name` is the
    address.
    """

    sha256: str | None
    md5: str | None
    size: int | None
    second_hand: bool
    name: str | None


@dataclass(frozen=True)
class _Expectation:
    """The checksums that a file must have (None: unknown), whether they are second-hand, and its name in messages."""

    checksums: Mapping[str, Any]
    second_hand: bool
    name: str

    def verify(self, actual: Mapping[str, Any]) -> dict[str, Any]:
        """Return `actual` with the result of the comparison: `checked` and `verified` (see `download_file`)."""
        checked = verify_checksums(actual, self.checksums, self.second_hand, self.name)
        return {**actual, "checked": checked, "verified": is_verified(actual, self.checksums, self.second_hand)}


def download_file(
    url: str,
    target: str | Path,
    *,
    mirrors: Mapping[str, str] | None = None,
    connections: int = 1,
    auth: AuthBase | None = None,
    **expected: Unpack[ExpectedFile],
) -> dict[str, Any]:
    """Download or copy a file and verify it; `target` is replaced only by a complete file.

    Args:
        url: An address (http, https, file) or a local path.
        target: The path to write.
        mirrors: Prefix of an address -> its replacement. A mirror is tried before the address itself.
        connections: Number of connections of one download.
        auth: Authentication at `url`; it is not sent to mirrors.
        expected: The expected size and checksums, and the file's name in messages.

    Returns:
        `source` (the name), `sha256`, `md5`, `size` (bytes), `checked` (the result of the comparison as a text) and
        `verified` (whether it has a SHA-256 or MD5 that its owner states).

    Raises:
        Unavailable: If the file cannot be downloaded.
        UserError: If the file differs from the expected checksums; it is removed. For second-hand checksums, a
            difference is only a warning.
    """
    return download_version(url, target, mirrors=mirrors, connections=connections, auth=auth, **expected)[0]


def download_version(
    url: str,
    target: str | Path,
    *,
    mirrors: Mapping[str, str] | None = None,
    connections: int = 1,
    auth: AuthBase | None = None,
    **expected: Unpack[ExpectedFile],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the result of `download_file`, and the version that the server stated.

    The version is `etag` and `modified` (headers of the response; None if it has none), and empty for a local file.
    """
    target, expectation = Path(target), _Expectation(*parse_expected(expected, url))
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    candidates = [*list_mirror_urls(url, mirrors or {}), url]
    for candidate in candidates:
        try:
            # Credentials are sent only to the original address, not to a mirror.
            allowed_auth = auth if candidate == url else None
            result, validators = _fetch_url(candidate, part, expectation, connections, allowed_auth)
            break
        except Unavailable as error:
            if candidate == candidates[-1]:
                raise
            logger.warning("warning: the mirror failed (%s); trying %s", error, redact_url(url))
    os.replace(part, target)
    partial_file.remove(part)
    return {"source": expectation.name, **result}, validators


def parse_expected(expected: ExpectedFile, url: str) -> tuple[dict[str, Any], bool, str]:
    """Return the expected value of each of CHECKSUM_KEYS (None: unknown), whether it is second-hand, and the name."""
    if unknown := expected.keys() - ExpectedFile.__annotations__:
        raise TypeError(f"unexpected arguments: {', '.join(sorted(unknown))}")
    checksums = {key: expected.get(key) for key in CHECKSUM_KEYS}
    return checksums, expected.get("second_hand", False), expected.get("name") or redact_url(url)


def list_mirror_urls(url: str, mirrors: Mapping[str, str]) -> list[str]:
    """Return the addresses of a file at the mirrors whose prefix fits, the longest prefix first.

    A mirror gets no value of a variable of the original address, which may be a token.
    """
    url = remove_parameters_with_variables(url)
    if find_variables(url):
        return []
    prefixes = sorted((prefix for prefix in mirrors if url.startswith(prefix)), key=len, reverse=True)
    return [mirrors[prefix] + url[len(prefix) :] for prefix in prefixes]


def parse_local_path(url: str) -> Path | None:
    """Return the local path that `url` means, or None if it is an http or https address, or begins with a variable.

    Raises:
        UserError: If it is an address of another scheme.
    """
    scheme = split_address(url).scheme.lower()
    if url.lower().startswith("file:"):
        return Path(unquote(re.sub(r"^[^/]*(//[^/]*)?", "", re.split(r"[?#]", url)[0])))
    if scheme in ("http://", "https://") or url.startswith("${"):
        return None
    if "://" in url:
        raise UserError(f"{redact_url(url)}: not an http, https or file address, nor a local path")
    return Path(url).expanduser()


def _fetch_url(
    url: str, part: Path, expectation: _Expectation, connections: int, auth: AuthBase | None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write the file at `url` to `part` and verify it; return its checksums and the version that the server stated.

    If the file was assembled from several responses and differs, it is downloaded once more in one piece.
    """
    path = parse_local_path(url)
    if path is not None:
        try:
            shutil.copyfile(path, part)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise UserError(f"{expectation.name}: cannot be copied ({error.strerror or error})") from error
        return _verify_part(part, expectation), {}
    checksums, second_hand = expectation.checksums, expectation.second_hand
    has_checksum = not second_hand and any(checksums[key] for key in ("sha256", "md5"))
    size = None if second_hand else checksums["size"]
    if download_resumable(
        url, part, expected_bytes=size, connections=connections, auth=auth, has_checksum=has_checksum
    ):
        actual = compute_checksums(part)
        if has_matching_checksums(actual, checksums):
            return expectation.verify(actual), partial_file.read_validators(part)
        logger.info("%s: differs after a resumed download; downloading it again", expectation.name)
        partial_file.remove(part)
        download_resumable(url, part, expected_bytes=size, auth=auth, has_checksum=has_checksum)
    return _verify_part(part, expectation), partial_file.read_validators(part)


def _verify_part(part: Path, expectation: _Expectation) -> dict[str, Any]:
    try:
        return expectation.verify(compute_checksums(part))
    except UserError:
        partial_file.remove(part)
        raise
