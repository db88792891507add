"""Rule estimate: the pairs and instances of every cell's shards in, all metrics with their intervals out.

What is claimed of attributes goes to a table of its own.
"""

from samgap import tables
from samgap.job import job, provenance
from samgap.statistics.confusions import confusions
from samgap.statistics.estimates import estimates
from samgap.statistics.shards import Shards, images_of

with job(snakemake) as log:
    cells, params = Shards(snakemake.input.pairs, snakemake.input.instances), snakemake.params
    given = cells.read, images_of(snakemake.input.images), params.experiments, params.statistics, params.seed
    rows, receipt = list(estimates(*given)), provenance(snakemake)
    tables.write(snakemake.output.table, "estimates", rows, receipt)
    tables.write(snakemake.output.confusions, "confusions", list(confusions(*given)), receipt)
    log.info("%d estimates of %d cells", len(rows), len(cells))
