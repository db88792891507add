"""Presets: recipes of trainings in YAML files, over which the keys of a training go.

A preset is `config/presets/<id>.yaml`, or any YAML file that a training names by its path. It has a block of keys for
each family of `trainings`, and perhaps a `description`.
"""

import functools
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from samgap.config.catalogs import merge_mappings
from samgap.config.plugin_options import load_schema
from samgap.config.schema import suggest
from samgap.config.yaml_files import load_yaml
from samgap.errors import UserError

PRESET_FOLDER = "config/presets"
"""The folder of the repository's presets, relative to its root."""

RUN_KEYS = ("family", "model", "dataset", "validation", "mix", "prompts", "start", "preset")
"""Keys that say what is trained on what; a preset, which serves any model and data, cannot have them."""

ALTERNATIVES = (("steps", "epochs"), ("warm-up", "warm-up-epochs"))
"""Keys of which a training has one. If it sets one itself, the others of its preset do not apply."""


def merge_presets(config: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Return a configuration in which each training has the keys of its preset, and its own keys over them.

    Mappings such as `loss-weights` are merged key by key; a list replaces that of the preset. The key `preset` stays.

    Args:
        config: A configuration that is not yet validated.
        root: The root of the repository.

    Raises:
        UserError: If a preset does not exist, cannot be read, lacks the training's family, or has a key that
            trainings of the family do not have.
    """
    entries = config.get("trainings")
    if not isinstance(entries, Mapping):
        return dict(config)  # the validation against the schema reports the error
    list_keys = functools.cache(functools.partial(_list_training_keys, root=root))  # parses the schema
    merged = {name: _merge_preset(str(name), entry, root, list_keys) for name, entry in entries.items()}
    return {**config, "trainings": merged}


def list_presets(root: Path) -> list[str]:
    """Return the ids of the repository's presets, sorted."""
    return sorted(file.stem for file in (root / PRESET_FOLDER).glob("*.yaml"))


def _load_preset(
    key_path: str, preset: str, family: str, root: Path, list_keys: Callable[[str], set[str]]
) -> dict[str, Any]:
    """Return the keys that a preset has for a family.

    Args:
        key_path: The key that names the preset, for messages.
        preset: The id of a preset of the repository, or the path of a YAML file.
        family: A family of `trainings`.
        root: The root of the repository.
        list_keys: Returns the keys that trainings of a family may have.

    Raises:
        UserError: As of `merge_presets`.
    """
    is_id = re.fullmatch(r"[A-Za-z0-9_-]+", preset) is not None
    if is_id and preset not in list_presets(root):
        raise UserError(
            f"config: {key_path} is '{preset}', which is no preset; there is {', '.join(list_presets(root))}, or the "
            "path of a YAML file of your own"
        )
    file = f"{PRESET_FOLDER}/{preset}.yaml" if is_id else preset
    blocks = load_yaml(key_path, file, root, dict)
    families = sorted(str(name) for name in blocks if name != "description")
    if not isinstance(blocks.get(family), Mapping):
        raise UserError(
            f"config: {key_path} names {file}, which has no keys for the family '{family}' "
            f"({', '.join(families) or 'it has none'}); add a block `{family}: {{…}}` or choose another preset"
        )
    block = {str(key): value for key, value in blocks[family].items()}
    allowed = list_keys(family) - set(RUN_KEYS)
    for key in block:
        if key in RUN_KEYS:
            raise UserError(f"config: {file} has the key '{family}.{key}', which belongs to a training; move it there")
        if key not in allowed:
            raise UserError(
                f"config: {file} has the key '{family}.{key}', which has no meaning for trainings of this family; "
                f"{suggest(key, allowed)}"
            )
    return block


def _merge_preset(training: str, entry: Any, root: Path, list_keys: Callable[[str], set[str]]) -> Any:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("preset"), str):
        return entry
    if not isinstance(entry.get("family"), str):
        return entry
    keys = _load_preset(f"trainings.{training}.preset", entry["preset"], entry["family"], root, list_keys)
    for group in ALTERNATIVES:
        if any(key in entry for key in group):
            keys = {key: value for key, value in keys.items() if key not in group}
    return merge_mappings(keys, entry)


def _list_training_keys(family: str, root: Path) -> set[str]:
    """Return the keys that trainings of a family may have: those of every training, and the family's options."""
    schema = load_schema(root)["properties"]["trainings"]["additionalProperties"]
    keys = set(schema["properties"])
    for branch in schema["allOf"]:
        if branch.get("if", {}).get("properties") == {"family": {"const": family}}:
            keys |= {key for key, option in branch["then"]["properties"].items() if "not" not in option}
    return keys
