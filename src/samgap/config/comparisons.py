"""Which cells are compared: the configuration's section `comparisons`, written out."""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.config.schema import suggest
from samgap.errors import UserError

Side = tuple[str, str]
"""(model, prompts)"""


def expand_comparisons(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each pair of cells on each data set that both are measured on.

    A pair has `comparison`, `dataset`, `model`, `prompts`, `baseline_model`, `baseline_prompts` and `metrics`. With
    `baseline` in place of `pairs` every other cell of the experiments is compared with that one.
    """
    found = []
    for name, entry in config["comparisons"].items():
        sides = _collect_sides(entry, config)
        for candidate, baseline in _iter_pairs(entry, sides):
            for dataset in sides[candidate]:
                if dataset in sides[baseline]:
                    pair = {"comparison": name, "dataset": dataset, "model": candidate[0], "prompts": candidate[1]}
                    pair |= {"baseline_model": baseline[0], "baseline_prompts": baseline[1]}
                    found.append({**pair, "metrics": entry["metrics"]})
    return found


def validate_comparisons(config: Mapping[str, Any]) -> None:
    """UserError where a comparison names what its experiments do not have, or compares what cannot be."""
    for name, entry in config["comparisons"].items():
        where, sides = f"config: comparisons.{name}", _collect_sides(entry, config)
        measured = {metric for each in entry["experiments"] for metric in config["experiments"][each]["metrics"]}
        for metric in entry["metrics"]:
            if metric not in measured:
                raise UserError(
                    f"{where}.metrics names '{metric}', which none of its experiments measures; "
                    f"{suggest(metric, measured)}"
                )
        for side in _list_named_sides(entry):
            if side not in sides:
                raise UserError(
                    f"{where} names the model '{side[0]}' with the prompts '{side[1]}', which none of its experiments "
                    f"has; there is {', '.join(' with '.join(known) for known in sorted(sides))}"
                )
        pairs = list(_iter_pairs(entry, sides))
        if not pairs:
            raise UserError(f"{where}.baseline is all that its experiments have; add an experiment to compare it with")
        for candidate, baseline in pairs:
            both = f"{' with '.join(candidate)} and {' with '.join(baseline)}"
            if candidate == baseline:
                raise UserError(f"{where} compares {candidate[0]} with {candidate[1]} to itself; name another")
            if pairs.count((candidate, baseline)) + pairs.count((baseline, candidate)) > 1:
                raise UserError(f"{where} compares {both} twice; name the pair once")
            if not set(sides[candidate]) & set(sides[baseline]):
                raise UserError(f"{where} compares {both}, which share no data set; name two that do")


def _collect_sides(comparison: Mapping[str, Any], config: Mapping[str, Any]) -> dict[Side, list[str]]:
    """Every model with its prompts in the experiments of a comparison, and the data sets that it is measured on."""
    found: dict[Side, list[str]] = {}
    for experiment in (config["experiments"][name] for name in comparison["experiments"]):
        for model in experiment["models"]:
            for prompts in experiment["prompts"]:
                datasets = found.setdefault((model, prompts), [])
                datasets += [dataset for dataset in experiment["datasets"] if dataset not in datasets]
    return found


def _iter_pairs(comparison: Mapping[str, Any], sides: Mapping[Side, list[str]]) -> Iterator[tuple[Side, Side]]:
    """(candidate, baseline)"""
    if "pairs" in comparison:
        for pair in comparison["pairs"]:
            yield _parse_side(pair["candidate"]), _parse_side(pair["baseline"])
    else:
        baseline = _parse_side(comparison["baseline"])
        yield from ((side, baseline) for side in sides if side != baseline)


def _list_named_sides(comparison: Mapping[str, Any]) -> list[Side]:
    if "pairs" in comparison:
        return [_parse_side(pair[role]) for pair in comparison["pairs"] for role in ("candidate", "baseline")]
    return [_parse_side(comparison["baseline"])]


def _parse_side(reference: Mapping[str, str]) -> Side:
    return reference["model"], reference["prompts"]
