"""Rule estimate: the pairs of every cell's shards in, all metrics with their intervals out."""

from collections import defaultdict
from pathlib import Path

import pandas as pd

from samgap import tables
from samgap.job import job, provenance
from samgap.statistics.estimates import Cell, estimates

with job(snakemake) as log:
    shards, skipped = defaultdict(list), {}
    for path in sorted(snakemake.input.pairs):
        keys = dict(part.split("=", 1) for part in Path(path).parts if "=" in part)
        key = (keys["dataset"], keys["model"], keys["prompts"])
        shards[key].append(tables.read(path, "pairs"))
        skipped[key] = skipped.get(key) or tables.provenance(path).get("skipped")
    cells = {key: Cell(pd.concat(frames, ignore_index=True), skipped[key]) for key, frames in shards.items()}
    params = snakemake.params
    rows = list(estimates(cells, params.experiments, params.statistics, params.seed))
    tables.write(snakemake.output.table, "estimates", rows, provenance(snakemake))
    log.info("%d estimates of %d cells", len(rows), len(cells))
