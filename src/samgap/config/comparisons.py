"""The section `comparisons`: its validation, and its expansion to pairs of cells."""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.config.schema import suggest
from samgap.errors import UserError

Side = tuple[str, str]
"""(model, prompts)"""


def expand_comparisons(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each pair of cells that is compared, once for each data set that both cells are measured on.

    With `baseline` instead of `pairs`, every other cell of the experiments is compared with the baseline.

    Returns:
        Mappings with `comparison`, `dataset`, `model`, `prompts`, `baseline_model`, `baseline_prompts`, `metrics`.
    """
    expanded = []
    for name, entry in config["comparisons"].items():
        datasets = _list_datasets_by_side(entry, config)
        for candidate, baseline in _iter_pairs(entry, datasets):
            for dataset in datasets[candidate]:
                if dataset in datasets[baseline]:
                    pair = {"comparison": name, "dataset": dataset, "model": candidate[0], "prompts": candidate[1]}
                    pair |= {"baseline_model": baseline[0], "baseline_prompts": baseline[1]}
                    expanded.append({**pair, "metrics": entry["metrics"]})
    return expanded


def validate_comparisons(config: Mapping[str, Any]) -> None:
    """Raise UserError for a metric or cell that the experiments of a comparison lack, or an invalid pair."""
    for name, entry in config["comparisons"].items():
        key_path, datasets = f"config: comparisons.{name}", _list_datasets_by_side(entry, config)
        _validate_metrics(key_path, entry, config["experiments"])
        for side in _list_named_sides(entry):
            if side not in datasets:
                raise UserError(
                    f"{key_path} names {_format_side(side)}, which none of its experiments has; "
                    f"there is {', '.join(map(_format_side, sorted(datasets)))}"
                )
        _validate_pairs(key_path, list(_iter_pairs(entry, datasets)), datasets)


def _validate_metrics(key_path: str, entry: Mapping[str, Any], experiments: Mapping[str, Any]) -> None:
    measured = {metric for experiment in entry["experiments"] for metric in experiments[experiment]["metrics"]}
    for metric in entry["metrics"]:
        if metric not in measured:
            raise UserError(
                f"{key_path}.metrics names '{metric}', which none of its experiments measures; "
                f"{suggest(metric, measured)}"
            )


def _validate_pairs(key_path: str, pairs: list[tuple[Side, Side]], datasets: Mapping[Side, list[str]]) -> None:
    if not pairs:
        raise UserError(f"{key_path}.baseline is the only cell of its experiments; add an experiment with another one")
    for candidate, baseline in pairs:
        pair_text = f"{_format_side(candidate)} and {_format_side(baseline)}"
        if candidate == baseline:
            raise UserError(f"{key_path} compares {_format_side(candidate)} with itself; name another cell")
        if pairs.count((candidate, baseline)) + pairs.count((baseline, candidate)) > 1:
            raise UserError(f"{key_path} compares {pair_text} twice; name the pair once")
        if not set(datasets[candidate]) & set(datasets[baseline]):
            raise UserError(f"{key_path} compares {pair_text}, which share no data set; name two that do")


def _list_datasets_by_side(comparison: Mapping[str, Any], config: Mapping[str, Any]) -> dict[Side, list[str]]:
    """Return each model with its prompts in the experiments of a comparison -> the data sets they are measured on."""
    datasets_by_side: dict[Side, list[str]] = {}
    for experiment in (config["experiments"][name] for name in comparison["experiments"]):
        for model in experiment["models"]:
            for prompts in experiment["prompts"]:
                datasets = datasets_by_side.setdefault((model, prompts), [])
                datasets += [dataset for dataset in experiment["datasets"] if dataset not in datasets]
    return datasets_by_side


def _iter_pairs(comparison: Mapping[str, Any], sides: Mapping[Side, list[str]]) -> Iterator[tuple[Side, Side]]:
    """Yield (candidate, baseline)."""
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


def _format_side(side: Side) -> str:
    return f"'{side[0]}' with '{side[1]}'"
