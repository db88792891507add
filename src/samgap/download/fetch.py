"""Files from the network or the disk: checked, and moved into place whole.

`download` brings one file to one place. `samgap.download.cache` does so once for several runs and users.
"""

import hashlib
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict, Unpack
from urllib.parse import unquote, urlsplit

from requests.auth import AuthBase

from samgap.download.http import Unavailable, redact_url
from samgap.download.partial_file import remove
from samgap.download.resumable import download_resumable
from samgap.errors import UserError
from samgap.io.files import CHUNK_BYTES

logger = logging.getLogger("samgap")

CHECKSUM_KEYS = ("size", "sha256", "md5")


class ExpectedFile(TypedDict, total=False):
    """What is known of a file before it comes, and what messages and cards call it (`name`; by default its address).

    `size` is in bytes, the checksums are hex. They are `second_hand` if the file's owner does not publish them.
    """

    sha256: str | None
    md5: str | None
    size: int | None
    second_hand: bool
    name: str | None


def download_file(
    url: str,
    target: str | Path,
    *,
    mirrors: Mapping[str, str] | None = None,
    connections: int = 1,
    auth: AuthBase | None = None,
    **expected: Unpack[ExpectedFile],
) -> dict[str, Any]:
    """Bring `url` (http, https, file, or a local path) to `target`, whole and checked.

    What differs from what is `expected` raises UserError and is removed; if that is second-hand, it warns. A mirror
    (`mirrors`: what an address begins with, and what stands there instead) is asked first. Unavailable is raised where
    the file cannot be had.
    Returns `{"source", "sha256", "md5", "size", "checked"}` of what arrived.
    """
    target, (wanted, second_hand, name) = Path(target), parse_expected(expected, url)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    places = [*mirror_urls(url, mirrors or {}), url]
    for place in places:
        try:
            # Who asks with a token asks nobody else with it.
            asked_with = auth if place == url else None
            found = _fetch_url(place, part, name, wanted, second_hand, connections, asked_with)
            break
        except Unavailable as error:
            if place == places[-1]:
                raise
            logger.warning("warning: the mirror does not help (%s); asking %s", error, redact_url(url))
    os.replace(part, target)
    remove(part)
    return {"source": name, **found}


def parse_expected(expected: ExpectedFile, url: str) -> tuple[dict[str, Any], bool, str]:
    """What is wanted of each of CHECKS (None: unknown), whether that is second-hand, and the file's name."""
    if unknown := expected.keys() - ExpectedFile.__annotations__:
        raise TypeError(f"nothing is known by {', '.join(sorted(unknown))}")
    wanted = {key: expected.get(key) for key in CHECKSUM_KEYS}
    return wanted, expected.get("second_hand", False), expected.get("name") or redact_url(url)


def verify_checksums(actual: Mapping[str, Any], expected: Mapping[str, Any], second_hand: bool, name: str) -> str:
    """What comparing `found` with `wanted` (`size`, `sha256`, `md5`; None: unknown) gives, in words for a card.

    What differs raises UserError, or if `second_hand` warns.
    """
    known = {key: expected[key] for key in CHECKSUM_KEYS if expected.get(key) is not None}
    whose = "second-hand " if second_hand else ""
    differs = [key for key in known if not checksums_match(actual, {key: known[key]})]
    for key in differs:
        text = f"{name}: {key} is {actual[key]}, not {known[key]} as configured"
        if not second_hand:
            raise UserError(f"{text}; nothing is kept: check the source, or the configured {key}")
        logger.warning(
            "warning: %s, which is second-hand: kept; put sha256 %s into the configuration to hold on to it",
            *(text, actual["sha256"]),
        )
    if differs:
        return "; ".join(f"differs from the {whose}{key} {known[key]}" for key in differs)
    return f"agrees with the {whose}{', '.join(known)}" if known else "nothing to check it against"


def checksums_match(actual: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    return all(str(actual[key]) == str(expected[key]).lower() for key in CHECKSUM_KEYS if expected.get(key) is not None)


def compute_checksums(path: str | Path) -> dict[str, Any]:
    """`sha256` and `md5` (hex) and `size` (bytes) of a file, read once."""
    strong, weak, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with open(path, "rb") as stream:
        while block := stream.read(CHUNK_BYTES):
            strong.update(block)
            weak.update(block)
            size += len(block)
    return {"sha256": strong.hexdigest(), "md5": weak.hexdigest(), "size": size}


def mirror_urls(url: str, mirrors: Mapping[str, str]) -> list[str]:
    """The mirror of an address, that of the longest beginning first; none is an empty list."""
    found = sorted((start for start in mirrors if url.startswith(start)), key=len, reverse=True)
    return [mirrors[start] + url[len(start) :] for start in found]


def local_path(url: str) -> Path | None:
    """The path that `url` is on this machine; None where it is http or https."""
    scheme = urlsplit(url).scheme
    if scheme == "file":
        return Path(unquote(urlsplit(url).path))
    if scheme in ("http", "https"):
        return None
    if "://" in url:
        raise UserError(f"{redact_url(url)}: only http, https and file addresses or local paths can be fetched")
    return Path(url).expanduser()


def _fetch_url(
    url: str,
    part: Path,
    name: str,
    expected: Mapping[str, Any],
    second_hand: bool,
    connections: int,
    auth: AuthBase | None,
) -> dict[str, Any]:
    """Fill `part` and check it; a file put together from several answers gets a second chance in one piece."""
    path = local_path(url)
    if path is not None:
        try:
            shutil.copyfile(path, part)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise UserError(f"{name}: cannot be copied ({error.strerror or error})") from error
        return _verify_part(part, expected, second_hand, name)
    certain = not second_hand and any(expected[key] for key in ("sha256", "md5"))
    size = None if second_hand else expected["size"]
    if download_resumable(url, part, expected_bytes=size, connections=connections, auth=auth, has_checksum=certain):
        found = compute_checksums(part)
        if checksums_match(found, expected):
            return {**found, "checked": verify_checksums(found, expected, second_hand, name)}
        logger.info("%s: not what it should be, and put together from parts; fetching it anew", name)
        remove(part)
        download_resumable(url, part, expected_bytes=size, auth=auth, has_checksum=certain)
    return _verify_part(part, expected, second_hand, name)


def _verify_part(part: Path, expected: Mapping[str, Any], second_hand: bool, name: str) -> dict[str, Any]:
    found = compute_checksums(part)
    try:
        return {**found, "checked": verify_checksums(found, expected, second_hand, name)}
    except UserError:
        remove(part)
        raise
