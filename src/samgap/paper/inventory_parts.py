"""Parts of models in the table `inventory`: their parameters, the shapes of their tensors, and single constants."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from samgap.errors import UserError
from samgap.tables.inventory import ATTRIBUTE, TENSOR


@dataclass(frozen=True)
class Part:
    """Some modules of a model.

    Attributes:
        n_parameters: Their parameters.
        shapes: Shape of a trained tensor -> number of tensors with it.
        package: The package of the model, with its version: `sam3 0.1.4`.
    """

    n_parameters: int
    shapes: Counter[tuple[int, ...]]
    package: str

    @property
    def n_tensors(self) -> int:
        """Return the number of trained tensors."""
        return self.shapes.total()


class ModelInventory:
    """The rows of one model.

    Args:
        inventory: Table `inventory`.
        model: A model in it.

    Raises:
        UserError: The table does not list the model.
    """

    def __init__(self, inventory: pd.DataFrame, model: str) -> None:
        self.model = model
        self._rows = inventory[inventory["model"] == model]
        if self._rows.empty:
            raise UserError(
                f"the inventory does not list the model {model}; it lists {sorted(set(inventory['model']))}"
            )
        self._package = " ".join(self._rows[["package", "version"]].iloc[0])

    def get_part(self, modules: Sequence[str] = ("",), without: Sequence[str] = ()) -> Part:
        """Return the part with the trained tensors of `modules`, but not those of the modules `without`.

        Args:
            modules: Paths of modules; "" is the whole model.
            without: Paths of modules or tensors within them.

        Raises:
            UserError: The model has no such path.
        """
        for path in (*modules, *without):
            if path not in set(self._rows["path"]):
                raise UserError(f"{self.model} has no module {path} in the inventory; correct the path")
        tensors = self._rows[(self._rows["part"] == TENSOR) & (self._rows["trained"] == True)]  # noqa: E712
        paths = tensors["path"]
        is_inside = _is_within(paths, modules) & ~_is_within(paths, without)
        shapes = Counter(tuple(int(size) for size in shape) for shape in tensors.loc[is_inside, "shape"])
        return Part(int(tensors.loc[is_inside, "n_total"].sum()), shapes, self._package)

    def get_value(self, path: str) -> Any:
        """Return the value of a constant; None if the model has none at this path."""
        rows = self._rows[(self._rows["part"] == ATTRIBUTE) & (self._rows["path"] == path)]
        return None if rows.empty else json.loads(rows["value"].iloc[0])

    def get_shape(self, path: str) -> tuple[int, ...] | None:
        """Return the shape of a tensor; None if the model has none at this path."""
        rows = self._rows[(self._rows["part"] == TENSOR) & (self._rows["path"] == path)]
        return None if rows.empty else tuple(int(size) for size in rows["shape"].iloc[0])

    def has(self, path: str) -> bool:
        """Return whether the model has a module, tensor or constant at this path."""
        return bool((self._rows["path"] == path).any())

    def list_values(self, pattern: str) -> dict[str, Any]:
        """Return path -> value of the constants whose paths match a regular expression, in the order of the table."""
        rows = self._rows[(self._rows["part"] == ATTRIBUTE) & self._rows["path"].str.fullmatch(pattern)]
        return {str(path): json.loads(value) for path, value in zip(rows["path"], rows["value"], strict=True)}


def format_count(count: int) -> str:
    """Format a number of parameters: `446.2 M`, `1.38 M`, `6,220`."""
    if count >= 10_000_000:
        return f"{count / 1e6:.1f} M"
    return f"{count / 1e6:.2f} M" if count >= 100_000 else f"{count:,}"


def _is_within(paths: pd.Series, modules: Sequence[str]) -> pd.Series:
    """Return which paths are one of the modules, or within one."""
    inside = pd.Series(False, index=paths.index)
    for module in modules:
        inside |= (paths == module) | paths.str.startswith(f"{module}." if module else "")
    return inside
