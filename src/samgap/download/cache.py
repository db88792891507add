"""The download cache: a folder that several runs and users can share, from which files are linked.

`samgap.download.entries` describes its files, `samgap.download.partial_file` those of unfinished downloads.
"""

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Unpack

from requests.auth import AuthBase

from samgap.download import entries
from samgap.download.checksums import CHECKSUM_KEYS, has_matching_checksums, is_verified, verify_checksums
from samgap.download.fetch import ExpectedFile, download_file, download_version, parse_expected, parse_local_path
from samgap.download.revalidation import is_current
from samgap.errors import UserError
from samgap.io.files import write_json
from samgap.io.redaction import redact_url

CACHE_VARIABLE = "SAMGAP_CACHE"
"""The environment variable with the path of the cache; it takes precedence over the configuration."""
DEFAULT_CACHE = Path("resources/cache")
"""The cache if none is configured, relative to the working directory."""

logger = logging.getLogger("samgap")


@dataclass(frozen=True)
class DownloadSettings:
    """The configuration's `cache`, `mirrors` and `connections`."""

    cache: Path = DEFAULT_CACHE
    mirrors: Mapping[str, str] = field(default_factory=dict)
    connections: int = 1


def read_settings(config: Mapping[str, Any]) -> DownloadSettings:
    """Return the settings of a configuration and the environment. They do not influence which file is downloaded."""
    folder = os.environ.get(CACHE_VARIABLE) or config.get("cache") or DEFAULT_CACHE
    return DownloadSettings(Path(folder).expanduser(), config.get("mirrors", {}), config.get("connections", 1))


def fetch_cached(
    url: str,
    target: str | Path,
    settings: DownloadSettings,
    *,
    auth: AuthBase | None = None,
    **expected: Unpack[ExpectedFile],
) -> dict[str, Any]:
    """Download a file into the cache unless it is there, and make `target` a link to it.

    A cached file is verified against its receipt before it is linked; if it differs, it is downloaded again. Unless it
    agrees with a configured SHA-256 or MD5, it is also downloaded again if the server has another version; without an
    answer of the server it is used, with a warning. A read-only cache is used as it is. A local path is copied to
    `target`, not to the cache. For arguments, result and errors see `samgap.download.fetch.download_file`.
    """
    if parse_local_path(url) is not None:
        return download_file(url, target, **expected)
    checksums, _, name = parse_expected(expected, url)
    entry = entries.get_entry_path(url, settings.cache)
    receipt, state = entries.read_receipt(entry), entries.get_state(entry)
    result = link_cached(url, target, settings, **expected)
    if result is not None:
        stated = {key: checksums[key] for key in ("sha256", "md5") if checksums[key] is not None}
        is_fixed = bool(stated) and has_matching_checksums(result, stated)
        if is_fixed or not _is_writable(settings.cache) or is_current(url, receipt, settings.mirrors, auth):
            return result
        logger.info("%s: the server has another version than the cache; downloading it", name)
    with _writable_cache(settings.cache, name), entries.lock_entry(entry):
        # Another process may have downloaded the file while this process waited for the lock.
        if (entries.read_receipt(entry), entries.get_state(entry)) != (receipt, state):
            newer = link_cached(url, target, settings, **expected)
            if newer is not None:
                return newer
        result, validators = download_version(
            url, entry, mirrors=settings.mirrors, connections=settings.connections, auth=auth, **expected
        )
        recorded = {key: result[key] for key in (*CHECKSUM_KEYS, "checked", "verified")}
        write_json(entries.get_receipt_path(entry), {"url": redact_url(url), **recorded, **validators})
        entries.link_entry(entry, Path(target))
    return result


def link_cached(
    url: str, target: str | Path, settings: DownloadSettings, **expected: Unpack[ExpectedFile]
) -> dict[str, Any] | None:
    """Make `target` a link to the cached file, without network access.

    Returns:
        The result of `fetch_cached`, or None if the cache has no complete file with these checksums.
    """
    checksums, second_hand, name = parse_expected(expected, url)
    entry = entries.get_entry_path(url, settings.cache)
    actual = entries.check_entry(entry, checksums, second_hand)
    if actual is None:
        return None
    result: dict[str, Any] = {
        "checked": verify_checksums(actual, checksums, second_hand, name),
        "verified": is_verified(actual, checksums, second_hand),
    }
    if has_matching_checksums(actual, checksums) and (second_hand or not any(checksums.values())):
        # The receipt may name better checksums, from the configuration of another run.
        receipt = entries.read_receipt(entry)
        result |= {key: receipt[key] for key in result if key in receipt}
    logger.info("%s: from the cache %s", name, settings.cache)
    entries.link_entry(entry, Path(target))
    return {"source": name, **actual, **result}


@contextlib.contextmanager
def _writable_cache(folder: Path, name: str) -> Iterator[None]:
    """Create the cache folder if necessary, and let new files have its permissions, so any of its users can resume."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cache {folder}: cannot be created ({error.strerror}); set another one") from error
    if not _is_writable(folder):
        raise UserError(
            f"cache {folder}: not writable, and {name} is not in it; ask its owner to fetch it, or set another one"
        )
    old_mask = os.umask(0o777 & ~folder.stat().st_mode)
    try:
        yield
    finally:
        os.umask(old_mask)


def _is_writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)
