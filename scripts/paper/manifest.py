"""Write the manifest of a run: the SHA-256 of every input, table and figure."""

from samgap.io.files import write_json
from samgap.jobs.manifest import build_manifest
from samgap.jobs.script import job_context

with job_context(snakemake):
    inputs = snakemake.input
    manifest = build_manifest(
        snakemake.params.config, inputs.estimates, inputs.datasets, inputs.checkpoints, inputs.paper
    )
    write_json(snakemake.output.manifest, manifest)
