"""The table of score thresholds, which the stage `statistics` writes and the stage `matching` reads."""

import pyarrow as pa

from samgap.tables.parquet import Table, column

THRESHOLDS = Table(
    "thresholds",
    [
        *(column(key, pa.string(), f"the {key}") for key in ("dataset", "model", "prompts")),
        column("score", pa.float64(), "a score threshold"),
        column("is_chosen", pa.bool_(), "whether it is the one with the highest f1"),
        column("official_score", pa.float64(), "the official score threshold of the model"),
        column("criterion", pa.string(), "metric that f1 is: f1-50, or f1-50-near-labels without exhaustive labels"),
        column("n_images", pa.int64(), "images with an evaluable phrase"),
        column("n_truth", pa.int64(), "instances of the evaluable phrases"),
        column("tp", pa.int64(), "matches at IoU 0.5"),
        column("n_predicted", pa.int64(), "predictions at or above the threshold"),
        column("n_left_out", pa.int64(), "of them left out as far from every label", nullable=True),
        column("precision", pa.float64(), "tp over the predictions that are not left out", nullable=True),
        column("recall", pa.float64(), "tp / n_truth", nullable=True),
        column("f1", pa.float64(), "the criterion; null where none can be chosen", nullable=True),
        column("note", pa.string(), "reason why none is chosen: `skipped: …` or `not evaluable: …`", nullable=True),
    ],
)
"""A row is a score threshold of a model, on the validation images."""
