"""Checks by a fact: what a publication says, transcribed with its place. A fact never confirms a claim."""

from collections.abc import Mapping
from typing import Any

from samgap.claims.data import ClaimData
from samgap.claims.outcome import Outcome
from samgap.claims.region import Region, format_number
from samgap.config.claim_bounds import is_number
from samgap.tables.claims import AS_THE_SOURCE_SAYS, PARTLY, REFUTED


def check_fact(check: Mapping[str, Any], data: ClaimData) -> Outcome:
    """Decide by what one source says, or several.

    Keys: `statements`, each with a `source` and a `value`: a number, which bounds of the check decide, or a text with
    `agrees`. If the sources differ, the claim is partly true, and the evidence quotes all.
    """
    unit = check.get("unit")
    region = Region.from_check(check)
    statements, agreements = [], set()
    for statement in check["statements"]:
        value = statement["value"]
        agreements.add(region.contains(value) if is_number(value) else statement["agrees"])
        text = f"{format_number(value)} {unit}" if is_number(value) else value
        statements.append(f"{describe_source(statement['source'], data.sources)}: {text}")
    if len(agreements) > 1:
        statements.append("the sources differ")
    numbers = [each["value"] for each in check["statements"] if is_number(each["value"])]
    verdict = PARTLY if len(agreements) > 1 else AS_THE_SOURCE_SAYS if True in agreements else REFUTED
    return Outcome(
        verdict,
        "; ".join(statements),
        value=float(numbers[0]) if numbers else None,
        unit=unit if numbers else None,
        bound=region.describe(unit or "") if numbers else None,
    )


def describe_source(reference: str, sources: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the name of a source with the place: `SAM3 paper, §5` for `S3P §5`."""
    key, _, place = reference.partition(" ")
    name = sources.get(key, {}).get("name", key)
    return f"{name}, {place}" if place else str(name)
