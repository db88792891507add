"""Write the run's manifest: every input, table and picture by its SHA-256."""

from samgap.io.files import write_json
from samgap.jobs.manifest import build_manifest
from samgap.jobs.script import job_context

with job_context(snakemake):
    found = snakemake.input
    made = build_manifest(snakemake.params.config, found.estimates, found.datasets, found.checkpoints, found.paper)
    write_json(snakemake.output.manifest, made)
