"""Rows of the inventory of a small network."""

import json
from types import SimpleNamespace

import pytest
from torch import nn

from samgap.inventory import rows
from samgap.inventory.rows import list_inventory_rows, relabel_rows
from samgap.tables.inventory import INVENTORY


class Head(nn.Module):
    """A module with constants, tensors and values that are no constants."""

    def __init__(self) -> None:
        super().__init__()
        self.n_queries, self.mode, self.strides, self.nothing = 5, "log", (4, [8, 16]), None
        self.table, self.function, self.options = [0.5] * 1000, len, {"a": 1}
        self.scale = nn.Parameter(nn.init.ones_(nn.Linear(2, 3).weight.detach()))
        self.register_buffer("mask", self.scale.detach()[0])


class Net(nn.Module):
    """Two heads, one of which occurs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(4, 2), Head())
        self.again = self.first[1]


@pytest.fixture
def inventory(monkeypatch):
    monkeypatch.setattr(rows, "metadata", SimpleNamespace(version=lambda package: f"{package} 1"))
    return list_inventory_rows("net", Net())


def select_by_path(inventory, part):
    return {row["path"]: row for row in inventory if row["part"] == part}


def test_modules_have_their_own_and_all_parameters(inventory):
    modules = select_by_path(inventory, "module")
    counts = {path: (row["type"], row["n_own"], row["n_total"]) for path, row in modules.items()}
    # The second name of the head is no module of its own.
    assert counts == {
        "": ("Net", 0, 16),
        "first": ("Sequential", 0, 16),
        "first.0": ("Linear", 10, 10),
        "first.1": ("Head", 6, 6),
    }
    assert modules["first.0"]["file"] == "torch/nn/modules/linear.py"


def test_tensors_have_their_shape_and_whether_they_are_trained(inventory):
    tensors = select_by_path(inventory, "tensor")
    assert {path: (row["shape"], row["trained"]) for path, row in tensors.items()} == {
        "first.0.weight": ([2, 4], True),
        "first.0.bias": ([2], True),
        "first.1.scale": ([3, 2], True),
        "first.1.mask": ([2], False),
    }
    assert tensors["first.1.mask"]["n_total"] is None and tensors["first.1.scale"]["n_total"] == 6


def test_attributes_are_constants_of_the_packages_own_modules(inventory):
    attributes = {path: json.loads(row["value"]) for path, row in select_by_path(inventory, "attribute").items()}
    assert attributes == {
        "first.1.n_queries": 5,
        "first.1.mode": "log",
        "first.1.strides": [4, [8, 16]],
        "first.1.nothing": None,
    }


def test_rows_have_the_package_of_the_model_and_fit_the_table(inventory, tmp_path):
    package = Net.__module__.split(".")[0]
    assert {(row["package"], row["version"]) for row in inventory} == {(package, f"{package} 1")}
    INVENTORY.write(tmp_path / "inventory.parquet", relabel_rows(inventory, "other"))
    read = INVENTORY.read(tmp_path / "inventory.parquet")
    assert set(read["model"]) == {"other"} and len(read) == len(inventory)
