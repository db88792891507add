"""Files of a finished training: weights, history and the card of the checkpoint."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from samgap.io.files import atomic_write, sha256, write_json
from samgap.models.runtime.weights import SAME_KEYS, KeyLayout, read_weights, to_half_precision
from samgap.models.runtime.weights_merge import merge_weights, to_published_keys
from samgap.tables.training import HISTORY
from samgap.training.adapters import compute_merged_state, iter_adapters, write_adapters
from samgap.training.parts import count_parameters
from samgap.training.start import StartWeights, list_parameter_keys

ADAPTER_FOLDER = "adapters"
"""The folder beside the weights that has the adapters alone; there is none without adapters."""


def write_outputs(
    output: Mapping[str, str],
    model: torch.nn.Module,
    history: Sequence[Mapping[str, Any]],
    recipe: Mapping[str, Any],
    *,
    training: str,
    device: str,
    start: StartWeights | None = None,
    layouts: Sequence[KeyLayout] = (SAME_KEYS,),
    added: Sequence[str] = (),
    kept_step: int | None = None,
    cost: Mapping[str, float] | None = None,
) -> None:
    """Write the weights in the published layout, the table `history` and the card.

    The weights of a training that started from a file have all tensors of this file in their number formats, also those
    that the model does not have. From random weights they are in half precision. Adapters are merged into the weights,
    and are in the folder ADAPTER_FOLDER beside them, too.

    Args:
        output: Paths by name: `weights`, `history`, `card`; of the last weights, `last`, they are written elsewhere.
        model: The trained model, with its adapters.
        history: Rows of the table `history`; those of the last step are repeated on the card.
        recipe: Everything that the training depends on: provenance of the inputs, options, phrases, seed, packages.
        training: Id of the training.
        device: `cpu` or `cuda`.
        start: The weights that the training started from; None: random weights.
        layouts: How the keys of weights files may differ from the model's; the first is the published one.
        added: What the keys of the model start with that the file of `start` may lack.
        kept_step: The step of the weights; None: the last one.
        cost: `hours` of all processes, and `peak_memory_gb` of the first one.
    """
    tensors, kept = write_weights(output["weights"], model, start, layouts, added)
    weights, last_step = Path(output["weights"]), max((row["step"] for row in history), default=0)
    options, parts = recipe["options"], count_parameters(model, recipe["options"]["family"])
    write_adapters(model, options.get("adapters", {}), str(options.get("model")), weights.with_name(ADAPTER_FOLDER))
    run = {"kept_step": last_step if kept_step is None else kept_step, "cost": dict(cost or {})}
    HISTORY.write(output["history"], history, {**recipe, **run})
    write_json(
        output["card"],
        {
            "model": training,
            "status": "available",
            "why": None,
            "source": f"training {training}",
            "sha256": sha256(weights),
            "size": weights.stat().st_size,
            "device": device,
            "start": start.describe() if start else None,
            "preset": options.get("preset"),
            "number_formats": _count_formats(tensors),
            "parts": parts,
            "kept_from_start": _count_by_part(kept),
            "recipe": recipe,
            **run,
            "final": {row["term"]: row["value"] for row in history if row["step"] == last_step},
        },
    )


def write_weights(
    path: str | Path,
    model: torch.nn.Module,
    start: StartWeights | None,
    layouts: Sequence[KeyLayout],
    added: Sequence[str] = (),
) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Write the weights of a model in the published layout; the arguments are those of `write_outputs`.

    Returns:
        The tensors of the file by key, and the keys of those that are not the model's.
    """
    tensors, kept = _collect_tensors(model, start, layouts, tuple(added))
    with atomic_write(path) as temporary:
        torch.save({"model": {key: value.cpu() for key, value in tensors.items()}}, temporary)
    return tensors, kept


def write_skipped_outputs(
    output: Mapping[str, str], recipe: Mapping[str, Any], why: str, *, training: str, start: StartWeights
) -> None:
    """Write an empty weights file, an empty table `history` and a card that says why there are none.

    Args:
        output: Paths by name, as of `write_outputs`.
        recipe: Everything that the training depends on.
        why: Why the weights that the training starts from are not available.
        training: Id of the training.
        start: These weights.
    """
    for name in ("weights", "last"):
        with atomic_write(output[name]):
            pass
    HISTORY.write(output["history"], [], {**recipe, "skipped": why})
    card = {"model": training, "status": "unavailable", "why": why, "source": f"training {training}"}
    write_json(output["card"], {**card, "sha256": None, "size": None, "start": start.describe(), "recipe": recipe})


def _collect_tensors(
    model: torch.nn.Module, start: StartWeights | None, layouts: Sequence[KeyLayout], added: tuple[str, ...]
) -> tuple[dict[str, torch.Tensor], list[str]]:
    """Return the tensors of the weights file by key, and the keys of those that are not the model's."""
    trained = compute_merged_state(model)
    if start is None:
        return to_published_keys(to_half_precision(trained), layouts), []
    new = {key: value for key, value in trained.items() if key.startswith(added)}
    old = {key: value for key, value in trained.items() if key not in new}
    parameters = [*list_parameter_keys(model), *(matrix for matrix, _ in iter_adapters(model))]
    required = [key for key in parameters if key in old]
    merged = merge_weights(old, read_weights(start.path), required, layouts)
    new = to_published_keys(to_half_precision(new), layouts)
    return {**merged.tensors, **new}, [key for key in merged.kept if key not in new]


def _count_formats(tensors: Mapping[str, torch.Tensor]) -> dict[str, int]:
    """Return the number of tensors of each number format."""
    formats = [str(value.dtype).removeprefix("torch.") for value in tensors.values()]
    return {name: formats.count(name) for name in sorted(set(formats))}


def _count_by_part(keys: Sequence[str]) -> dict[str, int]:
    """Return the number of keys by their first part."""
    parts = [key.partition(".")[0] for key in keys]
    return {part: parts.count(part) for part in sorted(set(parts))}
