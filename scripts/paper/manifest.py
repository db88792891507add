"""Write the run's manifest: every input, table and picture by its SHA-256."""

from samgap.files import write_json
from samgap.job import job
from samgap.paper.manifest import manifest

with job(snakemake):
    found = snakemake.input
    made = manifest(snakemake.params.config, found.estimates, found.datasets, found.checkpoints, found.paper)
    write_json(snakemake.output.manifest, made)
