"""What the finished part of a run tells of the rest: the number of prompts, and the time of an image."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from samgap.config.cells import Cell
from samgap.paper.plan import Rate
from samgap.tables import parquet
from samgap.tables.predictions import TIMING

TIMES_MS = ["read_ms", "encode_ms", "decode_ms"]


def count_prompts(run_folder: Path, cells: Iterable[Cell]) -> dict[tuple[str, str], int]:
    """Return the number of prompts by (data set, prompt set), of those tables of prompts that are written."""
    names = {(dataset, prompts) for dataset, _, prompts in cells}
    files = {
        (dataset, prompts): run_folder / f"prompts/dataset={dataset}/prompts={prompts}/prompts.parquet"
        for dataset, prompts in sorted(names)
    }
    return {name: parquet.count_rows(file) for name, file in files.items() if file.is_file()}


def measure_rates(run_folder: Path, cells: Iterable[Cell]) -> dict[tuple[str, str], Rate]:
    """Return the mean time of an image by (model, prompt set), of the predictions of a run that are finished.

    Where they were made on several devices, it is that of the GPU.
    """
    tables: dict[tuple[str, str], list[pd.DataFrame]] = defaultdict(list)
    for dataset, model, prompts in sorted(set(cells)):
        folder = run_folder / f"predictions/dataset={dataset}/model={model}/prompts={prompts}"
        tables[model, prompts] += [TIMING.read(file) for file in sorted(folder.glob("shard=*/timing.parquet"))]
    rates = {}
    for key, parts in tables.items():
        if not parts or (timing := pd.concat(parts)).empty:
            continue
        device = max(timing["device"], key=lambda name: name == "cuda")
        images = timing[timing["device"] == device]
        rates[key] = Rate(float(images[TIMES_MS].sum(axis=1).mean()) / 1000, device)
    return rates
