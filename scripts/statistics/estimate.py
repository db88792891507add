"""Rule estimate: the pairs and instances of every cell's shards in, all metrics with their intervals out."""

from samgap import tables
from samgap.job import job, provenance
from samgap.statistics.estimates import estimates
from samgap.statistics.shards import Shards, images_of

with job(snakemake) as log:
    cells, params = Shards(snakemake.input.pairs, snakemake.input.instances), snakemake.params
    found = estimates(cells.read, images_of(snakemake.input.images), params.experiments, params.statistics, params.seed)
    rows = list(found)
    tables.write(snakemake.output.table, "estimates", rows, provenance(snakemake))
    log.info("%d estimates of %d cells", len(rows), len(cells))
