"""Files from the network or the disk: checked, and moved into place whole.

`download` brings one file to one place. `samgap.cache` does so once for several runs and users.
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

from samgap.errors import UserError
from samgap.files import CHUNK
from samgap.parts import forget
from samgap.transfer import transfer
from samgap.web import Unavailable, shown

logger = logging.getLogger("samgap")

CHECKS = ("size", "sha256", "md5")


class Expected(TypedDict, total=False):
    """What is known of a file before it comes, and what messages and cards call it (`name`; by default its address).

    `size` is in bytes, the checksums are hex. They are `second_hand` if the file's owner does not publish them.
    """

    sha256: str | None
    md5: str | None
    size: int | None
    second_hand: bool
    name: str | None


def download(
    url: str,
    target: str | Path,
    *,
    mirrors: Mapping[str, str] | None = None,
    connections: int = 1,
    auth: AuthBase | None = None,
    **expected: Unpack[Expected],
) -> dict[str, Any]:
    """Bring `url` (http, https, file, or a local path) to `target`, whole and checked.

    What differs from what is `expected` raises UserError and is removed; if that is second-hand, it warns. A mirror
    (`mirrors`: what an address begins with, and what stands there instead) is asked first. Unavailable is raised where
    the file cannot be had.
    Returns `{"source", "sha256", "md5", "size", "checked"}` of what arrived.
    """
    target, (wanted, second_hand, name) = Path(target), understood(expected, url)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    places = [*mirrored(url, mirrors or {}), url]
    for place in places:
        try:
            # Who asks with a token asks nobody else with it.
            asked_with = auth if place == url else None
            found = _fetch(place, part, name, wanted, second_hand, connections, asked_with)
            break
        except Unavailable as error:
            if place == places[-1]:
                raise
            logger.warning("warning: the mirror does not help (%s); asking %s", error, shown(url))
    os.replace(part, target)
    forget(part)
    return {"source": name, **found}


def understood(expected: Expected, url: str) -> tuple[dict[str, Any], bool, str]:
    """What is wanted of each of CHECKS (None: unknown), whether that is second-hand, and the file's name."""
    if unknown := expected.keys() - Expected.__annotations__:
        raise TypeError(f"nothing is known by {', '.join(sorted(unknown))}")
    wanted = {key: expected.get(key) for key in CHECKS}
    return wanted, expected.get("second_hand", False), expected.get("name") or shown(url)


def judged(found: Mapping[str, Any], wanted: Mapping[str, Any], second_hand: bool, name: str) -> str:
    """What comparing `found` with `wanted` (`size`, `sha256`, `md5`; None: unknown) gives, in words for a card.

    What differs raises UserError, or if `second_hand` warns.
    """
    known = {key: wanted[key] for key in CHECKS if wanted.get(key) is not None}
    whose = "second-hand " if second_hand else ""
    differs = [key for key in known if not agrees(found, {key: known[key]})]
    for key in differs:
        text = f"{name}: {key} is {found[key]}, not {known[key]} as configured"
        if not second_hand:
            raise UserError(f"{text}; nothing is kept: check the source, or the configured {key}")
        logger.warning(
            "warning: %s, which is second-hand: kept; put sha256 %s into the configuration to hold on to it",
            *(text, found["sha256"]),
        )
    if differs:
        return "; ".join(f"differs from the {whose}{key} {known[key]}" for key in differs)
    return f"agrees with the {whose}{', '.join(known)}" if known else "nothing to check it against"


def agrees(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(str(found[key]) == str(wanted[key]).lower() for key in CHECKS if wanted.get(key) is not None)


def checksums(path: str | Path) -> dict[str, Any]:
    """`sha256` and `md5` (hex) and `size` (bytes) of a file, read once."""
    strong, weak, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with open(path, "rb") as stream:
        while block := stream.read(CHUNK):
            strong.update(block)
            weak.update(block)
            size += len(block)
    return {"sha256": strong.hexdigest(), "md5": weak.hexdigest(), "size": size}


def mirrored(url: str, mirrors: Mapping[str, str]) -> list[str]:
    """The mirror of an address, that of the longest beginning first; none is an empty list."""
    found = sorted((start for start in mirrors if url.startswith(start)), key=len, reverse=True)
    return [mirrors[start] + url[len(start) :] for start in found]


def local(url: str) -> Path | None:
    """The path that `url` is on this machine; None where it is http or https."""
    scheme = urlsplit(url).scheme
    if scheme == "file":
        return Path(unquote(urlsplit(url).path))
    if scheme in ("http", "https"):
        return None
    if "://" in url:
        raise UserError(f"{shown(url)}: only http, https and file addresses or local paths can be fetched")
    return Path(url).expanduser()


def _fetch(
    url: str,
    part: Path,
    name: str,
    wanted: Mapping[str, Any],
    second_hand: bool,
    connections: int,
    auth: AuthBase | None,
) -> dict[str, Any]:
    """Fill `part` and check it; a file put together from several answers gets a second chance in one piece."""
    path = local(url)
    if path is not None:
        try:
            shutil.copyfile(path, part)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise UserError(f"{name}: cannot be copied ({error.strerror or error})") from error
        return _checked(part, wanted, second_hand, name)
    certain = not second_hand and any(wanted[key] for key in ("sha256", "md5"))
    size = None if second_hand else wanted["size"]
    if transfer(url, part, size=size, connections=connections, auth=auth, checked=certain):
        found = checksums(part)
        if agrees(found, wanted):
            return {**found, "checked": judged(found, wanted, second_hand, name)}
        logger.info("%s: not what it should be, and put together from parts; fetching it anew", name)
        forget(part)
        transfer(url, part, size=size, auth=auth, checked=certain)
    return _checked(part, wanted, second_hand, name)


def _checked(part: Path, wanted: Mapping[str, Any], second_hand: bool, name: str) -> dict[str, Any]:
    found = checksums(part)
    try:
        return {**found, "checked": judged(found, wanted, second_hand, name)}
    except UserError:
        forget(part)
        raise
