"""What each model answers, told from its family's file, which is read and not imported: a plan needs no torch."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from samgap.config import plugins
from samgap.config.prompt_kinds import read_prompt_kinds
from samgap.errors import UserError

COMPONENT_KINDS = {"detector": "phrases", "segmenter": "box"}
"""Keys of a model that name another one, which is a part of it, and the kind of prompts that this one must answer."""


def components(model: Mapping[str, Any]) -> dict[str, str]:
    """The models that a model is made of, by their role."""
    return {role: model[role] for role in COMPONENT_KINDS if role in model}


def validate_capabilities(
    config: Mapping[str, Any], cells: Iterable[tuple[str, tuple[str, str, str]]], root: Path
) -> None:
    """UserError where a model is asked what it cannot answer, by one of `cells` (where it stands, the cell) or as a
    part of another model, or where a kind of prompts declares nothing. `root` is the repository's root."""
    read_prompt_kinds(root)
    for name, entry in config["models"].items():
        for role, part in components(entry).items():
            if components(config["models"][part]):
                raise UserError(f"config: models.{name}.{role} is '{part}', which has parts itself; name one without")
            kinds, hint = accepted_kinds(config, part, root, COMPONENT_KINDS[role])
            if COMPONENT_KINDS[role] not in kinds:
                raise UserError(
                    f"config: models.{name}.{role} is '{part}', which must answer the kind {COMPONENT_KINDS[role]}, but answers "
                    f"{', '.join(kinds)} alone{hint}"
                )
    for where, (_, model, prompts) in cells:
        kind = config["prompts"][prompts]["kind"]
        kinds, hint = accepted_kinds(config, model, root, kind)
        if kind not in kinds:
            raise UserError(
                f"config: {where} asks the model '{model}' the prompts '{prompts}' of kind {kind}, but its family "
                f"{config['models'][model]['family']} answers {', '.join(kinds)} alone{hint}"
            )


def accepted_kinds(
    config: Mapping[str, Any], model: str, root: Path, requested_kind: str
) -> tuple[tuple[str, ...], str]:
    """The kinds of prompts that a model answers; and which option would add the kind `asked`, if one would.

    A model with a detector answers no more than that does.
    """
    entry = config["models"][model]
    file = plugins.list_plugins(root, "models")[entry["family"]]
    told = plugins.read_literals(file, "KINDS", "KINDS_WITH")
    if "KINDS" not in told:
        raise UserError(f"{file}: no literal KINDS = (…), which says what kinds of prompts the family answers; add it")
    kinds, hint = _expand_spatial(told["KINDS"], root), ""
    for option, names in told.get("KINDS_WITH", {}).items():
        more = _expand_spatial(names, root)
        if entry.get(option):
            kinds += more
        elif requested_kind in more:
            hint = f"; if its weights hold the part for that, set `{option}: true` in models.{model}"
    if "detector" in entry:
        found, _ = accepted_kinds(config, entry["detector"], root, requested_kind)
        kinds = tuple(kind for kind in kinds if kind in found)
    return kinds, hint


def _expand_spatial(kinds: Iterable[str], root: Path) -> tuple[str, ...]:
    """Replace "spatial" by all kinds of prompts that are declared spatial."""
    spatial = [kind.id for kind in read_prompt_kinds(root).values() if kind.spatial] if "spatial" in kinds else []
    return tuple(name for kind in kinds for name in (spatial if kind == "spatial" else [kind]))
