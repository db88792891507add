"""Rule estimate: the pairs and instances of every cell's shards in, all metrics with their intervals out.

What is claimed of attributes goes to a table of its own.
"""

from samgap.jobs.script import collect_provenance, job_context
from samgap.statistics.cells import CellReader, read_images
from samgap.statistics.confusions import compute_confusions
from samgap.statistics.estimates import compute_estimates
from samgap.tables.statistics import CONFUSIONS, ESTIMATES

with job_context(snakemake) as log:
    cells, params = CellReader(snakemake.input.pairs, snakemake.input.instances), snakemake.params
    given = cells.read, read_images(snakemake.input.images), params.experiments, params.statistics, params.seed
    rows, receipt = list(compute_estimates(*given)), collect_provenance(snakemake)
    ESTIMATES.write(snakemake.output.table, rows, receipt)
    CONFUSIONS.write(snakemake.output.confusions, list(compute_confusions(*given)), receipt)
    log.info("%d estimates of %d cells", len(rows), len(cells))
