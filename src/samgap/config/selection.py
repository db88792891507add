"""A part of a configuration: the models chosen on the command line, and what is to be fetched."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from samgap.config.load import referenced_ids
from samgap.config.schema import suggest
from samgap.errors import UserError

SECTIONS_WITH_MODELS = ("experiments", "comparisons", "figures", "tables")


def select_models(
    config: Mapping[str, Any], config_files: Iterable[str | Path]
) -> tuple[dict[str, Any], tuple[str, ...] | None]:
    """`config` with its section `models` as `files` have it, and the ids that stood there in its place.

    `snakemake --config models=sam2-large,ellipse` puts ids where the configuration files have models. Without
    that the ids are None.
    """
    given = config.get("models")
    if isinstance(given, Mapping) or given is None:
        return dict(config), None
    names = tuple(name.strip() for name in (given.split(",") if isinstance(given, str) else map(str, given)))
    models: dict[str, Any] = {}
    for file in config_files:
        models |= (yaml.safe_load(Path(file).read_text()) or {}).get("models", {})
    for name in names:
        if name not in models:
            raise UserError(f"config: models={','.join(names)} names '{name}'; {suggest(name, models)}")
    return {**config, "models": models}, names


def restrict_to_models(config: Mapping[str, Any], models: Iterable[str] | None) -> dict[str, Any]:
    """A checked `config` with nothing that needs another model than `models` (None: all of them).

    What lists several experiments or models keeps those that are left; what then has none, and what names a model
    that was not chosen, is left out. The section `models` stays, so that trainings find theirs.
    """
    if models is None:
        return dict(config)
    wanted = set(models)
    found = dict(config)
    for section in SECTIONS_WITH_MODELS:
        kept = {name: _restrict(entry, wanted, found["experiments"]) for name, entry in config[section].items()}
        found[section] = {name: entry for name, entry in kept.items() if entry is not None}
    if not found["experiments"]:
        raise UserError(f"config: no experiment is left with the models {', '.join(sorted(wanted))}; choose others")
    return found


def list_downloads(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """The ids of what a network is needed for, or what is made of that: `archives`, `datasets` and `models`.

    A model that a training makes is not fetched, but the data that it is trained on is.
    """
    sources = {model: config["models"][model].get("weights", {}) for model in referenced_ids(config, "models")}
    datasets = set(referenced_ids(config, "datasets"))
    for training in _list_required_trainings(
        config, [source["training"] for source in sources.values() if "training" in source]
    ):
        entry = config["trainings"][training]
        datasets |= {entry["dataset"], entry["validation"], *(each["dataset"] for each in entry.get("mix", []))}
    archives = {id for name in datasets for id in config["datasets"][name].get("archives", {}).values()}
    models = [model for model, source in sources.items() if "training" not in source]
    return {"archives": sorted(archives), "datasets": sorted(datasets), "models": models}


def _list_required_trainings(config: Mapping[str, Any], names: Iterable[str]) -> set[str]:
    """The trainings and all that they start from."""
    found: set[str] = set()
    for name in names:
        at: str | None = name
        while at is not None and at not in found:
            found.add(at)
            at = config["trainings"][at].get("start")
    return found


def _restrict(value: Any, models: set[str], experiments: Mapping[str, Any]) -> Any:
    """What is left of an entry, or of a part of one; None: nothing."""
    if isinstance(value, list):
        items = [_restrict(item, models, experiments) for item in value]
        return [item for item in items if item is not None] or None
    if not isinstance(value, Mapping):
        return value
    found: dict[str, Any] = {}
    for key, item in value.items():
        if key == "model" and item not in models:
            return None
        if key in ("models", "experiments"):
            item = [name for name in item if name in (models if key == "models" else experiments)]
        found[key] = _restrict(item, models, experiments)
        if found[key] is None and value[key] not in (None, []):
            return None
    if "experiments" in found and "metrics" in found:
        measured = {metric for name in found["experiments"] for metric in experiments[name]["metrics"]}
        found["metrics"] = [metric for metric in found["metrics"] if metric in measured]
        if not found["metrics"]:
            return None
    return found
