"""The download cache: a folder that several runs and users can share, from which files are linked.

A file is stored as `<hash of its address>-<name>`, with its receipt in `….json`. A partial file is `….part`. The lock
`….lock` makes other processes wait while one process downloads a file.
"""

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Unpack
from urllib.parse import unquote, urlsplit

from filelock import FileLock, Timeout
from requests.auth import AuthBase

from samgap.download.fetch import (
    CHECKSUM_KEYS,
    ExpectedFile,
    compute_checksums,
    download_file,
    has_matching_checksums,
    parse_expected,
    parse_local_path,
    verify_checksums,
)
from samgap.errors import UserError
from samgap.io.files import read_json_object, write_json
from samgap.io.progress import LOG_INTERVAL_SECONDS
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

    A cached file is verified against its receipt before it is linked; if it differs, it is downloaded again. A local
    path is copied to `target`, not to the cache. For arguments, result and errors see
    `samgap.download.fetch.download_file`.
    """
    if parse_local_path(url) is not None:
        return download_file(url, target, **expected)
    result = link_cached(url, target, settings, **expected)
    if result is None:
        entry = _get_entry_path(url, settings.cache)
        with _writable_cache(settings.cache, parse_expected(expected, url)[2]), _entry_lock(entry):
            # Another process may have downloaded the file while this process waited for the lock.
            result = link_cached(url, target, settings, **expected)
            if result is None:
                result = download_file(
                    url, entry, mirrors=settings.mirrors, connections=settings.connections, auth=auth, **expected
                )
                write_json(
                    _get_receipt_path(entry),
                    {"url": redact_url(url), **{key: result[key] for key in (*CHECKSUM_KEYS, "checked")}},
                )
                _replace_symlink(entry, Path(target))
    return result


def link_cached(
    url: str, target: str | Path, settings: DownloadSettings, **expected: Unpack[ExpectedFile]
) -> dict[str, Any] | None:
    """Make `target` a link to the cached file, without network access.

    Returns:
        The result of `fetch_cached`, or None if the cache has no complete file with these checksums.
    """
    checksums, second_hand, name = parse_expected(expected, url)
    entry = _get_entry_path(url, settings.cache)
    actual = _check_entry(entry, checksums, second_hand)
    if actual is None:
        return None
    checked = verify_checksums(actual, checksums, second_hand, name)
    if has_matching_checksums(actual, checksums) and (second_hand or not any(checksums.values())):
        # The receipt may name better checksums, from the configuration of another run.
        checked = read_json_object(_get_receipt_path(entry)).get("checked", checked)
    logger.info("%s: from the cache %s", name, settings.cache)
    _replace_symlink(entry, Path(target))
    return {"source": name, **actual, "checked": checked}


def _get_entry_path(url: str, cache: Path) -> Path:
    """Return the path in the cache of the file at `url`."""
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    key = hashlib.sha256(url.encode()).hexdigest()[:16]
    return cache / (f"{key}-{name}" if name else key)


def _check_entry(entry: Path, requested: Mapping[str, Any], second_hand: bool) -> dict[str, Any] | None:
    """Return the checksums of a cached file, or None if it is missing, damaged, or not the expected file."""
    if not entry.is_file():
        return None
    configured = {key: value for key, value in requested.items() if value is not None}
    receipt = {key: value for key, value in read_json_object(_get_receipt_path(entry)).items() if key in requested}
    # The receipt takes precedence over a second-hand checksum.
    expected = {**configured, **receipt} if second_hand else {**receipt, **configured}
    if not expected or expected.get("size", entry.stat().st_size) != entry.stat().st_size:
        return None
    actual = compute_checksums(entry)
    return actual if has_matching_checksums(actual, expected) and has_matching_checksums(actual, receipt) else None


def _get_receipt_path(entry: Path) -> Path:
    return entry.with_name(entry.name + ".json")


@contextlib.contextmanager
def _writable_cache(folder: Path, name: str) -> Iterator[None]:
    """Create the cache folder if necessary, and let new files have its permissions, so any of its users can resume."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cache {folder}: cannot be created ({error.strerror}); set another one") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(
            f"cache {folder}: not writable, and {name} is not in it; ask its owner to fetch it, or set another one"
        )
    old_mask = os.umask(0o777 & ~folder.stat().st_mode)
    try:
        yield
    finally:
        os.umask(old_mask)


@contextlib.contextmanager
def _entry_lock(entry: Path) -> Iterator[None]:
    mask = os.umask(0)
    os.umask(mask)
    lock = FileLock(f"{entry}.lock", mode=0o666 & ~mask)
    while True:
        try:
            lock.acquire(timeout=LOG_INTERVAL_SECONDS)
            break
        except Timeout:
            logger.info("%s: another process downloads it; waiting", entry.name)
    try:
        yield
    finally:
        lock.release()


def _replace_symlink(entry: Path, target: Path) -> None:
    """Atomically make `target` a link to `entry`; a relative one if both are below the working directory."""
    target.parent.mkdir(parents=True, exist_ok=True)
    inside = entry.resolve().is_relative_to(Path.cwd()) and target.resolve().parent.is_relative_to(Path.cwd())
    destination = os.path.relpath(entry.resolve(), target.parent.resolve()) if inside else entry.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(destination)
    os.replace(temporary, target)
