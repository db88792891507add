"""The card of a data set, `dataset.json`: counts, checksums, sources and options."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.io.files import read_json, sha256


def make_card(
    dataset: str,
    options: Mapping[str, Any],
    counts: Mapping[str, Any],
    inputs: Mapping[str, Path],
    output: Mapping[str, str],
    seed: int,
) -> dict[str, Any]:
    """Make the card of a data set.

    Args:
        dataset: Id of the data set.
        options: Its entry in the configuration.
        counts: Counts and checksums that `write_dataset` returns.
        inputs: Archives, folders and lists that it was made from, by role; empty for a simulated one.
        output: Paths of the written files by name: `instances`, `table`.
        seed: Seed of a simulated data set.
    """
    return {
        "dataset": dataset,
        "kind": options["kind"],
        "exhaustive": options.get("exhaustive", True),
        **counts,
        "instances_sha256": sha256(output["instances"]),
        "table_sha256": sha256(output["table"]),
        "sources": {role: describe_source(path) for role, path in inputs.items()} or {"seed": seed},
        "options": options,
    }


def describe_source(path: Path) -> dict[str, Any]:
    """Return the receipt of a downloaded archive; otherwise the local path, with the SHA-256 of a file."""
    receipt = Path(f"{path}.json")
    if str(path).startswith("resources/archives/") and receipt.is_file():
        return read_json(receipt)
    return {"source": str(path), **({"sha256": sha256(path)} if path.is_file() else {})}
