"""The schema of a configuration: config/schema.yaml, with the options that plug-ins declare in their modules."""

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from samgap.config import module_literals, plugins
from samgap.config.schema import suggest
from samgap.errors import UserError
from samgap.io.yaml_text import parse_yaml

SCHEMA_FILE = "config/schema.yaml"
"""The schema of the configuration, relative to the root of the repository."""


def load_schema(root: Path) -> dict[str, Any]:
    """Return config/schema.yaml with the options of each kind, family, figure and table that declares `OPTIONS`.

    `OPTIONS` is a literal in the module of a kind of data set, a kind of prompts, a model family, a training family, a
    figure or a table: a JSON schema with `properties` and, where needed, `required` and other keywords. It may refer to
    definitions of config/schema.yaml (`{"$ref": "#/$defs/text"}`). It applies to the entries of that kind or family, or
    to the one of that figure or table. A key of every entry may have another default there, and nothing else.

    Args:
        root: The root of the repository.

    Raises:
        UserError: If `OPTIONS` of a module is not a literal, or not such a schema.
    """
    schema: dict[str, Any] = parse_yaml((root / SCHEMA_FILE).read_text(encoding="utf-8"))
    for stage, (section, key) in plugins.PLUGIN_KEYS.items():
        entry_schema = schema["properties"][section]["additionalProperties"]
        branches = entry_schema.setdefault("allOf", [])
        for plugin, file in plugins.list_plugins(root, stage).items():
            options = _read_options(file, file.relative_to(root), entry_schema["properties"], schema["$defs"])
            if options is not None:
                # Without `required`, the options would apply to entries that lack an optional key, too.
                named = {"required": [key], "properties": {key: {"const": plugin}}}
                branches.append({"if": named, "then": options})
    for section in ("figures", "tables"):
        entry_schema = schema["properties"][section]["additionalProperties"]
        for id, file in plugins.list_paper_items(root, section).items():
            options = _read_options(file, file.relative_to(root), entry_schema["properties"], schema["$defs"])
            if options is not None:
                # The id is the entry's key, so the entry has a schema of its own.
                with_options = {**entry_schema, "allOf": [{"if": {}, "then": options}]}
                schema["properties"][section].setdefault("properties", {})[id] = with_options
    return schema


def list_path_options(root: Path, section: str, id: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the options of an entry whose plug-in declares them as paths: with `format: path` in `OPTIONS`.

    The value of such an option is a file or a folder of this machine. A definition of config/schema.yaml that `OPTIONS`
    refers to can have the format, too.

    Args:
        root: The root of the repository.
        section: The section of the configuration.
        id: The id of the entry, which is the plug-in of a figure or table.
        entry: The entry, valid against the schema.
    """
    if section in ("figures", "tables"):
        return _list_path_keys(root, root / plugins.get_paper_item_file(section, id))
    stages = [(stage, key) for stage, (owner, key) in plugins.PLUGIN_KEYS.items() if owner == section and key in entry]
    keys = [_list_path_keys(root, plugins.find_plugin_file(root, stage, entry[key])) for stage, key in stages]
    return tuple(dict.fromkeys(name for names in keys for name in names))


def _list_path_keys(root: Path, file: Path) -> tuple[str, ...]:
    options = module_literals.read_literals(file, "OPTIONS").get("OPTIONS") or {}
    definitions = _parse_definitions((root / SCHEMA_FILE).read_text(encoding="utf-8"))
    formats = {
        key: {**definitions.get(option.get("$ref", "").removeprefix("#/$defs/"), {}), **option}.get("format")
        for key, option in options.get("properties", {}).items()
    }
    return tuple(key for key, name in formats.items() if name == "path")


@functools.cache
def _parse_definitions(text: str) -> dict[str, Any]:
    return dict(parse_yaml(text)["$defs"])


def _read_options(
    file: Path, module_path: Path, common: Mapping[str, Any], definitions: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the `OPTIONS` of a module, or None if it has none.

    Args:
        file: The module.
        module_path: The path of the module for messages.
        common: The keys that all entries of the module's section have.
        definitions: The `$defs` that OPTIONS may refer to.
    """
    if "OPTIONS" not in module_literals.list_top_level_names(file):
        return None
    options = module_literals.read_literals(file, "OPTIONS").get("OPTIONS")
    if not isinstance(options, dict) or not isinstance(options.get("properties"), dict):
        raise UserError(
            f'{module_path}: OPTIONS is not a literal {{"properties": {{…}}}} (a JSON schema); write it as one'
        )
    try:
        Draft202012Validator.check_schema(options)
    except SchemaError as error:
        raise UserError(f"{module_path}: OPTIONS is not a JSON schema: {error.message}") from error
    for reference in _iter_references(options):
        if reference.removeprefix("#/$defs/") not in definitions:
            hint = suggest(reference, (f"#/$defs/{id}" for id in definitions))
            raise UserError(f"{module_path}: OPTIONS refers to {reference}; {hint}")
    for name, option in options["properties"].items():
        if not option.get("description") and "$ref" not in option:
            raise UserError(f"{module_path}: the option '{name}' of OPTIONS has no description; add one")
        if name in common and "not" not in option and option.keys() != {"description", "default"}:
            raise UserError(
                f"{module_path}: the option '{name}' of OPTIONS is a key of every entry; choose another name"
            )
    return options


def _iter_references(schema: Any) -> Iterator[str]:
    """Yield the values of all `$ref` in a schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for value in schema.values():
            yield from _iter_references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _iter_references(item)
