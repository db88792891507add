"""Tables of the stage `inventory`."""

import pyarrow as pa

from samgap.tables.parquet import Table, column

PACKAGE_COLUMNS = (
    column("package", pa.string(), "the Python package that it was read from"),
    column("version", pa.string(), "installed version of the package"),
)

MODULE, TENSOR, ATTRIBUTE = "module", "tensor", "attribute"
"""Values of the column `part`."""

INVENTORY = Table(
    "inventory",
    [
        column("model", pa.string(), "a published model, as sam3-video, or an id of the run's configuration"),
        column("path", pa.string(), "dotted path in the model; empty for the model itself"),
        column("part", pa.string(), "module, tensor (a parameter or buffer) or attribute"),
        column("type", pa.string(), "class of a module, dtype of a tensor, type of an attribute's value"),
        column("file", pa.string(), "file of the class of the module that it is or belongs to"),
        column("n_own", pa.int64(), "parameters of the module without its submodules", nullable=True),
        column("n_total", pa.int64(), "parameters of the module with its submodules, or of the tensor", nullable=True),
        column("shape", pa.list_(pa.int64()), "shape of a tensor", nullable=True),
        column("trained", pa.bool_(), "whether the tensor is a parameter; false for a buffer", nullable=True),
        column("value", pa.string(), "value of an attribute, JSON", nullable=True),
        *PACKAGE_COLUMNS,
    ],
)
"""A row is a module, a tensor or a constant of a model that was built without weights."""

PROBES = Table(
    "probes",
    [
        column("probe", pa.string(), "id of the probe: a module of samgap.inventory.probes"),
        column("quantity", pa.string(), "what the probe measured"),
        column("value", pa.float64(), "the measured number"),
        column("unit", pa.string(), "unit of the value"),
        column("detail", pa.string(), "how it was measured"),
        column("evidence", pa.string(), "file and name of the package's code that was run or read"),
        *PACKAGE_COLUMNS,
    ],
)
"""A row is a number that a probe measured on code of an installed package."""
