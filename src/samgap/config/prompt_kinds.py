"""The declarations of the kinds of prompts, read from their modules without importing them.

Each kind is a module `src/samgap/prompts/<kind>.py` with these literals at its top level:

- `ROW_KINDS`: the values of column `kind` in its rows.
- `SPATIAL`: whether each row points at one instance. Of a spatial prompt, the mask with the highest score is evaluated,
  without a score threshold; predictions for other prompts are filtered by score and assigned to all instances of the
  prompt.
- `INPUTS`: the columns of table `prompts` that are inputs of the model: any of `points`, `boxes`, `mask`, `phrase`.
- `SEQUENCE` (optional, default False): whether its rows form tracks, of which only the first row has inputs.
"""

from dataclasses import dataclass
from pathlib import Path

from samgap.config.module_literals import list_modules, read_literals
from samgap.errors import UserError

MARKER = "generate_prompts"
"""The name that a kind's module defines; the other modules of the folder are helpers."""
REQUIRED_LITERALS = ("ROW_KINDS", "SPATIAL", "INPUTS")
INPUT_COLUMNS = ("points", "boxes", "mask", "phrase")
"""The allowed values of `INPUTS`."""


@dataclass(frozen=True)
class PromptKind:
    """The declaration of one kind of prompts; the module docstring describes the fields."""

    id: str
    row_kinds: tuple[str, ...]
    spatial: bool
    inputs: tuple[str, ...]
    sequence: bool


def read_prompt_kinds(root: Path) -> dict[str, PromptKind]:
    """Return the declarations of all kinds of prompts by their ids, sorted.

    Args:
        root: the root of the repository.

    Raises:
        UserError: a kind lacks a declaration, or declares an input that is not a column of table `prompts`.
    """
    return {
        id: _read_prompt_kind(id, file)
        for id, file in list_modules(root / "src" / "samgap" / "prompts", MARKER).items()
    }


def _read_prompt_kind(id: str, file: Path) -> PromptKind:
    literals = read_literals(file, *REQUIRED_LITERALS, "SEQUENCE")
    missing = [name for name in REQUIRED_LITERALS if name not in literals]
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
    return PromptKind(
        id,
        tuple(literals["ROW_KINDS"]),
        literals["SPATIAL"],
        tuple(literals["INPUTS"]),
        literals.get("SEQUENCE", False),
    )
