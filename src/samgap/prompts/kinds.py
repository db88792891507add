"""Row kinds: the values of column `kind` of table `prompts`, as the modules of this package declare them.

A row kind decides how a row is checked, which part of a model predicts it and how its predictions are matched.
"""

import functools
from dataclasses import dataclass
from pathlib import Path

from samgap.config.prompt_kinds import read_prompt_kinds
from samgap.errors import UserError

ROOT = Path(__file__).parents[3]
"""The root of the repository."""


@dataclass(frozen=True)
class RowKind:
    """The properties of all rows of table `prompts` with one value of column `kind`."""

    name: str
    spatial: bool
    """Whether a row refers to one instance, so that the best mask alone is evaluated."""
    inputs: frozenset[str]
    """The columns that may contain the input of the model: `points`, `boxes`, `mask`, `phrase`."""
    sequence: bool
    """Whether the rows form tracks, of which only the first row has inputs."""

    @property
    def takes_phrase(self) -> bool:
        """Whether a phrase is among the inputs."""
        return "phrase" in self.inputs


def get_row_kind(name: str) -> RowKind:
    """Return the properties of a row kind.

    Raises:
        UserError: no kind of prompts declares it.
    """
    row_kinds = read_row_kinds(ROOT)
    if name not in row_kinds:
        raise UserError(
            f"prompts: no module of src/samgap/prompts declares the row kind '{name}'; add it to the ROW_KINDS of the "
            "module that makes such rows"
        )
    return row_kinds[name]


def is_spatial(name: str) -> bool:
    """Return whether rows of a kind refer to one instance; an undeclared row kind raises UserError."""
    return get_row_kind(name).spatial


def list_spatial_row_kinds() -> frozenset[str]:
    """Return the names of all row kinds whose rows refer to one instance."""
    return frozenset(name for name, row_kind in read_row_kinds(ROOT).items() if row_kind.spatial)


@functools.cache
def read_row_kinds(root: Path) -> dict[str, RowKind]:
    """Return all declared row kinds by name.

    Several kinds of prompts may make rows of the same kind (all lists of phrases do). Such a row kind has the inputs of
    all of them.

    Args:
        root: the root of the repository.

    Raises:
        UserError: a kind of prompts lacks its declarations, or two declare the same row kind differently.
    """
    row_kinds: dict[str, RowKind] = {}
    for kind in read_prompt_kinds(root).values():
        for name in kind.row_kinds:
            row_kind = RowKind(name, kind.spatial, frozenset(kind.inputs), kind.sequence)
            earlier = row_kinds.get(name, row_kind)
            if (earlier.spatial, earlier.sequence) != (row_kind.spatial, row_kind.sequence):
                raise UserError(
                    f"src/samgap/prompts: '{kind.id}' and another module declare the row kind '{name}' with different "
                    "SPATIAL or SEQUENCE; give the rows of one of them another kind"
                )
            row_kinds[name] = RowKind(name, kind.spatial, row_kind.inputs | earlier.inputs, kind.sequence)
    return row_kinds
