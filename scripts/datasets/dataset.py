"""Rule dataset: pictures of one kind as images, COCO instances and a table, with a card that says what they are."""

import importlib
from pathlib import Path

from samgap import files
from samgap.config import module
from samgap.datasets import _write
from samgap.job import job, provenance

with job(snakemake) as log:
    options, output = snakemake.params.options, snakemake.output
    kind = importlib.import_module(f"samgap.datasets.{module(options['kind'])}")
    archives = {role: Path(path) for role, path in snakemake.input.items()}
    seed = options.get("seed", 0)
    counts = _write.write(
        kind.pictures(options, archives, seed),
        kind.info(options),
        output.images,
        output.instances,
        output.table,
        dataset=snakemake.wildcards.dataset,
        provenance=provenance(snakemake),
    )
    card = {
        "dataset": snakemake.wildcards.dataset,
        "kind": options["kind"],
        **counts,
        "instances_sha256": files.sha256(output.instances),
        "table_sha256": files.sha256(output.table),
        "sources": {role: files.read_json(f"{path}.json") for role, path in archives.items()} or {"seed": seed},
        "options": options,
    }
    files.write_json(output.card, card)
    log.info("%(n_images)d images, %(n_instances)d instances, %(n_ignored)d of them ignored", counts)
