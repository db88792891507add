"""Checks by an estimate: a metric of a cell of this run, or the paired difference of two cells."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from samgap.claims.data import ClaimData
from samgap.claims.outcome import Outcome, make_untestable
from samgap.claims.region import Region, format_number
from samgap.statistics.strata import STRATUM_ALL


def check_estimate(check: Mapping[str, Any], data: ClaimData) -> Outcome:
    """Decide by the confidence interval: confirmed if it lies in the bounds, refuted if outside of them, else open.

    Keys: `experiment` or `against`, `dataset` and `model` (roles), `prompts`, `metric`, `stratum` (default is the whole
    data set) and bounds. With `against`, a mapping of `dataset`, `model`, `prompts` and `stratum` (each by default the
    same), the interval is that of the difference in the table `comparisons`.
    """
    against = check.get("against", {})
    roles_used = (
        *(("data set", side["dataset"]) for side in (check, against) if "dataset" in side),
        *(("model", side["model"]) for side in (check, against) if "model" in side),
    )
    for role_kind, role in roles_used:
        roles = data.datasets if role_kind == "data set" else data.models
        if role not in roles:
            return make_untestable(f"this run has no {role_kind} in the role {role}")
    return _check_difference(check, data) if "against" in check else _check_value(check, data)


def _check_value(check: Mapping[str, Any], data: ClaimData) -> Outcome:
    dataset, model = data.datasets[check["dataset"]], data.models[check["model"]]
    experiment, prompts, metric = check["experiment"], check["prompts"], check["metric"]
    rows = data.estimates[data.estimates["experiment"] == experiment]
    if rows.empty:
        return make_untestable(f"this run has no experiment {experiment}", table="estimates")
    rows = _select(rows, dataset=dataset, model=model, prompts=prompts)
    if rows.empty:
        cell = f"{model} with {prompts} on {dataset}"
        return make_untestable(f"the experiment {experiment} has no {cell}", table="estimates")
    rows = rows[rows["metric"] == metric]
    if rows.empty:
        return make_untestable(f"the experiment {experiment} does not measure {metric}", table="estimates")
    stratum = check.get("stratum", STRATUM_ALL)
    rows = rows[rows["stratum"] == stratum]
    if rows.empty:
        reason = f"the experiment {experiment} has no stratum “{stratum}” of {metric}"
        return make_untestable(reason, table="estimates")
    row: Any = next(rows.itertuples(index=False))
    place = f"experiment {experiment}, {model} with {prompts} on {dataset}{_describe_stratum(stratum)}: {metric}"
    demo = model in data.demo_models
    n = _Number(int(row.n_images), "image")
    return _decide(check, place, row.value, (row.ci_low, row.ci_high), n, row, "estimates", demo)


def _check_difference(check: Mapping[str, Any], data: ClaimData) -> Outcome:
    metric = check["metric"]
    cell = _name_side(check, data)
    baseline = _name_side({**check, **check["against"]}, data)
    rows = data.comparisons[data.comparisons["metric"] == metric]
    names, where = _describe_sides(cell, baseline)
    for candidate, reference, sign in ((cell, baseline, 1), (baseline, cell, -1)):
        found = _select(rows, **candidate, **{f"baseline_{key}": value for key, value in reference.items()})
        if not found.empty:
            row: Any = next(found.itertuples(index=False))
            ends = (row.ci_low, row.ci_high) if sign > 0 else (-row.ci_high, -row.ci_low)
            place = f"comparison {row.comparison}, {names}{where}: {metric}"
            demo = bool({cell["model"], baseline["model"]} & set(data.demo_models))
            difference = sign * row.difference
            n = _Number(int(row.n_clusters), row.clusters)
            return _decide(check, place, difference, ends, n, row, "comparisons", demo)
    reason = f"this run does not compare {names}{where} in {metric}"
    return make_untestable(reason, table="comparisons")


def _name_side(side: Mapping[str, Any], data: ClaimData) -> dict[str, str]:
    """Return the columns of `comparisons` that name one side of a difference."""
    return {
        "dataset": data.datasets[side["dataset"]],
        "model": data.models[side["model"]],
        "prompts": side["prompts"],
        "stratum": side.get("stratum", STRATUM_ALL),
    }


def _describe_sides(cell: Mapping[str, str], baseline: Mapping[str, str]) -> tuple[str, str]:
    """Return what is compared, and where: the data set and the stratum that both sides share."""
    shared = {key for key in ("dataset", "stratum") if cell[key] == baseline[key]}
    sides = []
    for side in (cell, baseline):
        text = f"{side['model']} with {side['prompts']}"
        text += "" if "dataset" in shared else f" on {side['dataset']}"
        text += "" if "stratum" in shared else f" in {side['stratum']}"
        sides.append(text)
    where = f" on {cell['dataset']}" if "dataset" in shared else ""
    where += _describe_stratum(cell["stratum"]) if "stratum" in shared else ""
    return " against ".join(sides), where


def _decide(
    check: Mapping[str, Any],
    place: str,
    value: float,
    ends: tuple[float, float],
    n: "_Number",
    row: Any,
    table: str,
    demo: bool,
) -> Outcome:
    if pd.isna(value):
        return make_untestable(str(row.note), f"{place}: {row.note}", table)
    low, high = ends
    unit, sign = check["unit"], "+" if table == "comparisons" else ""
    number = format_number(value, sign)
    if pd.isna(low):
        why = row.warning or "the estimate has none"
        evidence = f"{place} = {number} {unit}, n = {n}, without an interval"
        return make_untestable(f"no confidence interval ({why})", evidence, table)
    found = f"{place} = {number} [{format_number(low)}, {format_number(high)}] {unit}, n = {n}"
    # Of a difference, the labels of either side may be what is not exhaustive.
    flags = (row.lacks_labels, getattr(row, "baseline_lacks_labels", None))
    if any(pd.notna(flag) and flag for flag in flags):
        reason = "the labels of the data set are not exhaustive, so objects without a label count as false positives"
        return make_untestable(reason, f"{found}, but {reason}", table)
    region = Region.from_check(check)
    warning = f" ({row.warning})" if row.warning else ""
    return Outcome(
        region.decide(low, high),
        f"{found}{warning}",
        value=float(value),
        ci_low=float(low),
        ci_high=float(high),
        unit=unit,
        n=n.count,
        bound=region.describe(unit),
        table=table,
        demo=demo,
    )


@dataclass(frozen=True)
class _Number:
    """How many units carry a value, and what one of them is."""

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count:,} {self.unit}{'' if self.count == 1 else 's'}"


def _select(rows: pd.DataFrame, **values: str) -> pd.DataFrame:
    """Return the rows that have these values in the columns of these names."""
    for column, value in values.items():
        rows = rows[rows[column] == value]
    return rows


def _describe_stratum(stratum: str) -> str:
    return "" if stratum == STRATUM_ALL else f", {stratum}"
