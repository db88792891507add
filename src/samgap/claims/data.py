"""The tables from which claims are decided, and the roles of data sets and models in a run."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from samgap.tables.inventory import INVENTORY, MODULE, PROBES
from samgap.tables.statistics import COMPARISONS, ESTIMATES

TABLES = {"inventory": INVENTORY, "probes": PROBES, "estimates": ESTIMATES, "comparisons": COMPARISONS}


@dataclass(frozen=True)
class ClaimData:
    """The tables of a finished run.

    Attributes:
        inventory: table `inventory`.
        probes: table `probes`.
        estimates: table `estimates`.
        comparisons: table `comparisons`.
        datasets: role -> id of a data set of the run.
        models: role -> id of a model of the run.
        demo_models: ids of demo models, and of models with a demo model as a component.
        sources: key -> source, as in config/paper/sources.yaml.
    """

    inventory: pd.DataFrame
    probes: pd.DataFrame
    estimates: pd.DataFrame
    comparisons: pd.DataFrame
    datasets: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    demo_models: Collection[str] = ()
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, paths: Mapping[str, str | Path], **settings: Any) -> "ClaimData":
        """Read the tables from `paths`, keyed by TABLES."""
        tables: dict[str, Any] = {name: table.read(paths[name]) for name, table in TABLES.items()}
        return cls(**tables, **settings)

    def get_items(self, model: str) -> Mapping[str, Any]:
        """Return path -> row of the inventory of a model, as named tuples; an empty mapping if it is not listed."""
        return self._items_by_model.get(model, {})

    def get_owner(self, model: str, path: str) -> Any:
        """Return the row of the innermost module of the package's own code that is or contains what is at `path`.

        A module of torch, such as a `Linear`, says nothing of the model; the module that builds it does.
        """
        items = self.get_items(model)
        while path and not (path in items and items[path].part == MODULE and _is_own(items[path])):
            path = path.rpartition(".")[0]
        return items[path]

    @cached_property
    def _items_by_model(self) -> dict[str, dict[str, Any]]:
        items: dict[str, dict[str, Any]] = {}
        for row in self.inventory.itertuples(index=False):
            items.setdefault(str(row.model), {})[str(row.path)] = row
        return items


def _is_own(row: Any) -> bool:
    """Return whether the class of a module is code of the model's package."""
    return str(row.file).startswith(f"{row.package}/")
