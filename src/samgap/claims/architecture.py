"""Checks of a model's structure: counts of parameters, constants, and names that must be absent."""

import json
import re
from collections.abc import Mapping
from typing import Any

from samgap.claims.data import ClaimData
from samgap.claims.outcome import Outcome, make_untestable
from samgap.claims.region import Region, format_number
from samgap.config.claim_bounds import is_number, list_bounds
from samgap.errors import UserError
from samgap.tables.claims import CONFIRMED, REFUTED
from samgap.tables.inventory import ATTRIBUTE, MODULE, TENSOR

TABLE = "inventory"
MAX_NAMES = 3
"""Names that the evidence of a pattern lists."""


def check_parameters(check: Mapping[str, Any], data: ClaimData) -> Outcome:
    """Decide by the number of parameters of a model, or of some of its modules together.

    Keys: `model`, `modules` (paths; default is the whole model), and `count` with `tolerance`, or bounds.
    """
    model, paths = check["model"], check.get("modules", [""])
    items = data.get_items(model)
    missing = [path for path in paths if path not in items or items[path].part != MODULE]
    if missing:
        return _make_missing(model, missing[0])
    value = sum(int(items[path].n_total) for path in paths)
    names = " + ".join(path or "the whole model" for path in paths)
    evidence = f"{_describe_model(items[''])}: {names}: {value:,} parameters"
    return _decide_number(value, check, evidence)


def check_attribute(check: Mapping[str, Any], data: ClaimData) -> Outcome:
    """Decide by a constant, the class of a module, or the shape of a tensor.

    Keys: `model`, `path`, and `equals` or bounds.

    Raises:
        UserError: If one of both is a number and the other is not: they cannot be compared.
    """
    model, path = check["model"], check["path"]
    items = data.get_items(model)
    if path not in items:
        return _make_missing(model, path)
    value = get_value(items[path])
    file = data.get_owner(model, path).file
    evidence = f"{_describe_model(items[''])}, {file}: {path} = {_format(value)}"
    if is_number(value) != all(is_number(check[key]) for key in list_bounds(check)):
        kind = "a number" if is_number(value) else "no number"
        raise UserError(
            f"claims: {path} of {model} is {_format(value)}, {kind}; write a check with a bound of the same type"
        )
    if is_number(value):
        return _decide_number(value, check, f"{evidence} {check['unit']}")
    verdict = CONFIRMED if value == check.get("equals") else REFUTED
    return Outcome(verdict, evidence, bound=f"= {_format(check.get('equals'))}", table=TABLE)


def check_absent(check: Mapping[str, Any], data: ClaimData) -> Outcome:
    """Decide by the modules and tensors whose names match a pattern.

    Keys: `model`, `pattern` (a regular expression, found anywhere in a path), and `claimed`, which is `absent` by
    default; with `present` the claim holds if there is a match.
    """
    model, pattern = check["model"], check["pattern"]
    items = data.get_items(model)
    if not items:
        return _make_missing(model, "")
    names = [path for path, row in items.items() if row.part in (MODULE, TENSOR) and re.search(pattern, path)]
    found = f"{len(names):,} names match “{pattern}”" + (f", as {', '.join(names[:MAX_NAMES])}" if names else "")
    evidence = f"{_describe_model(items[''])}: {found}"
    is_claimed_absent = check.get("claimed", "absent") == "absent"
    bounds = {"equals": 0} if is_claimed_absent else {"at-least": 1}
    return _decide_number(len(names), {**bounds, "unit": "names"}, evidence)


def get_value(row: Any) -> Any:
    """Return the value of a row of the inventory: a constant, the class of a module, or the shape of a tensor."""
    if row.part == ATTRIBUTE:
        return json.loads(row.value)
    return row.type if row.part == MODULE else [int(side) for side in row.shape]


def _decide_number(value: float, check: Mapping[str, Any], evidence: str) -> Outcome:
    region, unit = Region.from_check(check), check["unit"]
    verdict = CONFIRMED if region.contains(value) else REFUTED
    return Outcome(verdict, evidence, value=float(value), unit=unit, bound=region.describe(unit), table=TABLE)


def _make_missing(model: str, path: str) -> Outcome:
    place = f"no {path} in {model}" if path else f"no model {model}"
    return make_untestable(f"the inventory has {place}", table=TABLE)


def _describe_model(row: Any) -> str:
    return f"{row.package} {row.version}, {row.model}"


def _format(value: Any) -> str:
    if is_number(value):
        return format_number(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
