"""Rule `inventory`: list the modules, tensors and constants of the models, and run the probes."""

from samgap.jobs.script import collect_provenance, job_context
from samgap.tables.inventory import INVENTORY, PROBES

with job_context(snakemake) as log:
    from samgap.inventory.models import list_rows
    from samgap.inventory.probes import list_probes, run_probe
    from samgap.models.runtime.device import init_torch

    init_torch(snakemake.threads, tf32=False)
    params, output = snakemake.params, snakemake.output
    provenance = collect_provenance(snakemake, models=params.models, versions=params.versions)
    rows = list_rows(params.models)
    log.info("%d modules, tensors and constants", len(rows))
    measurements = [row for probe in list_probes() for row in run_probe(probe)]
    log.info("%d numbers of probes", len(measurements))
    INVENTORY.write(output.inventory, rows, provenance)
    PROBES.write(output.probes, measurements, provenance)
