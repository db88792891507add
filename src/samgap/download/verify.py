"""What was fetched and made of it, held once more against its recorded sha256: one line a file."""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from samgap.io.files import read_json_object, sha256

OK, SKIPPED, DIFFERS, MISSING = "ok", "skipped", "differs", "missing"
FAILED_STATUSES = (DIFFERS, MISSING)

CheckResult = tuple[str, str, str]
"""(one of the words above, the file, what there is to say of it)"""


def verify_archive(path: str | Path) -> Iterator[CheckResult]:
    """An archive beside its receipt `<path>.json`."""
    path = Path(path)
    card = read_json_object(Path(f"{path}.json"))
    yield _check_file(path, card.get("sha256"))


def verify_checkpoint(folder: str | Path) -> Iterator[CheckResult]:
    """The weights in `folder` (`weights.pt`, `checkpoint.json`)."""
    weights = Path(folder) / "weights.pt"
    card = read_json_object(Path(folder) / "checkpoint.json")
    if card.get("status") == "unavailable":
        yield SKIPPED, str(weights), f"weights not available ({card['why']})"
    elif card.get("source") == "none":
        yield OK, str(weights), "a model without weights"
    else:
        yield _check_file(weights, card.get("sha256"))


def verify_dataset(folder: str | Path) -> Iterator[CheckResult]:
    """A data set in `folder` (`images/`, `instances.json`, `images.parquet`, `dataset.json`)."""
    folder = Path(folder)
    card = read_json_object(folder / "dataset.json")
    recorded, images = card.get("images_sha256"), folder / "images"
    names = {image["file_name"] for image in read_json_object(folder / "instances.json").get("images", [])}
    yield _compare_checksum(str(images), recorded, _hash_files(images, names))
    if "extras_sha256" in card:
        beside = _list_files(images) - names
        found = _hash_files(images, beside if names and len(beside) >= card["n_extras"] else ())
        yield _compare_checksum(f"{images} (flow and the like)", card["extras_sha256"], found)
    yield _check_file(folder / "instances.json", card.get("instances_sha256"))
    yield _check_file(folder / "images.parquet", card.get("table_sha256"))


def format_results(results: Iterable[CheckResult]) -> Iterator[str]:
    """The lines as they are printed."""
    for word, path, more in results:
        yield f"{word:<8} {path}  {more}"


def _check_file(path: Path, recorded_sha256: str | None) -> CheckResult:
    return _compare_checksum(str(path), recorded_sha256, sha256(path) if path.is_file() else None)


def _compare_checksum(path: str, recorded_sha256: str | None, actual_sha256: str | None) -> CheckResult:
    if recorded_sha256 is None or actual_sha256 is None:
        what = "is not there, or not whole" if recorded_sha256 else "has no record"
        return MISSING, path, f"{what}: run `snakemake fetch`"
    if actual_sha256 == recorded_sha256:
        return OK, path, f"sha256 {actual_sha256}"
    return DIFFERS, path, f"sha256 is {actual_sha256}, recorded was {recorded_sha256}"


def _hash_files(folder: Path, names: Collection[str]) -> str | None:
    """As samgap.datasets records files: over the sorted names and each file's sha256; None if one is missing."""
    digest = hashlib.sha256()
    for name in sorted(names):
        file = folder / name
        if not file.is_file():
            return None
        digest.update(f"{sha256(file)}  {name}\n".encode())
    return digest.hexdigest() if names else None


def _list_files(folder: Path) -> set[str]:
    """The names of all files below a folder but for hidden ones: Snakemake and file managers put theirs there."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix() for path in found}
