"""Verify downloaded and generated files against their recorded SHA-256, with one result for each file."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from samgap.io.files import hash_checksums, read_json_object, sha256
from samgap.io.visible_files import walk_visible_files

OK, SKIPPED, DIFFERS, MISSING = "ok", "skipped", "differs", "missing"
FAILED_STATUSES = (DIFFERS, MISSING)
"""Statuses of files that have to be fetched again."""

CheckResult = tuple[str, str, str]
"""(one of the statuses above, path, details)"""


def verify_archive(path: str | Path) -> Iterator[CheckResult]:
    """Verify an archive against its receipt `<path>.json`."""
    path = Path(path)
    card = read_json_object(Path(f"{path}.json"))
    yield _check_file(path, card.get("sha256"))


def verify_checkpoint(folder: str | Path) -> Iterator[CheckResult]:
    """Verify the weights in `folder` (`weights.pt`) against `checkpoint.json`."""
    weights = Path(folder) / "weights.pt"
    card = read_json_object(Path(folder) / "checkpoint.json")
    if card.get("status") == "unavailable":
        yield SKIPPED, str(weights), f"weights not available ({card['why']})"
    elif card.get("source") == "none":
        yield OK, str(weights), "a model without weights"
    else:
        yield _check_file(weights, card.get("sha256"))


def verify_dataset(folder: str | Path) -> Iterator[CheckResult]:
    """Verify `images/`, `instances.json` and `images.parquet` of a data set against its `dataset.json`."""
    folder = Path(folder)
    card = read_json_object(folder / "dataset.json")
    recorded_sha256, images = card.get("images_sha256"), folder / "images"
    names = {image["file_name"] for image in read_json_object(folder / "instances.json").get("images", [])}
    yield _compare_checksum(str(images), recorded_sha256, _hash_files(images, names))
    if "extras_sha256" in card:
        extras = {path.relative_to(images).as_posix() for path in _walk(images)} - names
        actual = _hash_files(images, extras if names and len(extras) >= card["n_extras"] else ())
        yield _compare_checksum(f"{images} (flow and the like)", card["extras_sha256"], actual)
    yield _check_file(folder / "instances.json", card.get("instances_sha256"))
    yield _check_file(folder / "images.parquet", card.get("table_sha256"))


def format_results(results: Iterable[CheckResult]) -> Iterator[str]:
    """Yield the results as lines for the terminal."""
    for status, path, details in results:
        yield f"{status:<8} {path}  {details}"


def _check_file(path: Path, recorded_sha256: str | None) -> CheckResult:
    return _compare_checksum(str(path), recorded_sha256, sha256(path) if path.is_file() else None)


def _compare_checksum(path: str, recorded_sha256: str | None, actual_sha256: str | None) -> CheckResult:
    if recorded_sha256 is None or actual_sha256 is None:
        reason = "does not exist, or is incomplete" if recorded_sha256 else "has no record"
        return MISSING, path, f"{reason}: run `snakemake fetch`"
    if actual_sha256 == recorded_sha256:
        return OK, path, f"sha256 {actual_sha256}"
    return DIFFERS, path, f"sha256 is {actual_sha256}, recorded was {recorded_sha256}"


def _hash_files(folder: Path, names: Collection[str]) -> str | None:
    """Return one hash over the sorted names and each file's SHA-256, as `samgap.datasets.write` records it.

    None if a file is missing, or if there are no names.
    """
    if not names or not all((folder / name).is_file() for name in names):
        return None
    return hash_checksums({name: sha256(folder / name) for name in names})


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the visible files of a folder that may be missing."""
    return walk_visible_files(folder) if folder.is_dir() else iter(())
