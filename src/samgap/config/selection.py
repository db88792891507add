"""Selections from a configuration: the models and experiments of the command line, and the downloads of a run."""

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from samgap.config.catalogs import merge_catalogs, merge_mappings
from samgap.config.cells import list_referenced_ids
from samgap.config.schema import suggest
from samgap.config.sources import list_sources
from samgap.config.training_starts import find_previous_training, find_start
from samgap.errors import UserError
from samgap.io.yaml_text import parse_config_text

SELECTABLE_SECTIONS = ("models", "experiments")
"""Sections of which the command line may name the ids to use, instead of the section."""
RESTRICTED_SECTIONS = ("comparisons", "rank-correlations", "figures", "tables")
"""Sections whose entries name models or experiments, beside `experiments` itself."""

Selections = Mapping[str, tuple[str, ...] | None]
"""Section -> the ids that the command line selects, or None."""
Cells = set[tuple[str, str, str]]
"""(data set, model, prompt set) of some experiments."""


def read_selections(
    config: Mapping[str, Any], config_files: Iterable[str | Path], root: Path
) -> tuple[dict[str, Any], dict[str, tuple[str, ...] | None]]:
    """Return the configuration with its whole sections, and the ids that the command line selects of them.

    `snakemake --config models=sam2-large,ellipse experiments=spatial-prompts` replaces each section by these ids, so
    the section is read again from the configuration files and their catalogs.

    Args:
        config: The configuration as Snakemake reads it.
        config_files: The files that Snakemake read it from, in this order.
        root: The root of the repository.

    Returns:
        The configuration, and the selected ids of each of SELECTABLE_SECTIONS; None if the command line selects none.

    Raises:
        UserError: For an id that no file has.
    """
    selections: dict[str, tuple[str, ...] | None] = dict.fromkeys(SELECTABLE_SECTIONS)
    for section in SELECTABLE_SECTIONS:
        selection = config.get(section)
        if isinstance(selection, Mapping) or selection is None:
            continue
        names = selection.split(",") if isinstance(selection, str) else map(str, selection)
        selections[section] = tuple(name.strip() for name in names)
    selected = [section for section, ids in selections.items() if ids is not None]
    if not selected:
        return dict(config), selections
    contents = [parse_config_text(Path(file).read_text(encoding="utf-8")) or {} for file in config_files]
    for section in selected:
        entries: dict[str, Any] = {}
        for content in contents:
            entries = merge_mappings(entries, content.get(section, {}))
        config = {**config, section: entries}
    config = merge_catalogs(config, root)
    for section in selected:
        ids = selections[section] or ()
        for id in ids:
            if id not in config[section]:
                raise UserError(f"config: {section}={','.join(ids)} names '{id}'; {suggest(id, config[section])}")
    return config, selections


def restrict(config: Mapping[str, Any], selections: Selections) -> dict[str, Any]:
    """Restrict a validated configuration to some models, and to some experiments.

    Items that need others are removed from lists of experiments, models, pairs and metrics. An entry whose list becomes
    empty, or that names another model, is removed. With selected experiments, so is a figure of masks or images that
    none of them has. The section `models` stays complete, because trainings refer to it.

    Args:
        config: A validated configuration.
        selections: As `read_selections` returns them.

    Raises:
        UserError: If no experiment remains.
    """
    model_ids, experiment_ids = selections.get("models"), selections.get("experiments")
    if model_ids is None and experiment_ids is None:
        return dict(config)
    models = set(config["models"] if model_ids is None else model_ids)
    restricted = dict(config)
    restricted["experiments"] = {
        name: entry
        for name, whole in config["experiments"].items()
        if (experiment_ids is None or name in experiment_ids) and (entry := _restrict_entry(whole, models, {}))
    }
    if not restricted["experiments"]:
        experiments = "" if experiment_ids is None else f" of {', '.join(sorted(set(experiment_ids)))}"
        raise UserError(
            f"config: no experiment{experiments} has one of the models {', '.join(sorted(models))}; select others"
        )
    for section in RESTRICTED_SECTIONS:
        entries = {
            name: _restrict_entry(entry, models, restricted["experiments"])
            for name, entry in config.get(section, {}).items()
        }
        restricted[section] = {name: entry for name, entry in entries.items() if entry is not None}
    pairs = restricted["rank-correlations"].items()
    restricted["rank-correlations"] = {name: entry for name, entry in pairs if len(entry["models"]) == 2}
    if experiment_ids is not None:
        cells = _list_cells(restricted["experiments"].values())
        figures = restricted["figures"].items()
        restricted["figures"] = {name: entry for name, entry in figures if _has_shown_data(entry, cells)}
    if thresholds := config.get("thresholds"):
        measured = {model for entry in restricted["experiments"].values() for model in entry["models"]}
        restricted["thresholds"] = {**thresholds, "models": [id for id in thresholds["models"] if id in measured]}
    return restricted


