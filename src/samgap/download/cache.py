"""One folder for what is fetched, for several runs and users: each file is fetched once, and linked to.

A file lies there as `<hash of its address>-<name>` with a receipt `….json`, what is on its way as `….part`, and a lock
`….lock` lets one process fetch it while the others wait.
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
    checksums_match,
    compute_checksums,
    download_file,
    local_path,
    parse_expected,
    verify_checksums,
)
from samgap.download.http import redact_url
from samgap.errors import UserError
from samgap.io.files import read_json_object, write_json
from samgap.io.progress import LOG_INTERVAL_SECONDS

CACHE_VARIABLE = "SAMGAP_CACHE"
"""The environment variable that names the folder; it wins over the configuration."""
DEFAULT_CACHE = Path("resources/cache")
"""The folder of a run that shares none, relative to the repository."""

logger = logging.getLogger("samgap")


@dataclass(frozen=True)
class DownloadSettings:
    """How files are fetched: the configuration's `cache`, `mirrors` and `connections`."""

    cache: Path = DEFAULT_CACHE
    mirrors: Mapping[str, str] = field(default_factory=dict)
    connections: int = 1


def read_settings(config: Mapping[str, Any]) -> DownloadSettings:
    """The settings of a configuration and of the environment. None of them changes what is fetched."""
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
    """`samgap.download.fetch.download` through the cache: `target` becomes a link to the file there.

    What the cache holds is read again and held against its receipt before it is linked to; if it differs, it is
    fetched again. A local path is copied, and not put into the cache.
    """
    if local_path(url) is not None:
        return download_file(url, target, **expected)
    found = link_cached(url, target, settings, **expected)
    if found is None:
        entry = _entry_path(url, settings.cache)
        with _writable_cache(settings.cache, parse_expected(expected, url)[2]), _entry_lock(entry):
            # Another process may just have brought it.
            found = link_cached(url, target, settings, **expected)
            if found is None:
                more: dict[str, Any] = {"mirrors": settings.mirrors, "connections": settings.connections, "auth": auth}
                found = download_file(url, entry, **expected, **more)
                write_json(
                    _receipt_path(entry),
                    {"url": redact_url(url), **{key: found[key] for key in (*CHECKSUM_KEYS, "checked")}},
                )
                _replace_symlink(entry, Path(target))
    return found


def link_cached(
    url: str, target: str | Path, settings: DownloadSettings, **expected: Unpack[ExpectedFile]
) -> dict[str, Any] | None:
    """`fetched` without a network: None where the cache does not hold what is wanted, whole."""
    wanted, second_hand, name = parse_expected(expected, url)
    entry = _entry_path(url, settings.cache)
    found = _check_entry(entry, wanted, second_hand)
    if found is None:
        return None
    checked = verify_checksums(found, wanted, second_hand, name)
    if checksums_match(found, wanted) and (second_hand or not any(wanted.values())):
        # Whoever brought it may have known more of it.
        checked = read_json_object(_receipt_path(entry)).get("checked", checked)
    logger.info("%s: from the cache %s", name, settings.cache)
    _replace_symlink(entry, Path(target))
    return {"source": name, **found, "checked": checked}


def _entry_path(url: str, cache: Path) -> Path:
    """Where the cache keeps what is at `url`."""
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    key = hashlib.sha256(url.encode()).hexdigest()[:16]
    return cache / (f"{key}-{name}" if name else key)


def _check_entry(entry: Path, requested: Mapping[str, Any], second_hand: bool) -> dict[str, Any] | None:
    """The checksums of a file that the cache holds whole, or None: not there, damaged, or not what is wanted."""
    if not entry.is_file():
        return None
    sure = {key: value for key, value in requested.items() if value is not None}
    receipt = {key: value for key, value in read_json_object(_receipt_path(entry)).items() if key in requested}
    # A second-hand checksum says nothing against a file that a receipt speaks for.
    expected = {**sure, **receipt} if second_hand else {**receipt, **sure}
    if not expected or expected.get("size", entry.stat().st_size) != entry.stat().st_size:
        return None
    found = compute_checksums(entry)
    return found if checksums_match(found, expected) and checksums_match(found, receipt) else None


def _receipt_path(entry: Path) -> Path:
    return entry.with_name(entry.name + ".json")


@contextlib.contextmanager
def _writable_cache(folder: Path, name: str) -> Iterator[None]:
    """Write in `folder` so that all who may write there can go on with it: with the folder's own permissions."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cache {folder}: cannot be made ({error.strerror}); name another one") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(
            f"cache {folder}: not writable, and {name} is not in it; ask its owner to fetch it, or name another one"
        )
    before = os.umask(0o777 & ~folder.stat().st_mode)
    try:
        yield
    finally:
        os.umask(before)


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
            logger.info("%s: another process fetches it; waiting", entry.name)
    try:
        yield
    finally:
        lock.release()


def _replace_symlink(entry: Path, target: Path) -> None:
    """Make `target` a link to `entry`, in one step; a relative one if both move together with the run."""
    target.parent.mkdir(parents=True, exist_ok=True)
    inside = entry.resolve().is_relative_to(Path.cwd()) and target.resolve().parent.is_relative_to(Path.cwd())
    to = os.path.relpath(entry.resolve(), target.parent.resolve()) if inside else entry.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(to)
    os.replace(temporary, target)
