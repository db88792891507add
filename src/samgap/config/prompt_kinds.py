"""The declarations of the kinds of prompts, read from their modules without importing them.

Each kind is a module `src/samgap/prompts/<kind>.py` with these literals at its top level:

- `ROW_KINDS`: the values of column `kind` in its rows.
- `SPATIAL`: whether each row points at one instance. Of a spatial prompt, the mask with the highest score is evaluated,
  without a score threshold; predictions for other prompts are filtered by score and assigned to all instances of the
  prompt.
- `INPUTS`: the columns of table `prompts` that are inputs of the model: any of `points`, `boxes`, `mask`, `phrase`.
- `SEQUENCE` (optional, default False): whether its rows form tracks, of which only the first row has inputs.
- `INTERACTIVE` (optional, default False): whether its rows hold a first point, which clicks correct at prediction time;
  column `clicks` has their maximum number.
- `AUTOMATIC` (optional, default False): whether the points of a row are those of an automatic mask generator, which
  filters the masks of all points together.
- `UNLABELLED` (optional, default empty): those of `ROW_KINDS` whose phrases name things that are present but not
  annotated.
- `TRAINABLE` (optional, default False): whether its option `phrases` lists all its phrases, so that a training may use
  them.
- `SEED_OPTIONS` (optional): the options with which it draws random numbers, and the value of each with which it does
  not, which is also the default; `{}` for a kind that never draws. Without it, all rows may depend on the run's seed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samgap.config.module_literals import list_modules, list_top_level_names, read_literals
from samgap.errors import UserError

MARKER = "generate_prompts"
"""The name that a kind's module defines; the other modules of the folder are helpers."""
REQUIRED_LITERALS = ("ROW_KINDS", "SPATIAL", "INPUTS")
INPUT_COLUMNS = ("points", "boxes", "mask", "phrase")
"""The allowed values of `INPUTS`."""
OPTIONAL: dict[str, Any] = {
    "SEQUENCE": False,
    "INTERACTIVE": False,
    "AUTOMATIC": False,
    "UNLABELLED": (),
    "TRAINABLE": False,
    "SEED_OPTIONS": None,
}
"""The optional literals and their defaults."""


@dataclass(frozen=True)
class PromptKind:
    """The declaration of one kind of prompts; the module docstring describes the fields."""

    id: str
    row_kinds: tuple[str, ...]
    spatial: bool
    inputs: tuple[str, ...]
    sequence: bool
    interactive: bool
    automatic: bool
    unlabelled: tuple[str, ...]
    trainable: bool
    seed_options: Mapping[str, Any] | None

    def uses_seed(self, options: Mapping[str, Any]) -> bool:
        """Whether the rows of a prompt set with these options, or the choice of its rows, depend on the run's seed."""
        if self.seed_options is None or options.get("subset"):
            return True
        return any(options.get(name, value) != value for name, value in self.seed_options.items())

    @property
    def takes_phrase(self) -> bool:
        """Whether a phrase is among the inputs."""
        return "phrase" in self.inputs

    def describe_handling(self, row_kind: str) -> dict[str, bool]:
        """Return the properties that decide how rows of `row_kind` are handled, by the literal that declares each."""
        return {
            "SPATIAL": self.spatial,
            "SEQUENCE": self.sequence,
            "INTERACTIVE": self.interactive,
            "AUTOMATIC": self.automatic,
            "UNLABELLED": row_kind in self.unlabelled,
            "INPUTS (phrase)": self.takes_phrase,
        }


PROPERTIES: dict[str, Callable[[PromptKind], bool]] = {
    "spatial": lambda kind: kind.spatial and not kind.takes_phrase,
    "boxes": lambda kind: kind.spatial and not kind.takes_phrase and not kind.interactive and "boxes" in kind.inputs,
    "automatic": lambda kind: kind.automatic,
    "sequence": lambda kind: kind.sequence,
    "text": lambda kind: not kind.spatial and set(kind.inputs) == {"phrase"},
    "exemplars": lambda kind: not kind.spatial and set(kind.inputs) == {"phrase", "boxes"},
}
"""Names that stand for all kinds with a property, in the `KINDS` of a model family."""


