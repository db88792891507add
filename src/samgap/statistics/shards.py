"""The cells of a run from the files that their shards were written to."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from samgap.statistics.estimates import CellKey
from samgap.statistics.strata import Cell
from samgap.tables import parquet
from samgap.tables.images import IMAGES
from samgap.tables.matching import INSTANCES, PAIRS

TABLES = {"instances": INSTANCES, "pairs": PAIRS}


class CellReader:
    """Paths of tables `pairs` (and `instances`), in any order, by the cell that their hive path names."""

    def __init__(self, pairs: Iterable[str | Path], instances: Iterable[str | Path] = ()) -> None:
        self._pairs_paths, self._instances_paths = _group_by_cell(pairs), _group_by_cell(instances)

    def __len__(self) -> int:
        return len(self._pairs_paths)

    def read(self, key: CellKey) -> Cell:
        """All pairs of a cell, shard by shard; skipped where one of its shards was."""
        reasons = (parquet.read_provenance(path).get("skipped") for path in self._pairs_paths[key])
        instances = (
            _read_concatenated(self._instances_paths[key], "instances") if key in self._instances_paths else None
        )
        return Cell(_read_concatenated(self._pairs_paths[key], "pairs"), instances, next(filter(None, reasons), None))


def _group_by_cell(paths: Iterable[str | Path]) -> dict[CellKey, list[Path]]:
    found: dict[CellKey, list[Path]] = defaultdict(list)
    for path in sorted(map(Path, paths)):
        keys = dict(part.split("=", 1) for part in path.parts if "=" in part)
        found[keys["dataset"], keys["model"], keys["prompts"]].append(path)
    return dict(found)


def _read_concatenated(paths: Iterable[Path], name: str) -> pd.DataFrame:
    return pd.concat([TABLES[name].read(path) for path in paths], ignore_index=True)


def read_images(paths: Iterable[str | Path]) -> dict[str, pd.DataFrame]:
    """The tables `images` by data set, whose name is that of the folder that they lie in."""
    return {Path(path).parent.name: IMAGES.read(path) for path in paths}
