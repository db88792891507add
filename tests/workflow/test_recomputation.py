"""Every value of a finished run, recomputed from its raw masks by code that shares nothing with the workflow's."""

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from tests.helpers.recomputed import RawCell
from tests.helpers.recomputed_values import VALUES

pytestmark = pytest.mark.workflow

NOT_RECOMPUTED: dict[str, str] = {}
"""Metrics of the run that have no second path, with the reason."""
SCORE_TOLERANCE = 1e-6
"""Scores are stored as float32."""


def test_every_value_is_that_of_the_raw_masks(finished_run):
    results = finished_run.folder / "results" / "demo"
    threshold = yaml.safe_load((finished_run.folder / "test.yaml").read_text(encoding="utf-8"))["statistics"][
        "score-threshold"
    ]
    estimates = pq.read_table(results / "statistics" / "estimates.parquet").to_pandas()
    assert set(estimates["metric"]) - VALUES.keys() == NOT_RECOMPUTED.keys()
    n_compared, differences = 0, {}
    for key, rows in estimates.groupby(["dataset", "model", "prompts"]):
        cell = RawCell(finished_run.folder, "demo", *key, threshold)
        for row in rows[rows["metric"].isin(VALUES)].itertuples():
            if row.note is not None and "undefined" not in row.note:
                continue  # not evaluable
            expected = VALUES[row.metric](cell.select(row.stratum))
            n_compared += 1
            if not np.isclose(row.value, expected, rtol=0, atol=SCORE_TOLERANCE, equal_nan=True):
                differences[*key, row.metric, row.stratum] = row.value, expected
    assert differences == {}
    assert n_compared > 100 and estimates["value"].notna().sum() > 100
