"""Trained weights in the published layout, merged into the file that the training started from.

A training may build a part of a published model, as that of SAM3 builds the detector alone. The file that it writes has
every tensor of the file that it started from, so that the packages and all models of a run can read it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from samgap.models.runtime.weights_layout import SAME_KEYS, KeyLayout, remove_wrapper_segments, select_weights


@dataclass(frozen=True)
class MergedWeights:
    """The state dict of a file, with keys of the published layout.

    Attributes:
        tensors: the tensors by key; the trained ones have the number format that they had in the first file.
        n_trained: number of them that the trained model has.
        kept: keys of those that it does not have, which are as in the first file.
    """

    tensors: dict[str, torch.Tensor]
    n_trained: int
    kept: list[str]


def merge_weights(
    trained: Mapping[str, torch.Tensor],
    content: Mapping[Any, Any],
    required: Collection[str],
    layouts: Sequence[KeyLayout] = (SAME_KEYS,),
) -> MergedWeights:
    """Return the weights of a file with those of a model that was trained from it.

    Buffers that the file does not have, since the model computes them, are left out.

    Args:
        trained: the state dict of the trained model, on any device.
        content: the content of the file that the training started from (`read_weights`).
        required: the keys of the model that the file must have: those of its parameters.
        layouts: how the keys of the file may differ from the model's; the first is the published one.

    Raises:
        ValueError: the file does not have the required keys, so the model was not trained from it.
    """
    keys = list(trained)
    selection = select_weights(content, keys, list(required), layouts)
    if selection is not None:
        # A wrapper around a part of the model, such as `detector._orig_mod.`, must not hide the other parts.
        unwrapped = remove_wrapper_segments(selection.candidate, keys)
        selection = select_weights(unwrapped, keys, list(required), layouts)
    if selection is None or not selection.is_complete:
        raise ValueError("the file does not have the weights of the trained model")
    published = layouts[0]
    tensors: dict[str, torch.Tensor] = {}
    kept = []
    for name, value in selection.candidate.items():
        if not isinstance(value, torch.Tensor) or not name.startswith(selection.prefix):
            continue
        file_key = name.removeprefix(selection.prefix)
        model_key = selection.layout.to_model_key(file_key)
        key = file_key if model_key is None else published.to_file_key(model_key)
        if model_key in selection.state_dict:
            tensors[key] = trained[model_key].detach().to(value.dtype).contiguous()
        else:
            tensors[key] = value.clone()  # not the memory of the file, of which it may be a part
            kept.append(key)
    return MergedWeights(tensors, len(selection.state_dict), kept)


def to_published_keys(
    trained: Mapping[str, torch.Tensor], layouts: Sequence[KeyLayout] = (SAME_KEYS,)
) -> dict[str, torch.Tensor]:
    """Return the state dict of a model that was trained from random weights, with the keys of the published layout."""
    return {layouts[0].to_file_key(key): value for key, value in trained.items()}
