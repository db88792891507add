"""A mapping held against a JSON schema (draft 2020-12): its defaults filled in, each fault told in one line."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from samgap.errors import UserError


def valid(value: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `value` with the schema's defaults in it; UserError names the first fault and where it stands."""
    validator = Draft202012Validator(schema)
    filled = _filled(value, schema, validator)
    told = (message for error in _ordered(validator.iter_errors(filled)) for message in _messages(error, validator))
    fault = next(told, None)
    if fault:
        raise UserError(f"config: {fault}")
    return filled


def scalars(value: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """`value` with its own numbers and truth values read where they came as text, as a command line gives them."""
    read = dict(value)
    for key, item in value.items():
        kind = _resolved(schema["properties"].get(key, {}), schema).get("type")
        if kind == "integer" and isinstance(item, str) and item.strip().isdecimal():
            read[key] = int(item)
        elif kind == "boolean" and isinstance(item, str) and item.strip().lower() in ("true", "false"):
            read[key] = item.strip().lower() == "true"
        elif kind == "string" and isinstance(item, int) and not isinstance(item, bool):
            read[key] = str(item)
    return read


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """`did you mean 'x'` where something alike is known, else what there is."""
    known = sorted(known)
    alike = difflib.get_close_matches(wrong, known, n=1, cutoff=0.6)
    if alike:
        return f"did you mean '{alike[0]}'?"
    return f"there is {', '.join(known)}" if known else "there is none yet"


def _resolved(schema: Any, root: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with its `$ref` (a local one) merged in; its own keywords win."""
    if not isinstance(schema, Mapping):
        return {}
    if "$ref" not in schema:
        return dict(schema)
    target: Any = root
    for part in schema["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**_resolved(target, root), **schema}


def _properties(value: Any, schema: Mapping[str, Any], validator: Draft202012Validator) -> dict[str, Any]:
    """The schemas of all keys that `value` may have: the common ones, and those of its kind or family."""
    found = dict(schema.get("properties", {}))
    for branch in schema.get("allOf", []):
        if "if" in branch and validator.evolve(schema=branch["if"]).is_valid(value):
            found |= branch["then"].get("properties", {})
    return found


def _filled(value: Any, schema: Any, validator: Draft202012Validator) -> Any:
    schema = _resolved(schema, validator.schema)
    if isinstance(value, list):
        return [_filled(item, schema.get("items"), validator) for item in value]
    if not isinstance(value, Mapping):
        return value
    own = _properties(value, schema, validator)
    missing = {key: _resolved(part, validator.schema) for key, part in own.items() if key not in value}
    defaults = {key: part["default"] for key, part in missing.items() if "default" in part}
    others = schema.get("additionalProperties")
    return {key: _filled(item, own.get(key, others), validator) for key, item in {**value, **defaults}.items()}


def _ordered(errors: Iterable[ValidationError]) -> list[ValidationError]:
    # By place; in one place what concerns every kind stands before what concerns one.
    return sorted(errors, key=lambda error: ([str(part) for part in error.absolute_path], len(error.schema_path)))


def _messages(error: ValidationError, validator: Draft202012Validator) -> Iterator[str]:
    where = ".".join(str(part) for part in error.absolute_path)
    inside = where or "its top level"
    rule, wanted, value = str(error.validator), error.validator_value, error.instance
    schema = _resolved(error.schema, validator.schema)
    if rule in ("additionalProperties", "unevaluatedProperties"):
        known = _properties(value, schema, validator)
        # A key that fails its own check also counts as unevaluated: that fault is told by itself.
        for key in sorted(str(key) for key in value if key not in known):
            yield f"unknown key '{key}' in {inside}; {suggestion(key, known)}"
    elif rule == "required":
        key = next(key for key in wanted if key not in value)
        meaning = _resolved(schema.get("properties", {}).get(key, {}), validator.schema).get("description", "")
        yield f"{inside} lacks the key '{key}'" + (f" ({meaning.rstrip('.')})" if meaning else "")
    elif rule == "dependentRequired":
        lacks = {key: set(needs) - set(value) for key, needs in wanted.items() if key in value}
        key = next(key for key in lacks if lacks[key])
        yield f"{inside} has the key '{key}', which goes with {_listed(lacks[key])}; add it or leave both out"
    elif rule == "oneOf":
        keys = [key for part in wanted for key in part["required"]]
        yield f"{inside} has {_listed(set(keys) & set(value)) or 'none'} of {_listed(keys)}; name exactly one"
    elif rule == "not":
        yield f"{inside} {wanted.get('description', 'is not allowed')}"
    elif "propertyNames" in error.schema_path and rule == "enum":
        yield f"unknown key '{value}' in {inside}; {suggestion(value, wanted)}"
    elif "propertyNames" in error.schema_path:
        yield f"'{value}' in {inside} is not {schema['description']}"
    else:
        yield f"{inside} is {_shown(value)}, {_allowed(rule, wanted, schema)}"


def _allowed(rule: str, wanted: Any, schema: Mapping[str, Any]) -> str:
    meaning = str(schema.get("description", "")).rstrip(".")
    known = {
        "type": f"not of type {' or '.join(wanted) if isinstance(wanted, list) else wanted}",
        "enum": f"not one of {', '.join(map(str, wanted)) if isinstance(wanted, list) else wanted}",
        "const": f"not {_shown(wanted)}",
        "minimum": f"less than {wanted}",
        "maximum": f"more than {wanted}",
        "exclusiveMinimum": f"not more than {wanted}",
        "exclusiveMaximum": f"not less than {wanted}",
        "minItems": f"fewer than {wanted} of them",
        "minLength": "but must not be empty",
        "uniqueItems": "which names something twice",
        "pattern": f"which does not match {wanted}",
    }
    return known.get(rule, f"which {rule} {wanted} forbids") + (f" ({meaning})" if meaning else "")


def _shown(value: Any) -> str:
    text = "empty" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(f"'{key}'" for key in sorted(keys))
