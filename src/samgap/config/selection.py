"""Selections from a configuration: the models of the command line, and the downloads of a run."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from samgap.config.catalogs import merge_catalogs, merge_mappings
from samgap.config.cells import list_referenced_ids
from samgap.config.schema import suggest
from samgap.errors import UserError
from samgap.io.yaml_text import parse_config_text

SECTIONS_WITH_MODELS = ("experiments", "comparisons", "figures", "tables")


def select_models(
    config: Mapping[str, Any], config_files: Iterable[str | Path], root: Path
) -> tuple[dict[str, Any], tuple[str, ...] | None]:
    """Return the configuration with its section `models`, and the model ids of the command line.

    `snakemake --config models=sam2-large,ellipse` replaces the section by these ids, so the section is read again from
    the configuration files and their catalogs.

    Args:
        config: The configuration as Snakemake reads it.
        config_files: The files that Snakemake read it from, in this order.
        root: The root of the repository.

    Returns:
        The configuration, and the selected ids; None instead of ids if the command line selects no models.

    Raises:
        UserError: For an id that no file has.
    """
    selection = config.get("models")
    if isinstance(selection, Mapping) or selection is None:
        return dict(config), None
    names = selection.split(",") if isinstance(selection, str) else map(str, selection)
    ids = tuple(name.strip() for name in names)
    models: dict[str, Any] = {}
    for file in config_files:
        content = parse_config_text(Path(file).read_text(encoding="utf-8")) or {}
        models = merge_mappings(models, content.get("models", {}))
    config = merge_catalogs({**config, "models": models}, root)
    for id in ids:
        if id not in config["models"]:
            raise UserError(f"config: models={','.join(ids)} names '{id}'; {suggest(id, config['models'])}")
    return config, ids


def restrict_to_models(config: Mapping[str, Any], models: Iterable[str] | None) -> dict[str, Any]:
    """Restrict a validated configuration to the experiments, comparisons, figures and tables of some models.

    Items of other models are removed from lists of experiments, models, pairs and metrics. An entry whose list becomes
    empty, or that names another model, is removed. The section `models` stays complete, because trainings refer to it.

    Args:
        config: A validated configuration.
        models: The ids of the selected models; None for all.

    Raises:
        UserError: If no experiment remains.
    """
    if models is None:
        return dict(config)
    selected = set(models)
    restricted = dict(config)
    for section in SECTIONS_WITH_MODELS:
        entries = {
            name: _restrict_entry(entry, selected, restricted["experiments"]) for name, entry in config[section].items()
        }
        restricted[section] = {name: entry for name, entry in entries.items() if entry is not None}
    if thresholds := config.get("thresholds"):
        measured = {model for entry in restricted["experiments"].values() for model in entry["models"]}
        restricted["thresholds"] = {**thresholds, "models": [id for id in thresholds["models"] if id in measured]}
    if not restricted["experiments"]:
        raise UserError(f"config: no experiment has one of the models {', '.join(sorted(selected))}; select others")
    return restricted


def list_downloads(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the ids of `archives`, `datasets` and `models` that a run downloads, or makes from downloaded files.

    The weights of a model from a training are not downloaded, but the data sets of that training are.
    """
    sources = {model: config["models"][model].get("weights", {}) for model in list_referenced_ids(config, "models")}
    datasets = set(list_referenced_ids(config, "datasets"))
    trainings = [source["training"] for source in sources.values() if "training" in source]
    for training in _list_required_trainings(config, trainings):
        entry = config["trainings"][training]
        datasets |= {entry["dataset"], entry["validation"], *(part["dataset"] for part in entry.get("mix", []))}
    archives = {archive for name in datasets for archive in config["datasets"][name].get("archives", {}).values()}
    models = [model for model, source in sources.items() if "training" not in source]
    return {"archives": sorted(archives), "datasets": sorted(datasets), "models": models}


def _list_required_trainings(config: Mapping[str, Any], names: Iterable[str]) -> set[str]:
    """Return the trainings and all trainings that they start from."""
    required: set[str] = set()
    for name in names:
        current: str | None = name
        while current is not None and current not in required:
            required.add(current)
            current = config["trainings"][current].get("start")
    return required


def _restrict_entry(
    entry: Mapping[str, Any], models: set[str], experiments: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return an experiment, comparison, figure or table without other models; None if it becomes empty."""
    if not _has_only_models(entry, models):
        return None
    restricted = dict(entry)
    for key, available in (("models", models), ("experiments", experiments)):
        if key in entry:
            restricted[key] = [id for id in entry[key] if id in available]
    if "pairs" in entry:
        restricted["pairs"] = [pair for pair in entry["pairs"] if _has_only_models(pair, models)]
    if "experiments" in entry and "metrics" in entry:
        measured = {metric for name in restricted["experiments"] for metric in experiments[name]["metrics"]}
        restricted["metrics"] = [metric for metric in entry["metrics"] if metric in measured]
    emptied = [key for key, value in restricted.items() if value == [] and entry[key] != []]
    return None if emptied else restricted


def _has_only_models(entry: Mapping[str, Any], models: set[str]) -> bool:
    """Return whether each `model` of an entry and of its mappings (`spatial`, `baseline`, …) is one of `models`."""
    if "model" in entry and entry["model"] not in models:
        return False
    return all(_has_only_models(value, models) for value in entry.values() if isinstance(value, Mapping))
