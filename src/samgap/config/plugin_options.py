"""The schema of a configuration: config/schema.yaml, with the options that plug-ins declare in their modules."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from samgap.config import module_literals, plugins
from samgap.config.schema import suggest
from samgap.errors import UserError


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
    schema: dict[str, Any] = yaml.safe_load((root / "config" / "schema.yaml").read_text(encoding="utf-8"))
    for stage, (section, key) in plugins.PLUGIN_KEYS.items():
        entry_schema = schema["properties"][section]["additionalProperties"]
        branches = entry_schema.setdefault("allOf", [])
        for plugin, file in plugins.list_plugins(root, stage).items():
            options = _read_options(file, file.relative_to(root), entry_schema["properties"], schema["$defs"])
            if options is not None:
                branches.append({"if": {"properties": {key: {"const": plugin}}}, "then": options})
    for section in ("figures", "tables"):
        entry_schema = schema["properties"][section]["additionalProperties"]
        for id, file in plugins.list_paper_items(root, section).items():
            options = _read_options(file, file.relative_to(root), entry_schema["properties"], schema["$defs"])
            if options is not None:
                # The id is the entry's key, so the entry has a schema of its own.
                with_options = {**entry_schema, "allOf": [{"if": {}, "then": options}]}
                schema["properties"][section].setdefault("properties", {})[id] = with_options
    return schema


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
