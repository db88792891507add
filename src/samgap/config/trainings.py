"""Checks of the section `trainings` that go beyond its schema."""

from collections.abc import Mapping
from typing import Any

from samgap.errors import UserError


def validate_trainings(config: Mapping[str, Any]) -> None:
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
        if "prompts" in entry and config["prompts"][entry["prompts"]]["kind"] != "phrases":
            raise UserError(
                f"config: trainings.{name}.prompts names '{entry['prompts']}', which is not of kind phrases"
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
