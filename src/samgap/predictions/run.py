"""The prediction of a shard with a model of any family: tracks with its tracker, other prompts with its image model."""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from samgap.annotations.ground_truth import read_ground_truth
from samgap.io.packages import MODEL_PACKAGES, list_package_versions
from samgap.models.runtime.arithmetic import restore_arithmetic
from samgap.models.runtime.assumptions import record_assumptions
from samgap.predictions.checks import ModelLabel
from samgap.predictions.chunks import ChunkStore
from samgap.predictions.shard import predict_shard
from samgap.predictions.tracks import predict_tracks
from samgap.prompts.kinds import get_row_kind


def run_predictions(
    family: ModuleType,
    options: Mapping[str, Any],
    weights: Path | Mapping[str, Path],
    *,
    images: pd.DataFrame,
    image_folder: Path,
    prompts: pd.DataFrame,
    device: str,
    chunks: ChunkStore,
    label: ModelLabel,
    truth_path: str | Path | None = None,
) -> dict[str, Any]:
    """Open the model of a shard, and predict its prompts into `chunks`.

    Args:
        family: the module of the model's family.
        options: the entry of `models`.
        weights: the weights file; for a composed model, role -> weights file of the component.
        images: table `images` of the shard.
        image_folder: the folder with the images.
        prompts: the rows of table `prompts` of these images.
        device: torch device.
        chunks: the completed predictions of an earlier run; receives the others.
        label: the model in messages, from `describe_model`.
        truth_path: `instances.json`, which interactive prompts need.

    Returns:
        The key `weights_assumptions` with what was assumed about the weights file; empty if nothing was.
    """
    is_sequence = any(get_row_kind(name).sequence for name in prompts["kind"].unique())
    with record_assumptions() as assumptions:
        model = open_model(family, options, weights, device, is_sequence=is_sequence)
    if is_sequence:
        predict_tracks(model, images, image_folder, prompts, device, chunks, label=label)
    else:
        truth = read_ground_truth(truth_path, images["image_id"]) if truth_path else None
        predict_shard(model, images, image_folder, prompts, device, chunks, truth, label=label)
    return {"weights_assumptions": assumptions} if assumptions else {}


def open_model(
    family: ModuleType,
    options: Mapping[str, Any],
    weights: Path | Mapping[str, Path],
    device: str,
    *,
    is_sequence: bool,
) -> Any:
    """Return the tracker of a family, or its image model, with the arithmetic of the job.

    The import of a package, and a constructor of SAM3, change the arithmetic of the process. For changes during
    predictions, `predict_shard` and `predict_tracks` set it again before each image and sequence.
    """
    open_family = family.open_tracker if is_sequence else family.open_model
    model = open_family(options, weights, device)
    restore_arithmetic()
    return model


def make_fingerprint(
    provenance: Mapping[str, Any], shard: str, n_shards: int, states: Mapping[str, str]
) -> dict[str, Any]:
    """Return what identifies the chunks of a shard: everything that its predictions depend on.

    Args:
        provenance: the rule, its code, the SHA-256 of its inputs, the model's options, TF32 and the device.
        shard: the name of the shard.
        n_shards: the number of shards of the data set.
        states: path -> state of each local file and folder that the model's options name. A folder has no SHA-256.
    """
    packages = list_package_versions(MODEL_PACKAGES)
    return {**provenance, "shard": [shard, n_shards], "states": dict(states), "packages": packages}
