"""The section `comparisons`: its validation, and its expansion to pairs of values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from samgap.config.schema import suggest
from samgap.errors import UserError

CellName = tuple[str, str]
"""(model, prompts)"""


@dataclass(frozen=True)
class Side:
    """The candidate or the baseline of a pair."""

    model: str
    prompts: str
    stratum: str | None = None
    """None for the whole data set."""
    dataset: str | None = None
    """None for each data set that both sides are measured on."""

    @property
    def cell(self) -> CellName:
        """Its model and prompt set."""
        return self.model, self.prompts

    def __str__(self) -> str:
        parts = [f"'{self.model}' with '{self.prompts}'"]
        parts += [f"on '{self.dataset}'"] if self.dataset else []
        parts += [f"in '{self.stratum}'"] if self.stratum else []
        return " ".join(parts)


def expand_comparisons(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each pair of values that is compared, once for each data set that both sides are measured on.

    With `baseline` instead of `pairs`, every other cell of the experiments is compared with the baseline.

    Returns:
        Mappings with `comparison`, `metrics`, `strata` (the attributes whose strata are compared, too), `margins` (of
        the metrics that have one), and for each side `dataset`, `model`, `prompts` and `stratum` (None for the whole
        data set); those of the baseline have the prefix `baseline_`.
    """
    expanded = []
    for name, entry in config["comparisons"].items():
        datasets = _list_datasets_by_cell(entry, config)
        for candidate, baseline in _iter_pairs(entry, datasets):
            for dataset, baseline_dataset in _iter_datasets(candidate, baseline, datasets):
                expanded.append(
                    {
                        "comparison": name,
                        **_describe_side(candidate, dataset),
                        **{f"baseline_{key}": id for key, id in _describe_side(baseline, baseline_dataset).items()},
                        "metrics": entry["metrics"],
                        "strata": entry.get("strata", []),
                        "margins": _list_margins(entry),
                    }
                )
    return expanded


def _describe_side(side: Side, dataset: str) -> dict[str, str | None]:
    return {"dataset": dataset, "model": side.model, "prompts": side.prompts, "stratum": side.stratum}


def _list_margins(entry: Mapping[str, Any]) -> dict[str, float]:
    margin = entry.get("margin", {})
    return dict(margin) if isinstance(margin, Mapping) else dict.fromkeys(entry["metrics"], margin)


def list_compared_cells(pair: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return both cells of a pair that `expand_comparisons` returns: (data set, model, prompt set)."""
    return [(pair[f"{side}dataset"], pair[f"{side}model"], pair[f"{side}prompts"]) for side in ("", "baseline_")]


def validate_comparisons(config: Mapping[str, Any]) -> None:
    """Raise UserError for a metric or cell that the experiments of a comparison lack, or an invalid pair."""
    for name, entry in config["comparisons"].items():
        key_path, datasets = f"config: comparisons.{name}", _list_datasets_by_cell(entry, config)
        _validate_metrics(key_path, entry, config["experiments"])
        for side in _list_named_sides(entry):
            _validate_side(key_path, side, datasets)
        _validate_pairs(key_path, list(_iter_pairs(entry, datasets)), datasets, has_strata="strata" in entry)


def _validate_metrics(key_path: str, entry: Mapping[str, Any], experiments: Mapping[str, Any]) -> None:
    measured = {metric for experiment in entry["experiments"] for metric in experiments[experiment]["metrics"]}
    for metric in entry["metrics"]:
        if metric not in measured:
            raise UserError(
                f"{key_path}.metrics names '{metric}', which none of its experiments measures; "
                f"{suggest(metric, measured)}"
            )
    for metric in _list_margins(entry):
        if metric not in entry["metrics"]:
            raise UserError(
                f"{key_path}.margin names '{metric}', which is not in its metrics; {suggest(metric, entry['metrics'])}"
            )


def _validate_side(key_path: str, side: Side, datasets: Mapping[CellName, list[str]]) -> None:
    if side.cell not in datasets:
        cells = ", ".join(str(Side(*cell)) for cell in sorted(datasets))
        raise UserError(f"{key_path} names {Side(*side.cell)}, which none of its experiments has; there is {cells}")
    if side.dataset is not None and side.dataset not in datasets[side.cell]:
        raise UserError(
            f"{key_path} names the data set '{side.dataset}', on which none of its experiments has "
            f"{Side(*side.cell)}; {suggest(side.dataset, datasets[side.cell])}"
        )


def _validate_pairs(
    key_path: str, pairs: list[tuple[Side, Side]], datasets: Mapping[CellName, list[str]], has_strata: bool
) -> None:
    if not pairs:
        raise UserError(f"{key_path}.baseline is the only cell of its experiments; add an experiment with another one")
    for candidate, baseline in pairs:
        pair_text = f"{candidate} and {baseline}"
        if candidate == baseline:
            raise UserError(f"{key_path} compares {candidate} with itself; name another cell, stratum or data set")
        if pairs.count((candidate, baseline)) + pairs.count((baseline, candidate)) > 1:
            raise UserError(f"{key_path} compares {pair_text} twice; name the pair once")
        if (candidate.dataset is None) != (baseline.dataset is None):
            raise UserError(f"{key_path} compares {pair_text}; name the data set of both, or of neither")
        if has_strata and (candidate.stratum or baseline.stratum):
            raise UserError(
                f"{key_path} has `strata`, and compares {pair_text}; name the strata of pairs in an entry without it"
            )
        if not list(_iter_datasets(candidate, baseline, datasets)):
            raise UserError(f"{key_path} compares {pair_text}, which share no data set; name two that do")


def _iter_datasets(
    candidate: Side, baseline: Side, datasets: Mapping[CellName, list[str]]
) -> Iterator[tuple[str, str]]:
    """Yield the data sets of both sides: those that they name, or each that both are measured on."""
    if candidate.dataset is not None and baseline.dataset is not None:
        yield candidate.dataset, baseline.dataset
    elif candidate.dataset is None and baseline.dataset is None:
        shared = datasets[baseline.cell]
        yield from ((dataset, dataset) for dataset in datasets[candidate.cell] if dataset in shared)


def _list_datasets_by_cell(comparison: Mapping[str, Any], config: Mapping[str, Any]) -> dict[CellName, list[str]]:
    """Return each model with its prompts in the experiments of a comparison -> the data sets they are measured on."""
    datasets_by_cell: dict[CellName, list[str]] = {}
    for experiment in (config["experiments"][name] for name in comparison["experiments"]):
        for model in experiment["models"]:
            for prompts in experiment["prompts"]:
                datasets = datasets_by_cell.setdefault((model, prompts), [])
                datasets += [dataset for dataset in experiment["datasets"] if dataset not in datasets]
    return datasets_by_cell


def _iter_pairs(comparison: Mapping[str, Any], datasets: Mapping[CellName, list[str]]) -> Iterator[tuple[Side, Side]]:
    """Yield (candidate, baseline)."""
    if "pairs" in comparison:
        for pair in comparison["pairs"]:
            yield Side(**pair["candidate"]), Side(**pair["baseline"])
    else:
        baseline = Side(**comparison["baseline"])
        yield from ((Side(*cell), baseline) for cell in datasets if cell != baseline.cell)


def _list_named_sides(comparison: Mapping[str, Any]) -> list[Side]:
    if "pairs" in comparison:
        return [Side(**pair[role]) for pair in comparison["pairs"] for role in ("candidate", "baseline")]
    return [Side(**comparison["baseline"])]
