"""Row kinds: the values of column `kind` of table `prompts`, as the modules of this package declare them.

A row kind decides how a row is checked, which part of a model predicts it and how its predictions are matched.
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from samgap.config.prompt_kinds import read_prompt_kinds
from samgap.errors import UserError

ROOT = Path(__file__).parents[3]
"""The root of the repository."""

RowProperty = Literal["spatial", "sequence", "interactive", "automatic", "unlabelled", "takes_phrase", "names_concept"]


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
    interactive: bool
    """Whether clicks correct the prediction, which needs the ground truth at prediction time."""
    automatic: bool
    """Whether the points are those of an automatic mask generator."""
    unlabelled: bool
    """Whether the phrase names a thing that is present but not annotated."""

    @property
    def takes_phrase(self) -> bool:
        """Whether a phrase is among the inputs."""
        return "phrase" in self.inputs

    @property
    def names_concept(self) -> bool:
        """Whether the row has a phrase whose instances are annotated."""
        return self.takes_phrase and not self.unlabelled


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


def select_row_kinds(names: Iterable[str], property: RowProperty) -> frozenset[str]:
    """Return those of `names` that have a property; an undeclared row kind raises UserError."""
    return frozenset(name for name in names if getattr(get_row_kind(name), property))


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
            inputs = frozenset(kind.inputs) | (row_kinds[name].inputs if name in row_kinds else frozenset())
            row_kinds[name] = RowKind(
                name, kind.spatial, inputs, kind.sequence, kind.interactive, kind.automatic, name in kind.unlabelled
            )
    return row_kinds
