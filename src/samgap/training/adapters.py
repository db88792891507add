"""Low-rank adapters (LoRA, arXiv 2106.09685) of attention matrices: inserting and exporting them.

A frozen matrix W of n × m is used as W + (alpha / rank) · up · down, with up (n × rank, first 0) and down (rank × m).
`torch.nn.utils.parametrize` computes it wherever the matrix is read. So matrices that `torch.nn.MultiheadAttention`
reads past its submodules, the stacked projections of queries, keys and values and the output projection, are reached,
and the frozen matrices never change.
"""

import math
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch.nn.utils import parametrize

from samgap.errors import UserError
from samgap.io.files import atomic_directory, write_json
from samgap.training.parts import resolve_part

ADAPTER_FILE, CONFIG_FILE = "adapter_model.safetensors", "adapter_config.json"
"""The files of a folder with adapters, by the names that the library peft reads."""

PACKED = "in_proj_weight"
"""The stacked projections of queries, keys and values in `torch.nn.MultiheadAttention`."""


class LowRankUpdate(torch.nn.Module):
    """The parametrization of one matrix: the matrix plus a scaled product of two narrow ones."""

    def __init__(self, weight: torch.Tensor, rank: int, scale: float, generator: torch.Generator) -> None:
        """Make the factors, whose product is 0.

        Args:
            weight: the matrix, (n, m).
            rank: number of rows of `down` and of columns of `up`.
            scale: factor of the product.
            generator: source of the random numbers of `down`, on the CPU.
        """
        super().__init__()
        bound = 1 / math.sqrt(weight.shape[1])  # as torch.nn.Linear, and peft for its lora_A
        down = torch.empty(rank, weight.shape[1]).uniform_(-bound, bound, generator=generator)
        self.down = torch.nn.Parameter(down.to(weight))
        self.up = torch.nn.Parameter(weight.new_zeros(weight.shape[0], rank))
        self.scale = scale

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """Return the matrix with its update, (n, m)."""
        return weight + self.scale * (self.up @ self.down)


def add_adapters(model: torch.nn.Module, options: Mapping[str, Any], family: str, seed: int) -> None:
    """Freeze a model and add adapters to the attention of some of its parts.

    Args:
        model: the model with the weights that the training starts from.
        options: `adapters` of the training: `rank`, `alpha` (default `rank`), `parts` with adapters, and `trained`,
            parts that are trained as a whole (default none).
        family: the family of the training, for names of parts.
        seed: seed of the initial values.

    Raises:
        UserError: the model does not have a part, a part has no attention, or a part is named in both lists.
    """
    parameters = dict(model.named_parameters())
    trained = {
        name for part in options.get("trained", []) for name in resolve_part(part, family, parameters, "trained")
    }
    matrices = dict.fromkeys(_list_matrices(model))
    selected: set[str] = set()
    for part in options["parts"]:
        inside = {matrix for matrix in matrices if matrix in resolve_part(part, family, parameters, "adapters.parts")}
        if not inside:
            raise UserError(f"training: adapters.parts names '{part}', which has no attention; name parts that have")
        if both := sorted(inside & trained):
            raise UserError(
                f"training: adapters.parts names '{part}', of which adapters.trained has {both[0]}; name it in one"
            )
        selected |= inside
    for name, parameter in parameters.items():
        parameter.requires_grad_(name in trained)
    rank = options["rank"]
    generator = torch.Generator().manual_seed(seed)
    for matrix in (name for name in matrices if name in selected):
        module, name = _split(model, matrix)
        update = LowRankUpdate(parameters[matrix].detach(), rank, options.get("alpha", rank) / rank, generator)
        parametrize.register_parametrization(module, name, update)


@torch.no_grad()
def compute_merged_state(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the state dict that a model would have if each matrix with an adapter were replaced by its value.

    The model keeps its adapters. The keys are those that it had before `add_adapters`.
    """
    state = model.state_dict()
    for matrix, _ in iter_adapters(model):
        module, name = _split(model, matrix)
        path = matrix.removesuffix(name)
        state = {key: value for key, value in state.items() if not key.startswith(f"{path}parametrizations.{name}.")}
        state[matrix] = getattr(module, name).detach()
    return state


def iter_adapters(model: torch.nn.Module) -> Iterator[tuple[str, LowRankUpdate]]:
    """Yield the adapters of a model, with the names of their matrices."""
    for path, module in model.named_modules():
        if isinstance(module, LowRankUpdate):
            # <module>.parametrizations.<name>.0
            yield path.removesuffix(".0").replace(".parametrizations.", ".").removeprefix("parametrizations."), module


def write_adapters(model: torch.nn.Module, options: Mapping[str, Any], base_model: str, folder: Path) -> None:
    """Write the adapters of a model as the library peft does. Without adapters, remove the folder of an earlier model.

    Parts that are trained as a whole are not in the files, but in the merged weights.

    Args:
        model: a model with adapters that are not merged.
        options: `adapters` of the training.
        base_model: what the adapters belong to.
        folder: the folder of the two files, which is replaced.
    """
    shutil.rmtree(folder, ignore_errors=True)
    tensors, targets = {}, []
    for matrix, update in iter_adapters(model):
        target, key = _name_target(model, matrix)
        targets.append(target)
        tensors[f"base_model.model.{key}.lora_A.weight"] = update.down.detach().cpu().contiguous()
        tensors[f"base_model.model.{key}.lora_B.weight"] = update.up.detach().cpu().contiguous()
    if not tensors:
        return
    config = {
        "peft_type": "LORA",
        "base_model_name_or_path": base_model,
        "r": options["rank"],
        "lora_alpha": options.get("alpha", options["rank"]),
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": sorted(set(targets)),
        "inference_mode": True,
    }
    with atomic_directory(folder) as temporary:
        safetensors.torch.save_file(tensors, temporary / ADAPTER_FILE, metadata={"format": "pt"})
        write_json(temporary / CONFIG_FILE, config)


def _list_matrices(model: torch.nn.Module) -> list[str]:
    """Return the names of all matrices of attention: the packed ones, and those of linear layers in such modules."""
    names = []
    for path, module in model.named_modules():
        if not re.search(r"Attention(Wrapper)?$", type(module).__name__):
            continue
        prefix = f"{path}." if path else ""
        if getattr(module, PACKED, None) is not None:
            names.append(f"{prefix}{PACKED}")
        children: Sequence[tuple[str, torch.nn.Module]] = list(module.named_children())
        names += [f"{prefix}{name}.weight" for name, child in children if isinstance(child, torch.nn.Linear)]
    return names


def _split(model: torch.nn.Module, matrix: str) -> tuple[torch.nn.Module, str]:
    path, _, name = matrix.rpartition(".")
    return model.get_submodule(path), name


def _name_target(model: torch.nn.Module, matrix: str) -> tuple[str, str]:
    """Return the module that peft replaces for a matrix, and the key of the matrix's adapter in its files.

    peft replaces a `torch.nn.MultiheadAttention` as a whole; the adapter of its output projection is inside.
    """
    path, _, name = matrix.rpartition(".")
    if name == PACKED:
        return path, path
    parent, _, child = path.rpartition(".")
    if isinstance(model.get_submodule(parent), torch.nn.MultiheadAttention):
        return parent, f"{parent}.base_layer.{child}"
    return path, path
