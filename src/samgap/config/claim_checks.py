"""Validation of single checks of claims, beyond what config/claims.schema.yaml says."""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samgap.config import module_literals, plugins
from samgap.config.claim_bounds import BOUNDS, is_number, list_bounds
from samgap.config.schema import suggest
from samgap.errors import UserError

NEEDS_BOUND = ("parameters", "attribute", "probe", "estimate")
NUMERIC = ("parameters", "probe", "fact", "estimate", "unmeasured")
"""Checks whose key `equals` is a number."""
EXCLUSIVE = (("at-least", "above"), ("at-most", "below"))
SIDE_KEYS = ("dataset", "model", "prompts", "stratum")
"""Keys of one side of a difference."""
PROBE_FOLDER = Path("src/samgap/inventory/probes")


@dataclass(frozen=True)
class KnownIds:
    """The ids that a check may name."""

    probes: Collection[str]
    metrics: Collection[str]
    experiments: Collection[str]
    """Those of the configuration, and those that other configurations have."""
    prompts: Collection[str]


def validate_check(check: Mapping[str, Any], known: KnownIds, name: str) -> None:
    """Raise UserError for a check that the schema allows and that decides nothing, or something else.

    Args:
        check: A check that the schema accepts.
        known: The ids that it may name.
        name: The claim, for messages.
    """
    kind = check["check"]
    bounds = list_bounds(check)
    if kind in NEEDS_BOUND and not bounds:
        raise UserError(
            f"{name}: its check '{kind}' has no bound; add {', '.join(BOUNDS[1:])} or, of parameters, count"
        )
    _validate_bounds(check, bounds, name)
    if kind == "absent":
        _validate_pattern(check["pattern"], name)
    elif kind == "probe" and check["probe"] not in known.probes:
        file = PROBE_FOLDER / f"{module_literals.to_module_name(check['probe'])}.py"
        hint = suggest(check["probe"], known.probes)
        raise UserError(f"{name} names the probe '{check['probe']}' without its file {file}; {hint}")
    elif kind == "estimate":
        _validate_estimate(check, known, name)
    elif kind == "fact":
        _validate_statements(check["statements"], bounds, name)


def _validate_bounds(check: Mapping[str, Any], bounds: Sequence[str], name: str) -> None:
    kind = check["check"]
    for key in bounds:
        value = check[key]
        if is_number(value) and not math.isfinite(value):
            raise UserError(f"{name}: its check '{kind}' has {key}: {value}; write a finite number, or leave {key} out")
        if not is_number(value) and kind in NUMERIC:
            raise UserError(f"{name}: its check '{kind}' has equals: {value!r}, but decides by a number; write one")
    single = next((key for key in ("count", "equals") if key in bounds), None)
    if single and len(bounds) > 1:
        others = ", ".join(key for key in bounds if key != single)
        raise UserError(f"{name}: its check '{kind}' has {single} and {others}, which exclude each other; keep one")
    if "tolerance" in check and "count" not in check:
        raise UserError(f"{name}: its check '{kind}' has a tolerance without the count that it is of; add count")
    for pair in EXCLUSIVE:
        if set(pair) <= set(bounds):
            raise UserError(f"{name}: its check '{kind}' has both {' and '.join(pair)}; keep one")
    low = next(((key, check[key]) for key in EXCLUSIVE[0] if key in check), None)
    high = next(((key, check[key]) for key in EXCLUSIVE[1] if key in check), None)
    if low and high:
        is_closed = low[0] == "at-least" and high[0] == "at-most"
        if low[1] > high[1] or (low[1] == high[1] and not is_closed):
            raise UserError(
                f"{name}: no number is {low[0]} {low[1]} and {high[0]} {high[1]}, which its check '{kind}' demands; "
                "exchange or correct them"
            )


def _validate_pattern(pattern: str, name: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise UserError(
            f"{name}: its pattern {pattern!r} is no regular expression ({error}); "
            "write a backslash before a special character"
        ) from error


def _validate_estimate(check: Mapping[str, Any], known: KnownIds, name: str) -> None:
    if ("experiment" in check) == ("against" in check):
        raise UserError(f"{name}: its check 'estimate' must have either the key 'experiment' or the key 'against'")
    metric = check["metric"]
    if metric in plugins.REPLACED_METRICS:
        raise UserError(f"{name}: metric `{metric}` {plugins.explain_missing_metric(metric)}")
    against = check.get("against", {})
    named = (
        ("metric", [metric], known.metrics),
        ("experiment", [check["experiment"]] if "experiment" in check else [], known.experiments),
        ("prompt set", [check["prompts"], *([against["prompts"]] if "prompts" in against else [])], known.prompts),
    )
    for kind, ids, existing in named:
        for id in ids:
            if id not in existing:
                raise UserError(f"{name} names the {kind} '{id}', which does not exist; {suggest(id, existing)}")
    if check["unit"].startswith(("%", "percent")):
        raise UserError(
            f"{name}: its check 'estimate' has the unit {check['unit']!r}, but metrics are fractions; write bounds "
            "from 0 to 1, and as the unit what the metric measures"
        )
    side = {"stratum": "all", **{key: check[key] for key in SIDE_KEYS if key in check}}
    if against and {**side, **against} == side:
        raise UserError(
            f"{name}: its check 'estimate' compares a cell with itself; name another data set, model, prompt set or "
            "stratum"
        )


def _validate_statements(statements: Sequence[Mapping[str, Any]], bounds: Sequence[str], name: str) -> None:
    for statement in statements:
        value = statement["value"]
        is_text = isinstance(value, str)
        if is_text and "agrees" not in statement:
            raise UserError(
                f"{name}: a statement with a text lacks the key 'agrees'; say whether it says what the claim says"
            )
        if not is_text and "agrees" in statement:
            raise UserError(f"{name}: a statement with a number has the key 'agrees'; its bound says whether it agrees")
        if not is_text and not bounds:
            raise UserError(f"{name}: its check 'fact' has a number but no bound; add equals, at-least, … and unit")
        if not is_text and not math.isfinite(value):
            raise UserError(f"{name}: a statement has the value {value}; write a finite number")
    if bounds and all(isinstance(statement["value"], str) for statement in statements):
        raise UserError(f"{name}: its check 'fact' has {bounds[0]} but no number; remove it, or quote a number")
