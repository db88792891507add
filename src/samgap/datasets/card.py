"""The card of a data set, `dataset.json`: counts, checksums, sources and options."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.datasets.read_log import ReadLog
from samgap.io.files import read_json, sha256


def make_card(
    dataset: str,
    options: Mapping[str, Any],
    counts: Mapping[str, Any],
    sources: Mapping[str, Mapping[str, Any]],
    output: Mapping[str, str],
    seed: int,
) -> dict[str, Any]:
    """Make the card of a data set.

    Args:
        dataset: Id of the data set.
        options: Its entry in the configuration.
        counts: Counts and checksums that `write_dataset` returns, and the `warnings` (`WarningLog.to_card`).
        sources: Archives, folders and lists that it was made from (`describe_source`), by role; empty for a simulated
            one.
        output: Paths of the written files by name: `instances`, `table`.
        seed: Seed of a simulated data set.
    """
    return {
        "dataset": dataset,
        "kind": options["kind"],
        **counts,
        "instances_sha256": sha256(output["instances"]),
        "table_sha256": sha256(output["table"]),
        "sources": dict(sources) or {"seed": seed},
        "options": options,
    }


def describe_source(path: Path, reads: ReadLog) -> dict[str, Any]:
    """Return what a data set was made from, with its SHA-256.

    Args:
        path: A downloaded archive, for which the receipt is returned; or a local file; or a folder, whose `sha256` is
            over the paths and contents of the `n_files` files that were read.
        reads: The files that were read, or hashed as inputs.
    """
    receipt = find_receipt(path)
    if receipt is not None:
        return read_json(receipt)
    return {"source": str(path), **({"sha256": reads.hash_file(path)} if path.is_file() else reads.summarize(path))}


def describe_dataset(card_file: str | Path) -> dict[str, Any]:
    """Return the id and the checksums of a data set that another one was made from, read from its card."""
    content = read_json(card_file)
    return {key: content[key] for key in ("dataset", "images_sha256", "instances_sha256")}


def find_receipt(path: Path) -> Path | None:
    """Return the receipt of a downloaded archive; None for a local file or folder."""
    receipt = Path(f"{path}.json")
    return receipt if str(path).startswith("resources/archives/") and receipt.is_file() else None
