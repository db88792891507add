"""Rule `dataset`: convert a data set of one kind to images, COCO instances and a table, with a card."""

from pathlib import Path

from samgap.config.plugin_import import import_plugin
from samgap.datasets import card, write
from samgap.io import files
from samgap.jobs.script import collect_provenance, job_context

with job_context(snakemake) as log:
    options, output, dataset = snakemake.params.options, snakemake.output, snakemake.wildcards.dataset
    kind = import_plugin("datasets", options["kind"])
    inputs = {role: Path(path) for role, path in snakemake.input.items()}
    archives = {role: path for role, path in inputs.items() if role not in ("files", "ignore")}
    seed = options.get("seed", 0)
    counts = write.write_dataset(
        kind.iter_images(options, archives, seed),
        write.describe_labels(kind.describe_labels(options), options),
        output.images,
        output.instances,
        output.table,
        dataset=dataset,
        provenance=collect_provenance(snakemake),
    )
    files.write_json(output.card, card.make_card(dataset, options, counts, inputs, dict(output.items()), seed))
    log.info("%(n_images)d images, %(n_instances)d instances, %(n_ignored)d of them ignored", counts)
