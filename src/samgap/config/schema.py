"""Validation of a mapping against a JSON schema (draft 2020-12): defaults, and error messages of one line."""

import difflib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from samgap.errors import UserError


def validate(value: dict[str, Any], schema: Mapping[str, Any], document: str = "config") -> dict[str, Any]:
    """Return a copy of `value` with the schema's defaults filled in.

    Args:
        value: A mapping.
        schema: The schema.
        document: What `value` is, for messages.

    Raises:
        UserError: For the first error; the message has its key, its value and the allowed values.
    """
    validator = Draft202012Validator(schema)
    filled = _fill_defaults(value, schema, validator)
    for error in _sort_errors(validator.iter_errors(filled)):
        for message in _describe_error(error, validator):
            raise UserError(f"{document}: {message}")
    return filled


def coerce_scalars(value: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return `value` with its top-level texts and integers converted to the types that the schema requires.

    Snakemake passes `--config seed=7` of the command line as a text.
    """
    coerced = dict(value)
    for key, item in value.items():
        kind = _resolve_ref(schema["properties"].get(key, {}), schema).get("type")
        if kind == "integer" and isinstance(item, str) and item.strip().isdecimal():
            coerced[key] = int(item)
        elif kind == "boolean" and isinstance(item, str) and item.strip().lower() in ("true", "false"):
            coerced[key] = item.strip().lower() == "true"
        elif kind == "string" and isinstance(item, int) and not isinstance(item, bool):
            coerced[key] = str(item)
    return coerced


def suggest(unknown: str, candidates: Iterable[str]) -> str:
    """Return "did you mean 'x'?" if a candidate is similar to `unknown`, else the list of candidates."""
    candidates = sorted(candidates)
    similar = difflib.get_close_matches(unknown, candidates, n=1, cutoff=0.6)
    if similar:
        return f"did you mean '{similar[0]}'?"
    return f"there is {', '.join(candidates)}" if candidates else "there is none yet"


def _resolve_ref(schema: Any, root_schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema merged with the definition that its `$ref` names; its own keywords take precedence."""
    if not isinstance(schema, Mapping):
        return {}
    if "$ref" not in schema:
        return dict(schema)
    target: Any = root_schema
    for part in schema["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**_resolve_ref(target, root_schema), **schema}


def _list_allowed_properties(value: Any, schema: Mapping[str, Any], validator: Draft202012Validator) -> dict[str, Any]:
    """Return the schemas of all keys that `value` may have: those of every entry, and those of its kind or family."""
    properties = dict(schema.get("properties", {}))
    for branch in schema.get("allOf", []):
        if "if" in branch and validator.evolve(schema=branch["if"]).is_valid(value):
            properties |= branch["then"].get("properties", {})
    return properties


def _fill_defaults(value: Any, schema: Any, validator: Draft202012Validator) -> Any:
    schema = _resolve_ref(schema, validator.schema)
    if isinstance(value, list):
        return [_fill_defaults(item, schema.get("items"), validator) for item in value]
    if not isinstance(value, Mapping):
        return value
    properties = _list_allowed_properties(value, schema, validator)
    missing = {key: _resolve_ref(part, validator.schema) for key, part in properties.items() if key not in value}
    defaults = {key: part["default"] for key, part in missing.items() if "default" in part}
    additional = schema.get("additionalProperties")
    return {
        key: _fill_defaults(item, properties.get(key, additional), validator)
        for key, item in {**value, **defaults}.items()
    }


def _sort_errors(errors: Iterable[ValidationError]) -> list[ValidationError]:
    # By key; for one key, errors of the common schema come before those of a kind, whose schema path is longer.
    return sorted(errors, key=lambda error: ([str(part) for part in error.absolute_path], len(error.schema_path)))


def _describe_error(error: ValidationError, validator: Draft202012Validator) -> Iterator[str]:
    """Yield messages for an error; none if another error describes it better."""
    location = ".".join(str(part) for part in error.absolute_path) or "its top level"
    keyword, constraint, value = str(error.validator), error.validator_value, error.instance
    schema = _resolve_ref(error.schema, validator.schema)
    if keyword in ("additionalProperties", "unevaluatedProperties"):
        allowed = _list_allowed_properties(value, schema, validator)
        # A key with an invalid value counts as unevaluated too; a separate error describes it.
        for key in sorted(str(key) for key in value if key not in allowed):
            yield f"unknown key '{key}' in {location}; {suggest(key, allowed)}"
    elif keyword in ("required", "dependentRequired", "oneOf"):
        yield _describe_missing_keys(location, keyword, constraint, value, schema, validator)
    elif keyword == "not":
        yield f"{location} {constraint.get('description', 'is not allowed')}"
    elif "propertyNames" in error.schema_path and keyword == "enum":
        yield f"unknown key '{value}' in {location}; {suggest(value, constraint)}"
    elif "propertyNames" in error.schema_path:
        yield f"'{value}' in {location} is not {schema['description']}"
    else:
        hint = _suggest_number(value, constraint) if keyword == "type" else ""
        yield f"{location} is {_format_value(value)}, {_describe_violation(keyword, constraint, schema)}{hint}"


def _describe_missing_keys(
    location: str,
    keyword: str,
    constraint: Any,
    value: Mapping[str, Any],
    schema: Mapping[str, Any],
    validator: Draft202012Validator,
) -> str:
    if keyword == "required":
        key = next(key for key in constraint if key not in value)
        meaning = _resolve_ref(schema.get("properties", {}).get(key, {}), validator.schema).get("description", "")
        return f"{location} lacks the key '{key}'" + (f" ({meaning.rstrip('.')})" if meaning else "")
    if keyword == "dependentRequired":
        missing = {key: set(needed) - set(value) for key, needed in constraint.items() if key in value}
        key = next(key for key in missing if missing[key])
        return f"{location} has the key '{key}', which needs {_format_keys(missing[key])}; add it, or remove '{key}'"
    keys = [key for part in constraint for key in part["required"]]
    return f"{location} has {_format_keys(set(keys) & set(value)) or 'none'} of {_format_keys(keys)}; name exactly one"


def _describe_violation(keyword: str, constraint: Any, schema: Mapping[str, Any]) -> str:
    meaning = str(schema.get("description", "")).rstrip(".")
    violations = {
        "type": f"not of type {' or '.join(constraint) if isinstance(constraint, list) else constraint}",
        "enum": f"not one of {', '.join(map(str, constraint)) if isinstance(constraint, list) else constraint}",
        "const": f"not {_format_value(constraint)}",
        "minimum": f"less than {constraint}",
        "maximum": f"more than {constraint}",
        "exclusiveMinimum": f"not more than {constraint}",
        "exclusiveMaximum": f"not less than {constraint}",
        "minItems": f"fewer than {constraint} of them",
        "minLength": "but must not be empty",
        "uniqueItems": "which has an item twice",
        "pattern": f"which does not match {constraint}",
    }
    return violations.get(keyword, f"which {keyword} {constraint} does not allow") + (
        f" ({meaning})" if meaning else ""
    )


def _suggest_number(value: Any, types: str | list[str]) -> str:
    """Return what to write for a number that is a text, such as `1e4`, which YAML reads as one; empty for others."""
    try:
        number = float(value) if isinstance(value, str) else math.nan
    except ValueError:
        return ""
    names = [types] if isinstance(types, str) else types
    if math.isfinite(number) and number.is_integer() and {"integer", "number"} & {*names}:
        return f"; write {int(number)}, without quotes"
    return f"; write {number}, without quotes" if math.isfinite(number) and "number" in names else ""


def _format_value(value: Any) -> str:
    text = "empty" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _format_keys(keys: Iterable[str]) -> str:
    return ", ".join(f"'{key}'" for key in sorted(keys))
