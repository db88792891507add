"""The section `rank-correlations`: its validation, and its expansion to a pair of models on each data set."""

from collections.abc import Mapping
from typing import Any

from samgap.config.cells import Cell
from samgap.config.schema import suggest
from samgap.errors import UserError


def expand_rank_correlations(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return each rank correlation, once for each data set on which both models have a common prompt set.

    Returns:
        Mappings with `correlation`, `dataset`, `model`, `other_model`, `metric` and `prompts`: those that both
        models have on this data set, in the order of the experiments.
    """
    expanded = []
    for name, entry in config["rank-correlations"].items():
        models = dict(zip(("model", "other_model"), entry["models"], strict=True))
        for dataset, prompts in _list_shared_prompts(entry, config).items():
            if dataset in entry.get("datasets", [dataset]):
                keys = {"correlation": name, "dataset": dataset, **models, "metric": entry["metric"]}
                expanded.append({**keys, "prompts": prompts})
    return expanded


def list_correlated_cells(correlation: Mapping[str, Any]) -> list[Cell]:
    """Return the cells of a rank correlation that `expand_rank_correlations` returns."""
    models = correlation["model"], correlation["other_model"]
    return [(correlation["dataset"], model, prompts) for model in models for prompts in correlation["prompts"]]


def validate_rank_correlations(config: Mapping[str, Any]) -> None:
    """Raise UserError for a metric, model or data set that the experiments of a rank correlation lack."""
    for name, entry in config["rank-correlations"].items():
        key_path = f"config: rank-correlations.{name}"
        measured = {metric for id in entry["experiments"] for metric in config["experiments"][id]["metrics"]}
        if entry["metric"] not in measured:
            raise UserError(
                f"{key_path}.metric is '{entry['metric']}', which none of its experiments measures; "
                f"{suggest(entry['metric'], measured)}"
            )
        shared = _list_shared_prompts(entry, config)
        models = " and ".join(f"'{model}'" for model in entry["models"])
        if not shared:
            raise UserError(f"{key_path}: {models} have no common prompt set in its experiments; add experiments")
        for dataset in entry.get("datasets", []):
            if dataset not in shared:
                raise UserError(
                    f"{key_path}.datasets names '{dataset}', on which {models} have no common prompt set; "
                    f"{suggest(dataset, shared)}"
                )
        for prompts in shared.values():
            _validate_subsets(key_path, prompts, config["prompts"])


def _validate_subsets(key_path: str, prompts: list[str], entries: Mapping[str, Any]) -> None:
    first = prompts[0]
    for other in prompts[1:]:
        if entries[other].get("subset") != entries[first].get("subset"):
            raise UserError(
                f"{key_path} ranks prompts '{first}' and '{other}' with different `subset`, so of different images; "
                "give both the same"
            )


def _list_shared_prompts(entry: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return each data set of the experiments -> the prompt sets that both models have on it; only those with one."""
    prompts_by_cell: dict[tuple[str, str], list[str]] = {}
    for experiment in (config["experiments"][id] for id in entry["experiments"]):
        for dataset in experiment["datasets"]:
            for model in experiment["models"]:
                known = prompts_by_cell.setdefault((dataset, model), [])
                known += [prompts for prompts in experiment["prompts"] if prompts not in known]
    first, second = entry["models"]
    shared = {
        dataset: [prompts for prompts in known if prompts in prompts_by_cell.get((dataset, second), [])]
        for (dataset, model), known in prompts_by_cell.items()
        if model == first
    }
    return {dataset: prompts for dataset, prompts in shared.items() if prompts}
