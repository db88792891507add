"""Table of the stage `training`."""

import pyarrow as pa

from samgap.tables.parquet import Table, column

HISTORY = Table(
    "history",
    [
        column("step", pa.int64(), "optimiser step"),
        column("term", pa.string(), "loss term, `total`, a validation metric, or `skipped_steps`"),
        column("value", pa.float64(), "mean since the previous row of the term; of `skipped_steps`, their number"),
        column("learning_rate", pa.float64(), "learning rate at the step"),
        column("lower", pa.float64(), "lower end of the 95 % interval of a validation metric", nullable=True),
        column("upper", pa.float64(), "upper end of the interval", nullable=True),
        column("n", pa.int64(), "number of images, or clips, that carry a validation metric", nullable=True),
    ],
)
"""A row is a loss term or a validation metric at a step."""
