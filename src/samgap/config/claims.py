"""The claims of the paper and their sources: reading, and validation against config/claims.schema.yaml."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from samgap.config import module_literals, plugins
from samgap.config.claim_checks import PROBE_FOLDER, KnownIds, validate_check
from samgap.config.schema import suggest, validate
from samgap.config.yaml_files import load_yaml
from samgap.errors import UserError
from samgap.io.yaml_text import parse_yaml

SCHEMA_FILE = "config/claims.schema.yaml"
PROMPT_CATALOG = "config/prompts.yaml"
"""The prompt sets that claims may name although a configuration has others."""
METRIC_FOLDER = Path("src/samgap/metrics")
PROBE_MARKER = "measure"


def load_claims(config: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Return a validated configuration with the content of the files that its section `claims` names.

    Args:
        config: A configuration that the schema accepts, with defaults.
        root: The root of the repository.

    Raises:
        UserError: For the first error: a claim that the schema does not allow, an id that occurs twice, an unknown
            check, probe, metric, experiment, prompt set or source, bounds that exclude each other, a bound without its
            unit, or a table that needs the section.
    """
    if "claims" not in config:
        _validate_no_use(config, root)
        return dict(config)
    section = config["claims"]
    schema = parse_yaml((root / SCHEMA_FILE).read_text(encoding="utf-8"))
    sources = load_yaml("claims.sources", section["sources"], root, dict)
    for key, source in sources.items():
        validate(
            source, {**schema["$defs"]["source"], "$defs": schema["$defs"]}, f"{section['sources']}: source '{key}'"
        )
    statements = load_yaml("claims.statements", section["statements"], root, list)
    known = list_known_ids(config, schema, root)
    validate_claims(statements, sources, schema, section["statements"], known)
    return {**config, "claims": {**section, "statements": statements, "sources": sources}}


def list_known_ids(config: Mapping[str, Any], schema: Mapping[str, Any], root: Path) -> KnownIds:
    """Return the ids that claims may name: those of a configuration, and those that it may lack.

    Args:
        config: A configuration that the schema accepts.
        schema: The content of SCHEMA_FILE.
        root: The root of the repository.
    """
    catalog = load_yaml("claims", PROMPT_CATALOG, root, dict)
    return KnownIds(
        probes=module_literals.list_modules(root / PROBE_FOLDER, PROBE_MARKER),
        metrics=module_literals.list_metrics(root / METRIC_FOLDER),
        experiments={*config.get("experiments", {}), *schema["$defs"]["experiment"]["enum"]},
        prompts={*config.get("prompts", {}), *catalog["prompts"]},
    )


def validate_claims(
    claims: Sequence[Any], sources: Mapping[str, Any], schema: Mapping[str, Any], file: str, known: KnownIds
) -> None:
    """Raise UserError for the first error in `claims`.

    Args:
        claims: The content of the file.
        sources: The sources by key.
        schema: The content of SCHEMA_FILE.
        file: The name of the file, for messages.
        known: The ids that checks may name.
    """
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
            validate_check(check, known, name)
        for reference in _iter_references(claim):
            if reference.split(" ")[0] not in sources:
                hint = suggest(reference.split(" ")[0], sources)
                raise UserError(f"{name} refers to the source '{reference}', which is not in the sources; {hint}")


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
