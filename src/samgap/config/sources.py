"""Data sets that are made from another one, their `source`."""

from collections.abc import Mapping
from typing import Any

from samgap.errors import UserError


def list_sources(datasets: Mapping[str, Mapping[str, Any]], dataset: str) -> list[str]:
    """Return the source of a data set, the source of that one, and so on; none for a data set without a source.

    Args:
        datasets: Section `datasets` of the configuration.
        dataset: An id of it.
    """
    sources: list[str] = []
    current = datasets.get(dataset, {}).get("source")
    while current is not None and current not in sources:
        sources.append(current)
        current = datasets.get(current, {}).get("source")
    return sources


def validate_sources(datasets: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise UserError for a data set that is made from itself, or whose source lacks labels that it does not admit.

    Args:
        datasets: Section `datasets` of the configuration, with valid references and defaults.
    """
    for name, entry in datasets.items():
        if name in (sources := list_sources(datasets, name)):
            chain = " from ".join([name, *sources[: sources.index(name) + 1]])
            raise UserError(f"config: datasets.{name}.source: it would be made from itself ({chain}); name another one")
        if sources and entry["exhaustive"] and not datasets[sources[0]]["exhaustive"]:
            raise UserError(
                f"config: datasets.{name}.exhaustive is true, but its source {sources[0]} lacks labels "
                "(exhaustive: false); write `exhaustive: false` here, too"
            )
