"""References between the sections of a configuration: each id that an entry names must exist."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from samgap.config.components import list_components
from samgap.config.schema import suggest
from samgap.config.training_starts import SCRATCH
from samgap.errors import UserError

Reference = tuple[str, str, Iterable[str]]
"""(key that names the ids, section that must have them, ids)"""

TRAINING_REFERENCES = {
    "model": "models",
    "dataset": "datasets",
    "validation": "datasets",
    "prompts": "prompts",
    "start": "trainings",
}
"""Keys of a training that name an id, and the section that must have it."""


def validate_references(config: Mapping[str, Any]) -> None:
    """Raise UserError for an id that its section lacks, or a metric or phrase that a figure or table cannot use."""
    for key_path, section, ids in _iter_references(config):
        for id in ids:
            if id not in config[section]:
                hint = suggest(id, config[section])
                raise UserError(f"config: {key_path} names '{id}', which is not in {section}; {hint}")
    for section in ("figures", "tables"):
        for name, entry in config[section].items():
            _validate_shown_metrics(f"{section}.{name}", entry, config["experiments"])
    for name, entry in config["figures"].items():
        if "concept" in entry:
            _validate_figure_phrase(name, entry["concept"], config["prompts"])
        for lane, cell in entry.get("lanes", {}).items():
            _validate_figure_lane(
                f"figures.{name}.lanes.{lane}", cell, entry.get("experiments", []), config["experiments"]
            )


def _iter_references(config: Mapping[str, Any]) -> Iterator[Reference]:
    for name, entry in config["datasets"].items():
        for role, archive in entry.get("archives", {}).items():
            yield f"datasets.{name}.archives.{role}", "archives", [archive]
        if "source" in entry:
            yield f"datasets.{name}.source", "datasets", [entry["source"]]
    for name, entry in config["models"].items():
        if "training" in entry.get("weights", {}):
            yield f"models.{name}.weights.training", "trainings", [entry["weights"]["training"]]
        for role, component in list_components(entry).items():
            yield f"models.{name}.{role}", "models", [component]
    for name, entry in config["experiments"].items():
        for section in ("datasets", "models", "prompts"):
            yield f"experiments.{name}.{section}", section, entry[section]
    thresholds = config.get("thresholds") or {}
    for key, section in (("dataset", "datasets"), ("prompts", "prompts")):
        yield f"thresholds.{key}", section, [thresholds[key]] if thresholds else []
    yield "thresholds.models", "models", thresholds.get("models", [])
    for name, entry in config["rank-correlations"].items():
        for section in ("experiments", "models", "datasets"):
            yield f"rank-correlations.{name}.{section}", section, entry.get(section, [])
    for section in ("comparisons", "figures", "tables"):
        for name, entry in config[section].items():
            yield from _iter_paper_references(f"{section}.{name}", entry)
    for section in ("datasets", "models"):
        for role, id in config.get("claims", {}).get(section, {}).items():
            yield f"claims.{section}.{role}", section, [id]
    for name, entry in config["trainings"].items():
        for key in sorted(TRAINING_REFERENCES.keys() & entry.keys()):
            if (key, entry[key]) != ("start", SCRATCH):
                yield f"trainings.{name}.{key}", TRAINING_REFERENCES[key], [entry[key]]
        yield f"trainings.{name}.mix", "datasets", [part["dataset"] for part in entry.get("mix", [])]


def _iter_paper_references(key_path: str, entry: Mapping[str, Any]) -> Iterator[Reference]:
    """Yield the references of a figure, a table or a comparison."""
    yield f"{key_path}.experiments", "experiments", entry.get("experiments", [])
    yield f"{key_path}.comparisons", "comparisons", entry.get("comparisons", [])
    yield f"{key_path}.trainings", "trainings", entry.get("trainings", [])
    yield f"{key_path}.dataset", "datasets", [entry["dataset"]] if "dataset" in entry else []
    yield f"{key_path}.prompts", "prompts", entry.get("prompts", [])
    for side in ("spatial", "concept"):
        if side in entry:
            yield f"{key_path}.{side}.model", "models", [entry[side]["model"]]
            yield f"{key_path}.{side}.prompts", "prompts", [entry[side]["prompts"]]
    for lane, cell in entry.get("lanes", {}).items():
        for key, section in (("dataset", "datasets"), ("model", "models"), ("prompts", "prompts")):
            yield f"{key_path}.lanes.{lane}.{key}", section, [cell[key]]


def _validate_shown_metrics(key_path: str, entry: Mapping[str, Any], experiments: Mapping[str, Any]) -> None:
    measured = {metric for name in entry.get("experiments", []) for metric in experiments[name]["metrics"]}
    for metric in entry.get("metrics", []):
        if metric not in measured:
            raise UserError(
                f"config: {key_path}.metrics names '{metric}', which none of its experiments measures; "
                f"{suggest(metric, measured)}"
            )


def _validate_figure_phrase(figure: str, concept: Mapping[str, Any], prompts: Mapping[str, Any]) -> None:
    phrases = [row["phrase"] for row in prompts[concept["prompts"]].get("phrases", [])]
    if concept["phrase"] not in phrases:
        raise UserError(
            f"config: figures.{figure}.concept.phrase is '{concept['phrase']}', not in prompts.{concept['prompts']}; "
            f"{suggest(concept['phrase'], phrases)}"
        )


def _validate_figure_lane(
    key_path: str, cell: Mapping[str, str], names: Iterable[str], experiments: Mapping[str, Any]
) -> None:
    """Raise UserError unless one of the experiments `names` has the cell of a figure's lane."""
    keys = (("dataset", "datasets"), ("model", "models"), ("prompts", "prompts"))
    if not any(all(cell[key] in experiments[name][ids] for key, ids in keys) for name in names):
        text = ", ".join(cell[key] for key, _ in keys)
        raise UserError(f"config: {key_path} ({text}) is in none of the figure's experiments {', '.join(names)}; "
                        "add its experiment, or correct the lane")  # fmt: skip