def read_prompt_kinds(root: Path) -> dict[str, PromptKind]:
    """Return the declarations of all kinds of prompts by their ids, sorted.

    Args:
        root: the root of the repository.

    Raises:
        UserError: a kind lacks a declaration, its declarations contradict each other, or two kinds declare the same row
            kind differently.
    """
    files = list_modules(root / "src" / "samgap" / "prompts", MARKER)
    kinds = {id: _read_prompt_kind(id, file) for id, file in files.items()}
    _validate_shared_row_kinds(kinds.values())
    return kinds


def _read_prompt_kind(id: str, file: Path) -> PromptKind:
    literals = read_literals(file, *REQUIRED_LITERALS, *OPTIONAL)
    # An optional literal that is there but is not a literal would otherwise count as its default.
    needed = (*REQUIRED_LITERALS, *(list_top_level_names(file) & OPTIONAL.keys()))
    missing = [name for name in needed if name not in literals]
    if missing:
        raise UserError(
            f"{file}: the kind of prompts '{id}' does not declare {', '.join(missing)}; add it as a literal at the top "
            "level, as the other modules of that folder do"
        )
    unknown = [name for name in literals["INPUTS"] if name not in INPUT_COLUMNS]
    if unknown:
        raise UserError(
            f"{file}: INPUTS names '{unknown[0]}', which is not one of {', '.join(INPUT_COLUMNS)}; correct it"
        )
    literals = OPTIONAL | literals
    kind = PromptKind(
        id,
        tuple(literals["ROW_KINDS"]),
        literals["SPATIAL"],
        tuple(literals["INPUTS"]),
        literals["SEQUENCE"],
        literals["INTERACTIVE"],
        literals["AUTOMATIC"],
        tuple(literals["UNLABELLED"]),
        literals["TRAINABLE"],
        literals["SEED_OPTIONS"],
    )
    if fault := _find_contradiction(kind):
        raise UserError(f"{file}: {fault}")
    return kind


def _find_contradiction(kind: PromptKind) -> str | None:
    """Return what is wrong with a declaration whose literals do not fit together, and what to write."""
    takes_points = "points" in kind.inputs and not kind.takes_phrase
    for is_wrong, fault in (
        (kind.id in PROPERTIES, f"'{kind.id}' stands for several kinds in KINDS of a family; choose another name"),
        (kind.sequence and not kind.spatial, "SEQUENCE is True, so SPATIAL must be True; correct one of them"),
        (
            kind.interactive and not (kind.spatial and takes_points and not kind.sequence),
            "INTERACTIVE is True, so SPATIAL must be True, SEQUENCE False, and INPUTS have points and no phrase; "
            "correct them",
        ),
        (
            kind.automatic and (kind.spatial or not takes_points),
            "AUTOMATIC is True, so SPATIAL must be False, and INPUTS have points and no phrase; correct them",
        ),
        (
            bool(set(kind.unlabelled) - set(kind.row_kinds)),
            "UNLABELLED names a row kind that is not in ROW_KINDS; correct it",
        ),
        (
            bool(kind.unlabelled) and (kind.spatial or not kind.takes_phrase),
            "UNLABELLED names row kinds, so SPATIAL must be False, and INPUTS have phrase; correct them",
        ),
        (
            kind.trainable and not PROPERTIES["text"](kind),
            "TRAINABLE is True, so SPATIAL must be False, and INPUTS phrase alone; correct them",
        ),
    ):
        if is_wrong:
            return fault
    return None


def _validate_shared_row_kinds(kinds: Iterable[PromptKind]) -> None:
    """Raise UserError if two kinds of prompts make rows of the same kind that would be handled differently."""
    first: dict[str, PromptKind] = {}
    for kind in kinds:
        for name in kind.row_kinds:
            other = first.setdefault(name, kind)
            handling, other_handling = kind.describe_handling(name), other.describe_handling(name)
            differing = [literal for literal in handling if handling[literal] != other_handling[literal]]
            if differing:
                raise UserError(
                    f"src/samgap/prompts: '{kind.id}' and '{other.id}' declare the row kind '{name}' with different "
                    f"{', '.join(differing)}; give the rows of one of them another kind"
                )
