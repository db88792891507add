"""What weights look like by the names and shapes of their tensors, to explain why they do not fit a model."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch

from samgap.models.runtime.weights_layout import MAX_DEPTH

SAM2_SIZES = {(96, 12): "tiny", (96, 16): "small", (112, 24): "base-plus", (144, 48): "large"}
"""Width of the first stage and number of blocks of the image encoder -> size of SAM2 (the package's configurations)."""
SAM3_PUBLISHED_SIZE = (1024, 32)
"""Width and number of blocks of the image encoder of the published SAM3."""

# Source of the names: the state dicts of the packages sam2, sam3, segment_anything and transformers.
TRANSFORMERS_KINDS = (
    (r"(^|\.)(detr_decoder|detr_encoder)\.", "SAM3", "sam3.pt of facebook/sam3"),
    (r"(^|\.)tracker_model\.", "SAM3", "sam3.pt of facebook/sam3"),
    (r"(^|\.)vision_encoder\.backbone\.layers\.", "SAM3", "sam3.pt of facebook/sam3"),
    (r"(^|\.)vision_encoder\.backbone\.blocks\.", "SAM2", "the .pt file of the same size from facebookresearch/sam2"),
    (r"(^|\.)vision_encoder\.layers\..*\.attn\.qkv\.", "SAM", "no file of SAM: there is no family for it"),
)
"""Pattern of keys in the package transformers -> model, and the file to take instead."""


def identify_weights(tensors: Mapping[str, Any]) -> str | None:
    """Return the name of the model that weights look like, such as `SAM2.1 small`; None if it is not known.

    Args:
        tensors: a state dict, with any prefix of its keys.
    """
    for pattern, model, file in TRANSFORMERS_KINDS:
        if _has_key(tensors, pattern):
            return f"{model} in the format of the package transformers (take {file})"
    if _has_key(tensors, r"(^|\.)image_encoder\.trunk\.blocks\."):
        return _identify_sam2(tensors)
    if _has_key(tensors, r"(^|\.)(interactive_convs|propagation_convs)\."):
        return "SAM3.1 (multiplex)"
    if _has_key(tensors, r"(^|\.)backbone\.vision_backbone\.trunk\."):
        return _identify_sam3(tensors)
    if _has_key(tensors, r"(^|\.)image_encoder\.blocks\.\d+\.") and _has_key(tensors, r"(^|\.)mask_decoder\."):
        return "SAM, the model before SAM2"
    if _has_key(tensors, r"(^|\.)owlv2\."):
        return "OWLv2"
    if _has_key(tensors, r"(^|\.)owlvit\."):
        return "OWL-ViT, the model before OWLv2"
    return None


def find_training_cause(content: Mapping[Any, Any], keys: Iterable[str]) -> str | None:
    """Return why a training's file has not the weights of a whole model, as a sentence; None if it seems to have.

    Args:
        content: the content of the file.
        keys: the keys of its state dict; empty if it has none.
    """
    keys = list(keys)
    adapters = [key for key in keys if re.search(r"(^|[._])lora(_|\.)", key, re.IGNORECASE)]
    if adapters:
        beside = "LoRA adapters alone" if len(adapters) == len(keys) else "LoRA adapters beside the model's weights"
        return (
            f"the file holds {beside} ({len(adapters)} tensors, such as {adapters[0]}); merge them into the weights of "
            "the model and save these"
        )
    if sharded := [key for key in keys if re.search(r"(^|[._])flat_param", key)]:
        return f"the file holds shards of FSDP ({sharded[0]}); gather the full state dict in the training and save it"
    if not _has_parameters(keys):
        if arrays := _list_arrays(content):
            return (
                f"the file holds numpy arrays instead of tensors ({len(arrays)}, such as {arrays[0]}); convert each "
                "with torch.from_numpy, and save the dictionary with torch.save"
            )
        if _holds_optimizer(content):
            return "the file holds the state of an optimizer and no weights; take the file with the model's state dict"
        return f"the file holds no tensors with names (its entries: {_format_entries(content)}); check its source"
    return None


def _identify_sam2(tensors: Mapping[str, Any]) -> str:
    version = "SAM2.1" if _has_key(tensors, r"(^|\.)no_obj_embed_spatial$") else "SAM2.0"
    width = _get_length(tensors, r"(^|\.)image_encoder\.trunk\.patch_embed\.proj\.weight$", 0)
    n_blocks = _count_blocks(tensors, r"(?:^|\.)image_encoder\.trunk\.blocks\.(\d+)\.")
    size = SAM2_SIZES.get((width or 0, n_blocks))
    return f"{version} {size}" if size else f"a {version} of another size (width {width}, {n_blocks} blocks)"


def _identify_sam3(tensors: Mapping[str, Any]) -> str:
    width = _get_length(tensors, r"(^|\.)vision_backbone\.trunk\.pos_embed$", -1)
    n_blocks = _count_blocks(tensors, r"(?:^|\.)vision_backbone\.trunk\.blocks\.(\d+)\.")
    if (width, n_blocks) == SAM3_PUBLISHED_SIZE:
        return "the published SAM3"
    return f"a SAM3 of another size (width {width}, {n_blocks} blocks)"


def _has_key(tensors: Iterable[str], pattern: str) -> bool:
    return any(re.search(pattern, key) for key in tensors)


def _get_length(tensors: Mapping[str, Any], pattern: str, axis: int) -> int | None:
    """Return the length of an axis of the first tensor whose key matches; None if there is none."""
    for key, value in tensors.items():
        if re.search(pattern, key) and isinstance(value, torch.Tensor) and value.ndim:
            return value.shape[axis]
    return None


def _count_blocks(tensors: Iterable[str], pattern: str) -> int:
    return len({match[1] for key in tensors if (match := re.search(pattern, key))})


def _has_parameters(keys: Iterable[str]) -> bool:
    """Return whether any key is not one of an optimizer."""
    return any(not re.search(r"(^|\.)(exp_avg|exp_avg_sq|max_exp_avg_sq|momentum_buffer|step)$", key) for key in keys)


def _holds_optimizer(content: Mapping[Any, Any]) -> bool:
    values = [content, *content.values()]
    return any(isinstance(value, Mapping) and "param_groups" in value for value in values)


def _list_arrays(content: Mapping[Any, Any], depth: int = MAX_DEPTH) -> list[str]:
    """Return the names of the numpy arrays in a file."""
    names = [str(key) for key, value in content.items() if isinstance(key, str) and isinstance(value, np.ndarray)]
    for value in content.values():
        if isinstance(value, Mapping) and depth:
            names += _list_arrays(value, depth - 1)
    return names


def _format_entries(content: Mapping[Any, Any]) -> str:
    names = [str(key) for key in content]
    return (", ".join(names[:5]) + (", …" if len(names) > 5 else "")) or "none"
