"""What each model answers, told from its family's file, which is read and not imported: a plan needs no torch."""

import ast
import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from samgap.errors import UserError

PARTS = {"detector": "phrases", "segmenter": "box"}
"""Keys of a model that name another one, which is a part of it, and the kind of prompts that this one must answer."""


def parts(model: Mapping[str, Any]) -> dict[str, str]:
    """The models that a model is made of, by their role."""
    return {role: model[role] for role in PARTS if role in model}


def check(config: Mapping[str, Any], cells: Iterable[tuple[str, tuple[str, str, str]]], root: Path) -> None:
    """UserError where a model is asked what it cannot answer, by one of `cells` (where it stands, the cell) or as a
    part of another model. `root` is the repository's root."""
    for name, entry in config["models"].items():
        for role, part in parts(entry).items():
            if parts(config["models"][part]):
                raise UserError(f"config: models.{name}.{role} is '{part}', which has parts itself; name one without")
            kinds, hint = answered(config, part, root, PARTS[role])
            if PARTS[role] not in kinds:
                raise UserError(
                    f"config: models.{name}.{role} is '{part}', which must answer the kind {PARTS[role]}, but answers "
                    f"{', '.join(kinds)} alone{hint}"
                )
    for where, (_, model, prompts) in cells:
        kind = config["prompts"][prompts]["kind"]
        kinds, hint = answered(config, model, root, kind)
        if kind not in kinds:
            raise UserError(
                f"config: {where} asks the model '{model}' the prompts '{prompts}' of kind {kind}, but its family "
                f"{config['models'][model]['family']} answers {', '.join(kinds)} alone{hint}"
            )


def answered(config: Mapping[str, Any], model: str, root: Path, asked: str) -> tuple[tuple[str, ...], str]:
    """The kinds of prompts that a model answers; and which option would add the kind `asked`, if one would.

    A model with a detector answers no more than that does.
    """
    entry = config["models"][model]
    file = root / "src/samgap/models" / f"{entry['family'].replace('-', '_')}.py"
    told = _literals(file)
    if "KINDS" not in told:
        raise UserError(f"{file}: no literal KINDS = (…), which says what kinds of prompts the family answers; add it")
    kinds, hint = tuple(told["KINDS"]), ""
    for option, more in told.get("KINDS_WITH", {}).items():
        if entry.get(option):
            kinds += tuple(more)
        elif asked in more:
            hint = f"; if its weights hold the part for that, set `{option}: true` in models.{model}"
    if "detector" in entry:
        found, _ = answered(config, entry["detector"], root, asked)
        kinds = tuple(kind for kind in kinds if kind in found)
    return kinds, hint


def _literals(file: Path) -> dict[str, Any]:
    """`KINDS = (…)` and `KINDS_WITH = {option: (…)}` of a family's file."""
    found: dict[str, Any] = {}
    for node in ast.parse(file.read_text()).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names = {target.id for target in targets if isinstance(target, ast.Name)} & {"KINDS", "KINDS_WITH"}
        value = getattr(node, "value", None)
        if names and value is not None:
            with contextlib.suppress(ValueError):
                found |= dict.fromkeys(names, ast.literal_eval(value))
    return found