def list_downloads(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the ids of `archives`, `datasets` and `models` that a run downloads, or makes from downloaded files.

    The weights of a model from a training are not downloaded, but the data sets of that training are, and the weights
    that it starts from.
    """
    sources = {model: config["models"][model].get("weights", {}) for model in list_referenced_ids(config, "models")}
    datasets = set(list_referenced_ids(config, "datasets"))
    trainings = [source["training"] for source in sources.values() if "training" in source]
    for training in sorted(_list_required_trainings(config, trainings)):
        entry = config["trainings"][training]
        start = find_start(config, training)
        if start and start[0] == "models":
            sources[start[1]] = config["models"][start[1]].get("weights", {})
        datasets |= {entry["dataset"], entry["validation"], *(part["dataset"] for part in entry.get("mix", []))}
    datasets |= {source for dataset in datasets for source in list_sources(config["datasets"], dataset)}
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
            current = find_previous_training(config, current)
    return required


def _restrict_entry(
    entry: Mapping[str, Any], models: set[str], experiments: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return an experiment, comparison, figure or table without other models; None if it becomes empty."""
    if not _has_only_models({key: value for key, value in entry.items() if key != "lanes"}, models):
        return None
    restricted = dict(entry)
    for key, available in (("models", models), ("experiments", experiments)):
        if key in entry:
            restricted[key] = [id for id in entry[key] if id in available]
    if "experiments" in entry and "metrics" in entry:
        measured = {metric for name in restricted["experiments"] for metric in experiments[name]["metrics"]}
        restricted["metrics"] = [metric for metric in entry["metrics"] if metric in measured]
    if "experiments" in entry and ("pairs" in entry or "baseline" in entry):
        cells = _list_cells(experiments[name] for name in restricted["experiments"])
        if "pairs" in entry:
            restricted["pairs"] = [
                pair for pair in entry["pairs"] if _share_dataset(pair["candidate"], pair["baseline"], cells)
            ]
        elif not _has_candidate(entry["baseline"], cells):
            return None
    if "lanes" in entry:  # the figure says that there is no data for the others
        cells = _list_cells(experiments[name] for name in restricted.get("experiments", []))
        lanes = entry["lanes"].items()
        restricted["lanes"] = {
            lane: cell for lane, cell in lanes if (cell["dataset"], cell["model"], cell["prompts"]) in cells
        }
        if not restricted["lanes"]:
            return None
    emptied = [key for key, value in restricted.items() if value == [] and entry[key] != []]
    return None if emptied else restricted


def _list_cells(experiments: Iterable[Mapping[str, Any]]) -> Cells:
    return {
        cell
        for entry in experiments
        for cell in itertools.product(entry["datasets"], entry["models"], entry["prompts"])
    }


def _list_side_datasets(side: Mapping[str, str], cells: Cells) -> set[str]:
    """Return the data sets on which a side of a pair is measured: its own, if it names one."""
    datasets = {dataset for dataset, *cell in cells if cell == [side["model"], side["prompts"]]}
    return datasets & {side["dataset"]} if "dataset" in side else datasets


def _share_dataset(candidate: Mapping[str, str], baseline: Mapping[str, str], cells: Cells) -> bool:
    """Return whether both sides are measured: on one data set, or each on the one that it names."""
    datasets = [_list_side_datasets(side, cells) for side in (candidate, baseline)]
    if "dataset" in candidate or "dataset" in baseline:
        return all(datasets)
    return bool(datasets[0] & datasets[1])


def _has_candidate(baseline: Mapping[str, str], cells: Cells) -> bool:
    """Return whether another cell is measured on a data set of the baseline."""
    datasets = _list_side_datasets(baseline, cells)
    return any(dataset in datasets and cell != [baseline["model"], baseline["prompts"]] for dataset, *cell in cells)


def _has_shown_data(figure: Mapping[str, Any], cells: Cells) -> bool:
    """Return whether some cells include those of a figure with masks, and have the data set of one with images."""
    if "dataset" not in figure:
        return True
    sides = [figure[side] for side in ("spatial", "concept") if side in figure]
    if any((figure["dataset"], side["model"], side["prompts"]) not in cells for side in sides):
        return False
    return figure["dataset"] in {dataset for dataset, *_ in cells}


def _has_only_models(entry: Mapping[str, Any], models: set[str]) -> bool:
    """Return whether each `model` of an entry and of its mappings (`spatial`, `baseline`, …) is one of `models`."""
    if "model" in entry and entry["model"] not in models:
        return False
    return all(_has_only_models(value, models) for value in entry.values() if isinstance(value, Mapping))
