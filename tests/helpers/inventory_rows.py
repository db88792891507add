"""A small table `inventory` from the shapes of tensors and the values of constants."""

import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from samgap.tables.inventory import INVENTORY


def make_inventory(
    tensors: Mapping[str, Mapping[str, tuple[int, ...]]], constants: Mapping[str, Mapping[str, Any]] | None = None
) -> pd.DataFrame:
    """Return rows of table `inventory`.

    Args:
        tensors: Model -> path of a trained tensor -> its shape. All modules on the way get rows.
        constants: Model -> path of an attribute -> its value.
    """
    blank: dict[str, Any] = dict.fromkeys(field.name for field in INVENTORY.schema)
    blank |= {"type": "T", "file": "sam9/model.py", "package": "sam9", "version": "9.0"}
    rows = []
    for model, shapes in tensors.items():
        counts: dict[str, int] = {"": 0}
        for path, shape in shapes.items():
            modules = ["", *(".".join(path.split(".")[:end]) for end in range(1, path.count(".") + 1))]
            for module in modules:
                counts[module] = counts.get(module, 0) + math.prod(shape)
        modules = [{"path": path, "part": "module", "n_own": 0, "n_total": count} for path, count in counts.items()]
        parameters = [
            {"path": path, "part": "tensor", "n_total": math.prod(shape), "shape": list(shape), "trained": True}
            for path, shape in shapes.items()
        ]
        values = [
            {"path": path, "part": "attribute", "value": json.dumps(value)}
            for path, value in (constants or {}).get(model, {}).items()
        ]
        rows += [{**blank, "model": model, **row} for row in (*modules, *parameters, *values)]
    return pd.DataFrame(rows)
