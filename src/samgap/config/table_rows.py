"""The rows of the paper's tables: reading, validation against config/table-rows.schema.yaml, and the ids of a run."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from samgap.config.claim_checks import KnownIds
from samgap.config.claims import SCHEMA_FILE as CLAIMS_SCHEMA_FILE
from samgap.config.claims import list_known_ids
from samgap.config.schema import suggest, validate
from samgap.config.yaml_files import load_yaml
from samgap.errors import UserError
from samgap.io.yaml_text import parse_yaml

SCHEMA_FILE = "config/table-rows.schema.yaml"
SIDES = ("sam2", "sam3")
"""The two models of a row."""


def load_table_rows(config: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Return a configuration with the rows of each table instead of the file that its key `rows` names.

    Values that are estimates have the ids of the run's data set and model instead of their roles, or the key `none`
    with the reason if the run has none in the role.

    Args:
        config: A configuration with loaded claims.
        root: The root of the repository.

    Raises:
        UserError: For the first error: a row that the schema does not allow, an id that occurs twice, an unknown claim,
            metric, prompt set, probe or source, or a table without rows.
    """
    tables = {id: entry for id, entry in config["tables"].items() if "rows" in entry}
    if not tables or "claims" not in config:
        return dict(config)
    claims_schema, schema = (
        parse_yaml((root / file).read_text(encoding="utf-8")) for file in (CLAIMS_SCHEMA_FILE, SCHEMA_FILE)
    )
    schema = {**schema, "$defs": {**claims_schema["$defs"], **schema["$defs"]}}
    known = list_known_ids(config, claims_schema, root)
    loaded = {}
    for id, entry in tables.items():
        file = entry["rows"]
        rows = validate(load_yaml(f"tables.{id}.rows", file, root, dict), schema, file)
        if id not in rows:
            raise UserError(f"{file}: no rows for the table '{id}'; {suggest(id, rows)}")
        _validate_rows(rows[id], file, known, config["claims"])
        loaded[id] = {**entry, "rows": [_fill_roles(row, config["claims"]) for row in rows[id]]}
    return {**config, "tables": {**config["tables"], **loaded}}


def _validate_rows(rows: list[Any], file: str, known: KnownIds, claims: Mapping[str, Any]) -> None:
    statements, seen = {claim["id"] for claim in claims["statements"]}, set()
    for row in rows:
        name = f"{file}: row '{row['id']}'"
        if row["id"] in seen:
            raise UserError(f"{name} occurs twice; give one of them another id")
        seen.add(row["id"])
        for kind, id, existing in _iter_ids(row, statements, known, claims["sources"]):
            if id not in existing:
                raise UserError(f"{name} names the {kind} '{id}', which does not exist; {suggest(id, existing)}")
        for quantity in row.get("measured", []):
            for side in SIDES:
                _validate_value(quantity, quantity[side], f"{name}, {side}")


def _iter_ids(
    row: Mapping[str, Any], statements: set[str], known: KnownIds, sources: Mapping[str, Any]
) -> Iterator[tuple[str, str, Any]]:
    """Yield what an id is of, the id, and the ids that exist."""
    for side in SIDES:
        yield from (("claim", id, statements) for id in row[side].get("claims", []))
    for quantity in row.get("measured", []):
        if "metric" in quantity:
            yield "metric", quantity["metric"], known.metrics
        for side in SIDES:
            value = quantity[side]
            yield from (("prompt set", value[key], known.prompts) for key in ("prompts", "against") if key in value)
            if "probe" in value:
                yield "probe", value["probe"], known.probes
            if "source" in value:
                yield "source", value["source"].split(" ")[0], sources


def _validate_value(quantity: Mapping[str, Any], value: Mapping[str, Any], name: str) -> None:
    """Raise UserError for a value of the wrong kind: estimates belong to a metric, and all others do not."""
    if "none" in value:
        return
    if ("metric" in quantity) != ("prompts" in value):
        wrong = "a metric, but no estimate" if "metric" in quantity else "an estimate, but no metric"
        raise UserError(f"{name} has {wrong}; write `metric` with `dataset`, `model` and `prompts`, or none of them")


def _fill_roles(row: Mapping[str, Any], claims: Mapping[str, Any]) -> dict[str, Any]:
    measured = [
        {**quantity, **{side: _fill_value(quantity[side], claims) for side in SIDES}}
        for quantity in row.get("measured", [])
    ]
    return {**row, "measured": measured}


def _fill_value(value: Mapping[str, Any], claims: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value with ids instead of roles, and the name of a source instead of its key."""
    if "source" in value:
        key, _, place = value["source"].partition(" ")
        return {**value, "source": f"{claims['sources'][key]['name']} {place}".strip()}
    if "prompts" not in value:
        return dict(value)
    for section, key, kind in (("datasets", "dataset", "data set"), ("models", "model", "model")):
        if value[key] not in claims[section]:
            return {"none": f"this run has no {kind} in the role {value[key]}"}
    return {**value, "dataset": claims["datasets"][value["dataset"]], "model": claims["models"][value["model"]]}
