"""Read the cells of a run from the files of their shards."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from samgap.statistics.estimates import CellKey
from samgap.statistics.strata import Cell
from samgap.tables import parquet
from samgap.tables.images import IMAGES
from samgap.tables.matching import INSTANCES, PAIRS

TABLES = {"instances": INSTANCES, "pairs": PAIRS}


class CellReader:
    """Reader of tables `pairs` and `instances`, grouped by the cell in their hive paths.

    Args:
        exhaustive: Data set -> whether its labels are exhaustive: every object of its nouns is labelled.
        pairs: The paths of the tables `pairs`, in any order.
        instances: The paths of the tables `instances`, in any order.
    """

    def __init__(
        self, exhaustive: Mapping[str, bool], pairs: Iterable[str | Path], instances: Iterable[str | Path] = ()
    ) -> None:
        self._exhaustive = exhaustive
        self._pairs_paths, self._instances_paths = _group_by_cell(pairs), _group_by_cell(instances)

    def __len__(self) -> int:
        return len(self._pairs_paths)

    def read(self, key: CellKey) -> Cell:
        """Read all shards of a cell, with rows in the order of image and prompt, however many shards there are.

        The cell is skipped if one of its shards was skipped.
        """
        skip_reasons = (parquet.read_provenance(path).get("skipped") for path in self._pairs_paths[key])
        instances = (
            _read_concatenated(self._instances_paths[key], "instances") if key in self._instances_paths else None
        )
        pairs = _read_concatenated(self._pairs_paths[key], "pairs")
        return Cell(pairs, instances, next(filter(None, skip_reasons), None), self._exhaustive[key[0]])


def _group_by_cell(paths: Iterable[str | Path]) -> dict[CellKey, list[Path]]:
    paths_by_cell: dict[CellKey, list[Path]] = defaultdict(list)
    for path in sorted(map(Path, paths)):
        hive_keys = dict(part.split("=", 1) for part in path.parts if "=" in part)
        paths_by_cell[hive_keys["dataset"], hive_keys["model"], hive_keys["prompts"]].append(path)
    return dict(paths_by_cell)


def _read_concatenated(paths: Iterable[Path], table_name: str) -> pd.DataFrame:
    rows = pd.concat([TABLES[table_name].read(path) for path in paths], ignore_index=True)
    return rows.sort_values(["image_id", "prompt_id"], kind="stable", ignore_index=True)


def read_images(paths: Iterable[str | Path]) -> dict[str, pd.DataFrame]:
    """Read tables `images` by data set, which is the name of the parent folder."""
    return {Path(path).parent.name: IMAGES.read(path) for path in paths}
