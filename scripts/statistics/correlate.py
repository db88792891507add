"""Rule `correlate`: compute the rank correlations of prompt sets between two models."""

from samgap.jobs.script import collect_provenance, job_context
from samgap.statistics.cells import CellReader, read_images
from samgap.statistics.rank_correlations import compute_rank_correlations
from samgap.tables.statistics import RANK_CORRELATIONS

with job_context(snakemake) as log:
    params = snakemake.params
    cells = CellReader(params.exhaustive, snakemake.input.pairs)
    images = read_images(snakemake.input.images)
    rows = list(compute_rank_correlations(cells.read, images, params.correlations, params.statistics, params.seed))
    RANK_CORRELATIONS.write(snakemake.output.table, rows, collect_provenance(snakemake))
    log.info("%d rank correlations of %d cells", len(rows), len(cells))
