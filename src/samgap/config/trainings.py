"""Checks of the section `trainings` that go beyond its schema."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.config.prompt_kinds import read_prompt_kinds
from samgap.errors import UserError


def validate_trainings(config: Mapping[str, Any], root: Path) -> None:
    """Raise UserError for a training whose model, data sets, prompts or chain of starts do not fit together."""
    for name, entry in config["trainings"].items():
        family = config["models"][entry["model"]]["family"]
        if family != entry["family"]:
            raise UserError(
                f"config: trainings.{name}.family is '{entry['family']}', but its model '{entry['model']}' is of the "
                f"family '{family}'; name the same family in both"
            )
        _validate_start(name, config["trainings"])
        if entry["dataset"] == entry["validation"]:
            raise UserError(f"config: trainings.{name}.validation is its dataset '{entry['dataset']}'; name another")
        _validate_mix(name, entry)
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


def _validate_start(training: str, trainings: Mapping[str, Any]) -> None:
    """Check that each start is a training of the same model, and that the chain of starts has no cycle."""
    visited, current = [training], training
    while "start" in trainings[current]:
        start = trainings[current]["start"]
        if trainings[start]["model"] != trainings[current]["model"]:
            raise UserError(
                f"config: trainings.{current}.start names '{start}', which trains another model; name a training of "
                f"'{trainings[current]['model']}'"
            )
        if start in visited:
            raise UserError(
                f"config: trainings.{training}.start leads back to '{start}'; let one of them start from scratch"
            )
        visited.append(start)
        current = start
