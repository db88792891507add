"""Requests for the tables of results of a small finished run."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from samgap.paper.tables import TableRequest
from samgap.tables.statistics import ESTIMATES
from tests.helpers.paper import EXPERIMENTS, MODELS


def results_request(
    estimates: pd.DataFrame,
    folder: Path,
    experiments: Sequence[str] = tuple(EXPERIMENTS),
    table: str = "results-all",
    **entry: Any,
) -> TableRequest:
    """Write `estimates`, with provenance, to `folder` and return the request for a table of results."""
    cells = ["sam2-demo/prompts=box", "sam3-demo/prompts=concepts"]
    inputs = {f"results/test/matching/dataset=orchard-sim-test/model={cell}/pairs.parquet": "0" * 64 for cell in cells}
    ESTIMATES.write(folder / "estimates.parquet", estimates, {"inputs": inputs})
    entry = {"title": "Results & more", "number": "Table 1", "experiments": list(experiments), **entry}
    return TableRequest(table, {"estimates": str(folder / "estimates.parquet")}, entry, MODELS, EXPERIMENTS, {})
