"""A mapping held against a JSON schema (draft 2020-12): its defaults filled in, each fault told in one line."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from samgap.errors import UserError


def validate(value: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `value` with the schema's defaults in it; UserError names the first fault and where it stands."""
    validator = Draft202012Validator(schema)
    filled = _fill_defaults(value, schema, validator)
    told = (
        message
        for error in _sort_errors(validator.iter_errors(filled))
        for message in _describe_error(error, validator)
    )
    fault = next(told, None)
    if fault:
        raise UserError(f"config: {fault}")
    return filled


def coerce_scalars(value: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """`value` with its own numbers and truth values read where they came as text, as a command line gives them."""
    read = dict(value)
    for key, item in value.items():
        kind = _resolve_ref(schema["properties"].get(key, {}), schema).get("type")
        if kind == "integer" and isinstance(item, str) and item.strip().isdecimal():
            read[key] = int(item)
        elif kind == "boolean" and isinstance(item, str) and item.strip().lower() in ("true", "false"):
            read[key] = item.strip().lower() == "true"
        elif kind == "string" and isinstance(item, int) and not isinstance(item, bool):
            read[key] = str(item)
    return read


def suggest(unknown: str, candidates: Iterable[str]) -> str:
    """`did you mean 'x'` where something alike is known, else what there is."""
    candidates = sorted(candidates)
    alike = difflib.get_close_matches(unknown, candidates, n=1, cutoff=0.6)
    if alike:
        return f"did you mean '{alike[0]}'?"
    return f"there is {', '.join(candidates)}" if candidates else "there is none yet"


def _resolve_ref(schema: Any, root_schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with its `$ref` (a local one) merged in; its own keywords win."""
    if not isinstance(schema, Mapping):
        return {}
    if "$ref" not in schema:
        return dict(schema)
    target: Any = root_schema
    for part in schema["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**_resolve_ref(target, root_schema), **schema}


def _allowed_properties(value: Any, schema: Mapping[str, Any], validator: Draft202012Validator) -> dict[str, Any]:
    """The schemas of all keys that `value` may have: the common ones, and those of its kind or family."""
    found = dict(schema.get("properties", {}))
    for branch in schema.get("allOf", []):
        if "if" in branch and validator.evolve(schema=branch["if"]).is_valid(value):
            found |= branch["then"].get("properties", {})
    return found


def _fill_defaults(value: Any, schema: Any, validator: Draft202012Validator) -> Any:
    schema = _resolve_ref(schema, validator.schema)
    if isinstance(value, list):
        return [_fill_defaults(item, schema.get("items"), validator) for item in value]
    if not isinstance(value, Mapping):
        return value
    own = _allowed_properties(value, schema, validator)
    missing = {key: _resolve_ref(part, validator.schema) for key, part in own.items() if key not in value}
    defaults = {key: part["default"] for key, part in missing.items() if "default" in part}
    others = schema.get("additionalProperties")
    return {key: _fill_defaults(item, own.get(key, others), validator) for key, item in {**value, **defaults}.items()}


def _sort_errors(errors: Iterable[ValidationError]) -> list[ValidationError]:
    # By place; in one place what concerns every kind stands before what concerns one.
    return sorted(errors, key=lambda error: ([str(part) for part in error.absolute_path], len(error.schema_path)))


def _describe_error(error: ValidationError, validator: Draft202012Validator) -> Iterator[str]:
    where = ".".join(str(part) for part in error.absolute_path)
    inside = where or "its top level"
    rule, wanted, value = str(error.validator), error.validator_value, error.instance
    schema = _resolve_ref(error.schema, validator.schema)
    if rule in ("additionalProperties", "unevaluatedProperties"):
        known = _allowed_properties(value, schema, validator)
        # A key that fails its own check also counts as unevaluated: that fault is told by itself.
        for key in sorted(str(key) for key in value if key not in known):
            yield f"unknown key '{key}' in {inside}; {suggest(key, known)}"
    elif rule == "required":
        key = next(key for key in wanted if key not in value)
        meaning = _resolve_ref(schema.get("properties", {}).get(key, {}), validator.schema).get("description", "")
        yield f"{inside} lacks the key '{key}'" + (f" ({meaning.rstrip('.')})" if meaning else "")
    elif rule == "dependentRequired":
        lacks = {key: set(needs) - set(value) for key, needs in wanted.items() if key in value}
        key = next(key for key in lacks if lacks[key])
        yield f"{inside} has the key '{key}', which goes with {_format_keys(lacks[key])}; add it or leave both out"
    elif rule == "oneOf":
        keys = [key for part in wanted for key in part["required"]]
        yield f"{inside} has {_format_keys(set(keys) & set(value)) or 'none'} of {_format_keys(keys)}; name exactly one"
    elif rule == "not":
        yield f"{inside} {wanted.get('description', 'is not allowed')}"
    elif "propertyNames" in error.schema_path and rule == "enum":
        yield f"unknown key '{value}' in {inside}; {suggest(value, wanted)}"
    elif "propertyNames" in error.schema_path:
        yield f"'{value}' in {inside} is not {schema['description']}"
    else:
        yield f"{inside} is {_format_value(value)}, {_describe_violation(rule, wanted, schema)}"


def _describe_violation(keyword: str, constraint: Any, schema: Mapping[str, Any]) -> str:
    meaning = str(schema.get("description", "")).rstrip(".")
    known = {
        "type": f"not of type {' or '.join(constraint) if isinstance(constraint, list) else constraint}",
        "enum": f"not one of {', '.join(map(str, constraint)) if isinstance(constraint, list) else constraint}",
        "const": f"not {_format_value(constraint)}",
        "minimum": f"less than {constraint}",
        "maximum": f"more than {constraint}",
        "exclusiveMinimum": f"not more than {constraint}",
        "exclusiveMaximum": f"not less than {constraint}",
        "minItems": f"fewer than {constraint} of them",
        "minLength": "but must not be empty",
        "uniqueItems": "which names something twice",
        "pattern": f"which does not match {constraint}",
    }
    return known.get(keyword, f"which {keyword} {constraint} forbids") + (f" ({meaning})" if meaning else "")


def _format_value(value: Any) -> str:
    text = "empty" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _format_keys(keys: Iterable[str]) -> str:
    return ", ".join(f"'{key}'" for key in sorted(keys))
