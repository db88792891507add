"""Rule `compare`: compute the differences between cells with their intervals and tests."""

from samgap.jobs.script import collect_provenance, job_context
from samgap.statistics.cells import CellReader, read_images
from samgap.statistics.comparisons import compute_comparisons
from samgap.tables.statistics import COMPARISONS

with job_context(snakemake) as log:
    params = snakemake.params
    cells = CellReader(params.exhaustive, snakemake.input.pairs, snakemake.input.instances)
    images = read_images(snakemake.input.images)
    rows = list(compute_comparisons(cells.read, images, params.pairs, params.statistics, params.seed))
    COMPARISONS.write(snakemake.output.table, rows, collect_provenance(snakemake))
    log.info("%d differences between %d cells", len(rows), len(cells))
