"""Rule `estimate`: compute all metrics of all cells with their intervals, and the confusion of attributes."""

from samgap.jobs.script import collect_provenance, job_context
from samgap.statistics.cells import CellReader, read_images
from samgap.statistics.confusions import compute_confusions
from samgap.statistics.estimates import compute_estimates
from samgap.tables.statistics import CONFUSIONS, ESTIMATES

with job_context(snakemake) as log:
    params = snakemake.params
    cells = CellReader(params.exhaustive, snakemake.input.pairs, snakemake.input.instances)
    arguments = cells.read, read_images(snakemake.input.images), params.experiments, params.statistics, params.seed
    rows, provenance = list(compute_estimates(*arguments)), collect_provenance(snakemake)
    ESTIMATES.write(snakemake.output.table, rows, provenance)
    CONFUSIONS.write(snakemake.output.confusions, list(compute_confusions(*arguments)), provenance)
    log.info("%d estimates of %d cells", len(rows), len(cells))
