"""Rule `dataset`: convert a data set of one kind to images, COCO instances and a table, with a card."""

from pathlib import Path

from samgap.config.plugin_import import import_plugin
from samgap.datasets import write
from samgap.io import files
from samgap.jobs.script import collect_provenance, job_context


def describe_source(path):
    """Return the receipt of a downloaded archive; else the local path, with the SHA-256 of a file."""
    receipt = Path(f"{path}.json")
    if str(path).startswith("resources/archives/") and receipt.is_file():
        return files.read_json(receipt)
    return {"source": str(path), **({"sha256": files.sha256(path)} if path.is_file() else {})}


with job_context(snakemake) as log:
    options, output = snakemake.params.options, snakemake.output
    kind = import_plugin("datasets", options["kind"])
    inputs = {role: Path(path) for role, path in snakemake.input.items()}
    archives = {role: path for role, path in inputs.items() if role not in ("files", "ignore")}
    seed = options.get("seed", 0)
    counts = write.write_dataset(
        kind.iter_images(options, archives, seed),
        kind.describe_labels(options),
        output.images,
        output.instances,
        output.table,
        dataset=snakemake.wildcards.dataset,
        provenance=collect_provenance(snakemake),
    )
    card = {
        "dataset": snakemake.wildcards.dataset,
        "kind": options["kind"],
        **counts,
        "instances_sha256": files.sha256(output.instances),
        "table_sha256": files.sha256(output.table),
        "sources": {role: describe_source(path) for role, path in inputs.items()} or {"seed": seed},
        "options": options,
    }
    files.write_json(output.card, card)
    log.info("%(n_images)d images, %(n_instances)d instances, %(n_ignored)d of them ignored", counts)
