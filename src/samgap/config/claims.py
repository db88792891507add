"""The claims of the paper and their sources: reading, and validation against config/claims.schema.yaml."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from samgap.config import module_literals, plugins
from samgap.config.schema import suggest, validate
from samgap.config.yaml_files import load_yaml
from samgap.errors import UserError

SCHEMA_FILE = "config/claims.schema.yaml"
BOUNDS = ("count", "equals", "at-least", "above", "at-most", "below")
"""Keys of a check that bound a number."""
NEEDS_BOUND = ("parameters", "attribute", "probe", "estimate")
PROBE_FOLDER = Path("src/samgap/inventory/probes")
PROBE_MARKER = "measure"


def load_claims(config: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Return a validated configuration with the content of the files that its section `claims` names.

    Args:
        config: A configuration that the schema accepts, with defaults.
        root: The root of the repository.

    Raises:
        UserError: For the first error: a claim that the schema does not allow, an id that occurs twice, an unknown
            check, probe or source, a bound without its unit, or a table that needs the section.
    """
    if "claims" not in config:
        _validate_no_use(config, root)
        return dict(config)
    section = config["claims"]
    schema = yaml.safe_load((root / SCHEMA_FILE).read_text(encoding="utf-8"))
    sources = load_yaml("claims.sources", section["sources"], root, dict)
    for key, source in sources.items():
        validate(
            source, {**schema["$defs"]["source"], "$defs": schema["$defs"]}, f"{section['sources']}: source '{key}'"
        )
    statements = load_yaml("claims.statements", section["statements"], root, list)
    validate_claims(statements, sources, schema, section["statements"], root)
    return {**config, "claims": {**section, "statements": statements, "sources": sources}}


def validate_claims(
    claims: Sequence[Any], sources: Mapping[str, Any], schema: Mapping[str, Any], file: str, root: Path
) -> None:
    """Raise UserError for the first error in `claims`.

    Args:
        claims: The content of the file.
        sources: The sources by key.
        schema: The content of SCHEMA_FILE.
        file: The name of the file, for messages.
        root: The root of the repository.
    """
    probes = module_literals.list_modules(root / PROBE_FOLDER, PROBE_MARKER)
    kinds = schema["properties"]["checks"]["items"]["properties"]["check"]["enum"]
    seen: set[str] = set()
    for number, claim in enumerate(claims, 1):
        if not isinstance(claim, dict) or not isinstance(claim.get("id"), str):
            raise UserError(f"{file}: claim {number} is no mapping with an id; write `- id: …`")
        name = f"{file}: claim '{claim['id']}'"
        if claim["id"] in seen:
            raise UserError(f"{name} occurs twice; give one of them another id")
        seen.add(claim["id"])
        for check in _iter_checks(claim):
            # Before the schema, because the kind decides which keys a check may have.
            if check.get("check") not in kinds:
                raise UserError(
                    f"{name} has the unknown check '{check.get('check')}'; {suggest(str(check.get('check')), kinds)}"
                )
        validate(claim, schema, name)
        for check in _iter_checks(claim):
            _validate_check(check, probes, name)
        for reference in _iter_references(claim):
            if reference.split(" ")[0] not in sources:
                hint = suggest(reference.split(" ")[0], sources)
                raise UserError(f"{name} refers to the source '{reference}', which is not in the sources; {hint}")


def _validate_check(check: Mapping[str, Any], probes: Mapping[str, Path], name: str) -> None:
    kind = check["check"]
    bounds = [key for key in BOUNDS if key in check]
    if kind in NEEDS_BOUND and not bounds:
        raise UserError(
            f"{name}: its check '{kind}' has no bound; add {', '.join(BOUNDS[1:])} or, of parameters, count"
        )
    if kind == "probe" and check["probe"] not in probes:
        file = PROBE_FOLDER / f"{module_literals.to_module_name(check['probe'])}.py"
        raise UserError(
            f"{name} names the probe '{check['probe']}' without its file {file}; {suggest(check['probe'], probes)}"
        )
    if kind == "estimate" and ("experiment" in check) == ("against" in check):
        raise UserError(f"{name}: its check 'estimate' must have either the key 'experiment' or the key 'against'")
    if kind == "fact":
        _validate_statements(check["statements"], bool(bounds), name)


def _validate_statements(statements: Sequence[Mapping[str, Any]], has_bounds: bool, name: str) -> None:
    for statement in statements:
        is_text = isinstance(statement["value"], str)
        if is_text and "agrees" not in statement:
            raise UserError(
                f"{name}: a statement with a text lacks the key 'agrees'; say whether it says what the claim says"
            )
        if not is_text and not has_bounds:
            raise UserError(f"{name}: its check 'fact' has a number but no bound; add equals, at-least, … and unit")


def _validate_no_use(config: Mapping[str, Any], root: Path) -> None:
    """Raise UserError for a figure or table that shows claims, in a configuration without them."""
    for section in ("figures", "tables"):
        for id in config[section]:
            if "claims" in plugins.read_paper_inputs(root, section, id):
                raise UserError(
                    f"config: {section}.{id} shows the claims, but there is no section 'claims'; add it, or remove {id}"
                )


def _iter_checks(claim: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    checks = claim.get("checks")
    yield from (check for check in (checks if isinstance(checks, list) else []) if isinstance(check, Mapping))


def _iter_references(claim: Mapping[str, Any]) -> Iterator[str]:
    yield from claim.get("sources", [])
    for check in _iter_checks(claim):
        yield from (statement["source"] for statement in check.get("statements", []))
