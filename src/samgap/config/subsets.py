"""The option `subset` of prompt sets: it must fit the kind of the prompts, and be the same in both cells of a pair."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.config.comparisons import expand_comparisons
from samgap.config.prompt_kinds import read_prompt_kinds
from samgap.errors import UserError


def validate_subsets(config: Mapping[str, Any], root: Path) -> None:
    """Raise UserError for a subset of instances of prompts for no single instance, of images of tracks, or of one cell.

    Args:
        config: The configuration, with valid references and comparisons.
        root: The root of the repository.
    """
    kinds = read_prompt_kinds(root)
    for name, entry in config["prompts"].items():
        kind, subset = kinds[entry["kind"]], entry.get("subset", {})
        if "instances" in subset and not kind.spatial:
            raise UserError(
                f"config: prompts.{name}.subset selects instances, but a prompt of kind {kind.id} is not for one "
                "instance; write `images`"
            )
        if "images" in subset and kind.sequence:
            raise UserError(
                f"config: prompts.{name}.subset selects images, which would cut tracks; write `instances`, the number "
                "of tracked objects"
            )
    for pair in expand_comparisons(config):
        subsets = [config["prompts"][pair[side]].get("subset") for side in ("prompts", "baseline_prompts")]
        is_paired = pair["dataset"] == pair["baseline_dataset"]
        if is_paired and subsets[0] != subsets[1]:
            raise UserError(
                f"config: comparisons.{pair['comparison']} compares prompts '{pair['prompts']}' and "
                f"'{pair['baseline_prompts']}' with different `subset`, so of different images; give both the same"
            )
