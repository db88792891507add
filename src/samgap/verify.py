"""What was fetched and made of it, held once more against its recorded sha256: one line a file."""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from samgap.files import read_card, sha256

OK, SKIPPED, DIFFERS, MISSING = "ok", "skipped", "differs", "missing"
BAD = (DIFFERS, MISSING)

Line = tuple[str, str, str]
"""(one of the words above, the file, what there is to say of it)"""


def archive(path: str | Path) -> Iterator[Line]:
    """An archive beside its receipt `<path>.json`."""
    path = Path(path)
    card = read_card(Path(f"{path}.json"))
    yield _against(path, card.get("sha256"))


def checkpoint(folder: str | Path) -> Iterator[Line]:
    """The weights in `folder` (`weights.pt`, `checkpoint.json`)."""
    weights = Path(folder) / "weights.pt"
    card = read_card(Path(folder) / "checkpoint.json")
    if card.get("status") == "unavailable":
        yield SKIPPED, str(weights), f"weights not available ({card['why']})"
    elif card.get("source") == "none":
        yield OK, str(weights), "a model without weights"
    else:
        yield _against(weights, card.get("sha256"))


def dataset(folder: str | Path) -> Iterator[Line]:
    """A data set in `folder` (`images/`, `instances.json`, `images.parquet`, `dataset.json`)."""
    folder = Path(folder)
    card = read_card(folder / "dataset.json")
    recorded, images = card.get("images_sha256"), folder / "images"
    names = {image["file_name"] for image in read_card(folder / "instances.json").get("images", [])}
    yield _judged(str(images), recorded, _over(images, names))
    if "extras_sha256" in card:
        beside = _files(images) - names
        found = _over(images, beside if names and len(beside) >= card["n_extras"] else ())
        yield _judged(f"{images} (flow and the like)", card["extras_sha256"], found)
    yield _against(folder / "instances.json", card.get("instances_sha256"))
    yield _against(folder / "images.parquet", card.get("table_sha256"))


def text(lines: Iterable[Line]) -> Iterator[str]:
    """The lines as they are printed."""
    for word, path, more in lines:
        yield f"{word:<8} {path}  {more}"


def _against(path: Path, recorded: str | None) -> Line:
    return _judged(str(path), recorded, sha256(path) if path.is_file() else None)


def _judged(path: str, recorded: str | None, found: str | None) -> Line:
    if recorded is None or found is None:
        what = "is not there, or not whole" if recorded else "has no record"
        return MISSING, path, f"{what}: run `snakemake fetch`"
    if found == recorded:
        return OK, path, f"sha256 {found}"
    return DIFFERS, path, f"sha256 is {found}, recorded was {recorded}"


def _over(folder: Path, names: Collection[str]) -> str | None:
    """As samgap.datasets records files: over the sorted names and each file's sha256; None if one is missing."""
    digest = hashlib.sha256()
    for name in sorted(names):
        file = folder / name
        if not file.is_file():
            return None
        digest.update(f"{sha256(file)}  {name}\n".encode())
    return digest.hexdigest() if names else None


def _files(folder: Path) -> set[str]:
    """The names of all files below a folder but for hidden ones: Snakemake and file managers put theirs there."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {path.relative_to(folder).as_posix() for path in found}
