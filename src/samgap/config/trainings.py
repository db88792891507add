"""Checks of the section `trainings` that go beyond its schema."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.config.prompt_kinds import read_prompt_kinds
from samgap.config.training_starts import SCRATCH, find_previous_training, find_start
from samgap.errors import UserError


def validate_trainings(config: Mapping[str, Any], root: Path) -> None:
    """Raise UserError for a training whose model, data sets, prompts or chain of starts do not fit together."""
    if SCRATCH in config["trainings"]:
        raise UserError(
            f"config: trainings has the id '{SCRATCH}', which `start` uses for random weights; choose another id"
        )
    for name, entry in config["trainings"].items():
        family = config["models"][entry["model"]]["family"]
        if family != entry["family"]:
            raise UserError(
                f"config: trainings.{name}.family is '{entry['family']}', but its model '{entry['model']}' is of the "
                f"family '{family}'; name the same family in both"
            )
        _validate_start(name, config)
        _validate_method(name, entry, config["models"][entry["model"]])
        if entry["dataset"] == entry["validation"]:
            raise UserError(f"config: trainings.{name}.validation is its dataset '{entry['dataset']}'; name another")
        _validate_mix(name, entry)
        if "adapters" in entry and entry.get("frozen"):
            raise UserError(
                f"config: trainings.{name} has both adapters and frozen parts ({', '.join(entry['frozen'])}); with "
                "adapters all other weights are frozen, so remove `frozen`"
            )
        if "prompts" in entry:
            _validate_prompts(name, entry["prompts"], config["prompts"][entry["prompts"]], root)


def _validate_prompts(training: str, prompts: str, entry: Mapping[str, Any], root: Path) -> None:
    """Check that the phrases of a prompt set are those of its option `phrases`, which a training reads."""
    trainable = [kind.id for kind in read_prompt_kinds(root).values() if kind.trainable]
    if entry["kind"] not in trainable or "phrases" not in entry:
        raise UserError(
            f"config: trainings.{training}.prompts names '{prompts}', which is not of kind {' or '.join(trainable)} "
            "with a list `phrases`; name another prompt set"
        )


def _validate_mix(training: str, entry: Mapping[str, Any]) -> None:
    """Check that the data sets of a training differ, and that the sum of the shares of `mix` is less than 1."""
    mixed = [part["dataset"] for part in entry.get("mix", [])]
    for dataset in mixed:
        if mixed.count(dataset) > 1 or dataset in (entry["dataset"], entry["validation"]):
            raise UserError(
                f"config: trainings.{training}.mix names '{dataset}', which is already in `dataset`, "
                "`validation` or `mix` of the training; name each data set once"
            )
    total = sum(part["share"] for part in entry.get("mix", []))
    if total >= 1:
        raise UserError(
            f"config: trainings.{training}.mix has shares with the sum {total:g}, which leaves no images of "
            f"'{entry['dataset']}'; make their sum less than 1"
        )


def _validate_start(training: str, config: Mapping[str, Any]) -> None:
    """Check that a training starts from weights of its model, and that the chain of starts has no cycle."""
    entry = config["trainings"][training]
    start = find_start(config, training)
    if start is None:
        return
    section, id = start
    if section == "models" and not config["models"][id].get("weights"):
        raise UserError(
            f"config: trainings.{training} starts from the weights of its model '{id}', which has none; add `weights` "
            f"to the model, or write `start: {SCRATCH}` for random weights"
        )
    if section == "trainings" and config["trainings"][id]["model"] != entry["model"]:
        raise UserError(
            f"config: trainings.{training}.start names '{id}', which trains another model; name a training of "
            f"'{entry['model']}'"
        )
    visited = [training]
    while (previous := find_previous_training(config, visited[-1])) is not None:
        if previous in visited:
            _raise_cycle(training, visited[-1], previous, config)
        visited.append(previous)


def _raise_cycle(training: str, last: str, previous: str, config: Mapping[str, Any]) -> None:
    """Raise UserError for a training that needs its own result: `last` starts from the weights of `previous`."""
    if "start" in config["trainings"][last]:
        raise UserError(
            f"config: trainings.{training}.start leads back to '{previous}'; let one of them have `start: {SCRATCH}`"
        )
    raise UserError(
        f"config: trainings.{last} starts from the weights of its model '{config['trainings'][last]['model']}', which "
        f"the training '{previous}' makes; write `start: {SCRATCH}` for random weights, or train another model"
    )


def _validate_method(training: str, entry: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    """Check that a method of the demo trains a small model."""
    if "method" in entry and not model.get("architecture"):
        raise UserError(
            f"config: trainings.{training}.method is '{entry['method']}', which trains small models (with "
            f"`architecture`), but '{entry['model']}' is the published model; remove the method"
        )
    if "method" in entry and "augmentation" in entry:
        raise UserError(
            f"config: trainings.{training}.augmentation has no effect with `method: {entry['method']}`; remove one of "
            "them"
        )
