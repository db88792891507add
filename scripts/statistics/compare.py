"""Rule compare: the pairs of the cells that are compared in, differences with their intervals and tests out."""

from samgap import tables
from samgap.job import job, provenance
from samgap.statistics.comparisons import comparisons
from samgap.statistics.shards import Shards, images_of

with job(snakemake) as log:
    cells, params = Shards(snakemake.input.pairs), snakemake.params
    found = comparisons(cells.read, images_of(snakemake.input.images), params.pairs, params.statistics, params.seed)
    rows = list(found)
    tables.write(snakemake.output.table, "comparisons", rows, provenance(snakemake))
    log.info("%d differences between %d cells", len(rows), len(cells))
