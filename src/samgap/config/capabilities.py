"""Kinds of prompts that each model accepts, read from its family's module without importing torch."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from samgap.config import module_literals, plugins
from samgap.config.prompt_kinds import read_prompt_kinds
from samgap.errors import UserError

COMPONENT_KINDS = {"detector": "phrases", "segmenter": "box"}
"""Keys of a model that name another model as its component -> the kind of prompts that the component must accept."""


def list_components(model: Mapping[str, Any]) -> dict[str, str]:
    """Return role -> id of the models that an entry of `models` is composed of."""
    return {role: model[role] for role in COMPONENT_KINDS if role in model}


def validate_capabilities(
    config: Mapping[str, Any], cells: Iterable[tuple[str, tuple[str, str, str]]], root: Path
) -> None:
    """Raise UserError where a cell or a composed model needs a kind of prompts that a model does not accept.

    Args:
        config: The configuration, with valid references.
        cells: The cells, each with the key that needs it: `("experiments.boxes", (dataset, model, prompts))`.
        root: The root of the repository.
    """
    read_prompt_kinds(root)
    _validate_components(config, root)
    for key_path, (_, model, prompts) in cells:
        kind = config["prompts"][prompts]["kind"]
        kinds, hint = list_accepted_kinds(config, model, root, kind)
        if kind not in kinds:
            raise UserError(
                f"config: {key_path} prompts the model '{model}' with '{prompts}' of kind {kind}, but its family "
                f"{config['models'][model]['family']} accepts only {', '.join(kinds)}{hint}"
            )


def list_accepted_kinds(
    config: Mapping[str, Any], model: str, root: Path, requested_kind: str
) -> tuple[tuple[str, ...], str]:
    """Return the kinds of prompts that a model accepts, and a hint at the option that would add `requested_kind`.

    They are the literal `KINDS` of its family's module, and those of `KINDS_WITH` for each option that the model sets.
    A model with a detector accepts only what the detector accepts too. The hint is empty if no option helps.

    Args:
        config: The configuration.
        model: An id of `models`.
        root: The root of the repository.
        requested_kind: The kind that the hint is about.

    Raises:
        UserError: If the family's module has no literal `KINDS`.
    """
    entry = config["models"][model]
    file = plugins.list_plugins(root, "models")[entry["family"]]
    literals = module_literals.read_literals(file, "KINDS", "KINDS_WITH")
    if "KINDS" not in literals:
        raise UserError(f"{file}: no literal KINDS = (…) with the kinds of prompts that the family accepts; add it")
    kinds, hint = _expand_spatial(literals["KINDS"], root), ""
    for option, declared in literals.get("KINDS_WITH", {}).items():
        more_kinds = _expand_spatial(declared, root)
        if entry.get(option):
            kinds += more_kinds
        elif requested_kind in more_kinds:
            hint = f"; if its weights support that, set `{option}: true` in models.{model}"
    if "detector" in entry:
        detector_kinds, _ = list_accepted_kinds(config, entry["detector"], root, requested_kind)
        kinds = tuple(kind for kind in kinds if kind in detector_kinds)
    return kinds, hint


def _expand_spatial(kinds: Iterable[str], root: Path) -> tuple[str, ...]:
    """Replace "spatial" by all kinds of prompts that are declared spatial."""
    spatial = [kind.id for kind in read_prompt_kinds(root).values() if kind.spatial] if "spatial" in kinds else []
    return tuple(name for kind in kinds for name in (spatial if kind == "spatial" else [kind]))


def _validate_components(config: Mapping[str, Any], root: Path) -> None:
    for name, entry in config["models"].items():
        for role, component in list_components(entry).items():
            key_path, required_kind = f"models.{name}.{role}", COMPONENT_KINDS[role]
            if list_components(config["models"][component]):
                raise UserError(
                    f"config: {key_path} is '{component}', which has components itself; name a model without them"
                )
            kinds, hint = list_accepted_kinds(config, component, root, required_kind)
            if required_kind not in kinds:
                raise UserError(
                    f"config: {key_path} is '{component}', which must accept prompts of kind {required_kind}, but "
                    f"accepts only {', '.join(kinds)}{hint}"
                )
