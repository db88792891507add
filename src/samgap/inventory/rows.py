"""Rows of the table `inventory`: the modules, tensors and constants of a model."""

import json
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import Any

import torch
from torch import nn

from samgap.tables.inventory import ATTRIBUTE, MODULE, TENSOR

MAX_VALUE_LENGTH = 500
"""Longest JSON text of an attribute that is listed; longer ones are tables of numbers and not constants."""


def list_inventory_rows(model: str, network: nn.Module) -> list[dict[str, Any]]:
    """Return the rows of the table `inventory` of a model.

    Modules and tensors that occur under several names have one row, under the first. Attributes are numbers, texts and
    lists of them; those of torch's own modules follow from the shapes and are left out.

    Args:
        model: id of the model in the table.
        network: the model, on any device.
    """
    package = get_package(type(network))
    common = {"model": model, "package": package, "version": metadata.version(package)}
    sizes = _count_parameters(network)
    rows: list[dict[str, Any]] = []
    for path, module in network.named_modules():
        file = get_file(type(module))
        n_own, n_total = sizes[path]
        rows.append(
            {
                **common,
                "path": path,
                "part": MODULE,
                "type": type(module).__name__,
                "file": file,
                "n_own": n_own,
                "n_total": n_total,
            }
        )
        rows += [{**common, "file": file, **row} for row in _list_tensors(path, module)]
        rows += [{**common, "file": file, **row} for row in _list_attributes(path, module)]
    return rows


def relabel_rows(rows: list[dict[str, Any]], model: str) -> list[dict[str, Any]]:
    """Return the rows of a model under another id."""
    return [{**row, "model": model} for row in rows]


def get_package(cls: type) -> str:
    """Return the top-level package of a class."""
    return cls.__module__.partition(".")[0]


def get_file(cls: type) -> str:
    """Return the file of a class, relative to the folder of installed packages."""
    return cls.__module__.replace(".", "/") + ".py"


def _count_parameters(network: nn.Module) -> Mapping[str, tuple[int, int]]:
    """Return path -> (own parameters, with those of submodules). A shared parameter counts once, at its first path."""
    own: dict[str, int] = {path: 0 for path, _ in network.named_modules()}
    for name, parameter in network.named_parameters():
        own[name.rpartition(".")[0]] += parameter.numel()
    total = dict(own)
    for path in own:
        parent = path
        while parent:
            parent = parent.rpartition(".")[0]
            total[parent] += own[path]
    return {path: (own[path], total[path]) for path in own}


def _list_tensors(path: str, module: nn.Module) -> Iterator[dict[str, Any]]:
    named: list[tuple[str, torch.Tensor, bool]] = [(*item, True) for item in module.named_parameters(recurse=False)]
    named += [(*item, False) for item in module.named_buffers(recurse=False)]
    for name, tensor, trained in named:
        yield {
            "path": _join(path, name),
            "part": TENSOR,
            "type": str(tensor.dtype).removeprefix("torch."),
            "n_total": tensor.numel() if trained else None,
            "shape": list(tensor.shape),
            "trained": trained,
        }


def _list_attributes(path: str, module: nn.Module) -> Iterator[dict[str, Any]]:
    if get_package(type(module)) == "torch":
        return
    for name, value in sorted(vars(module).items()):
        if name.startswith("_") or name == "training" or not _is_constant(value):
            continue
        text = json.dumps(value)
        if len(text) <= MAX_VALUE_LENGTH:
            yield {"path": _join(path, name), "part": ATTRIBUTE, "type": type(value).__name__, "value": text}


def _is_constant(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_constant, value))
    return value is None or isinstance(value, bool | int | float | str)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
