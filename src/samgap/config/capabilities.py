"""Kinds of prompts that each model accepts, read from its family's module without importing torch."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from samgap.config import module_literals, plugins
from samgap.config.components import list_components
from samgap.config.prompt_kinds import PROPERTIES, PromptKind, read_prompt_kinds
from samgap.errors import UserError

COMPONENT_KINDS: dict[str, Callable[[PromptKind], bool]] = {
    "detector": PROPERTIES["text"],
    "segmenter": lambda kind: kind.spatial and kind.inputs == ("boxes",) and not (kind.sequence or kind.interactive),
}
"""Keys of a model that name another model as its component -> which kinds of prompts hold what the component gets. It
must accept one of them."""


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
    config: Mapping[str, Any], model: str, root: Path, *requested_kinds: str
) -> tuple[tuple[str, ...], str]:
    """Return the kinds of prompts that a model accepts, and a hint at the option that would add one of
    `requested_kinds`.

    They are the literal `KINDS` of its family's module, and those of `KINDS_WITH` for each option that the model sets,
    without those of `KINDS_WITHOUT` for each option that is false, with all kinds of a property in place of its name.
    A model with a detector accepts only what the detector accepts too. The hint is empty if no option helps.

    Args:
        config: The configuration.
        model: An id of `models`.
        root: The root of the repository.
        requested_kinds: The kinds that the hint is about.

    Raises:
        UserError: If the family's module has no literal `KINDS`.
    """
    entry = config["models"][model]
    file = plugins.list_plugins(root, "models")[entry["family"]]
    literals = module_literals.read_literals(file, "KINDS", "KINDS_WITH", "KINDS_WITHOUT")
    if "KINDS" not in literals:
        raise UserError(f"{file}: no literal KINDS = (…) with the kinds of prompts that the family accepts; add it")
    prompt_kinds = read_prompt_kinds(root).values()
    kinds, hint = _expand_properties(literals["KINDS"], prompt_kinds), ""
    for option, declared in literals.get("KINDS_WITH", {}).items():
        more_kinds = _expand_properties(declared, prompt_kinds)
        if entry.get(option):
            kinds += more_kinds
        elif set(requested_kinds) & set(more_kinds):
            hint = f"; if its weights support that, set `{option}: true` in models.{model}"
    for option, declared in literals.get("KINDS_WITHOUT", {}).items():
        if entry.get(option) is False:
            without = _expand_properties(declared, prompt_kinds)
            kinds = tuple(kind for kind in kinds if kind not in without)
    if "detector" in entry:
        detector_kinds, _ = list_accepted_kinds(config, entry["detector"], root, *requested_kinds)
        kinds = tuple(kind for kind in kinds if kind in detector_kinds)
    return kinds, hint


def _expand_properties(names: Iterable[str], prompt_kinds: Iterable[PromptKind]) -> tuple[str, ...]:
    """Replace each name of `PROPERTIES` by all kinds of prompts with that property."""
    kinds: list[str] = []
    for name in names:
        kinds += [kind.id for kind in prompt_kinds if PROPERTIES[name](kind)] if name in PROPERTIES else [name]
    return tuple(dict.fromkeys(kinds))


def _validate_components(config: Mapping[str, Any], root: Path) -> None:
    for name, entry in config["models"].items():
        for role, component in list_components(entry).items():
            key_path = f"models.{name}.{role}"
            needed = [kind.id for kind in read_prompt_kinds(root).values() if COMPONENT_KINDS[role](kind)]
            if list_components(config["models"][component]):
                raise UserError(
                    f"config: {key_path} is '{component}', which has components itself; name a model without them"
                )
            kinds, hint = list_accepted_kinds(config, component, root, *needed)
            if not set(needed) & set(kinds):
                raise UserError(
                    f"config: {key_path} is '{component}', which must accept prompts of kind {' or '.join(needed)}, "
                    f"but accepts only {', '.join(kinds)}{hint}"
                )
