"""The cells of a run from the files that their shards were written to."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from samgap import tables
from samgap.statistics.estimates import Key
from samgap.statistics.strata import Cell


class Shards:
    """Paths of tables `pairs` (and `instances`), in any order, by the cell that their hive path names."""

    def __init__(self, pairs: Iterable[str | Path], instances: Iterable[str | Path] = ()) -> None:
        self._pairs, self._instances = _by_cell(pairs), _by_cell(instances)

    def __len__(self) -> int:
        return len(self._pairs)

    def read(self, key: Key) -> Cell:
        """All pairs of a cell, shard by shard; skipped where one of its shards was."""
        reasons = (tables.provenance(path).get("skipped") for path in self._pairs[key])
        instances = _joined(self._instances[key], "instances") if key in self._instances else None
        return Cell(_joined(self._pairs[key], "pairs"), instances, next(filter(None, reasons), None))


def _by_cell(paths: Iterable[str | Path]) -> dict[Key, list[Path]]:
    found: dict[Key, list[Path]] = defaultdict(list)
    for path in sorted(map(Path, paths)):
        keys = dict(part.split("=", 1) for part in path.parts if "=" in part)
        found[keys["dataset"], keys["model"], keys["prompts"]].append(path)
    return dict(found)


def _joined(paths: Iterable[Path], name: str) -> pd.DataFrame:
    return pd.concat([tables.read(path, name) for path in paths], ignore_index=True)


def images_of(paths: Iterable[str | Path]) -> dict[str, pd.DataFrame]:
    """The tables `images` by data set, whose name is that of the folder that they lie in."""
    return {Path(path).parent.name: tables.read(path, "images") for path in paths}
