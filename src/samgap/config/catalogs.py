"""Catalogs: YAML files of models, prompt sets and data sets that several configurations share."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.config.schema import suggest
from samgap.config.yaml_files import load_yaml
from samgap.errors import UserError

TYPE_KEYS = {"datasets": "kind", "models": "family", "prompts": "kind"}
"""Sections that a catalog may have, and the key that a complete entry of the section has."""


def merge_catalogs(config: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Return a configuration with the entries of the catalogs that its key `catalogs` names.

    An entry of a later catalog replaces the entry of the same id of an earlier catalog, and an entry of the
    configuration replaces both. An entry without its `kind` or `family` changes only its keys: `grid: {side: 8}`.

    Args:
        config: A configuration that is not yet validated.
        root: The root of the repository; paths of catalogs are relative to it, absolute, or from `~`.

    Raises:
        UserError: If a catalog cannot be read, or has a section that a catalog cannot have.
    """
    files = config.get("catalogs", [])
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        return dict(config)  # the validation against the schema reports the error
    sources = [_load_catalog(file, root) for file in files] + [config]
    merged = dict(config)
    for section, type_key in TYPE_KEYS.items():
        if any(section in catalog for catalog in sources[:-1]) and isinstance(config.get(section, {}), Mapping):
            merged[section] = {}
            for source in sources:
                merged[section] = _merge_entries(merged[section], source.get(section, {}), type_key)
    return merged


def _load_catalog(file: str, root: Path) -> dict[str, Any]:
    catalog = load_yaml("catalogs", file, root, dict)
    for section, entries in catalog.items():
        if section not in TYPE_KEYS:
            raise UserError(f"config: the catalog {file} has the key '{section}'; {suggest(str(section), TYPE_KEYS)}")
        if not isinstance(entries, Mapping):
            raise UserError(f"config: {section} in the catalog {file} is not a mapping; write one `id: {{…}}` a line")
    return catalog


def _merge_entries(entries: Mapping[str, Any], newer: Mapping[str, Any], type_key: str) -> dict[str, Any]:
    merged = dict(entries)
    for id, entry in newer.items():
        is_amendment = isinstance(entry, Mapping) and type_key not in entry and isinstance(merged.get(id), Mapping)
        merged[id] = merge_mappings(merged[id], entry) if is_amendment else entry
    return merged


def merge_mappings(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return `old` with the values of `new`, merging nested mappings as Snakemake merges configuration files."""
    merged = dict(old)
    for key, value in new.items():
        current = merged.get(key)
        if isinstance(value, Mapping) and isinstance(current, Mapping):
            merged[key] = merge_mappings(current, value)
        else:
            merged[key] = value
    return merged
