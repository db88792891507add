"""Rule `dataset`: convert a data set of one kind to images, COCO instances and a table, with a card."""

from pathlib import Path

from samgap.config.plugin_import import import_plugin
from samgap.datasets import card, groups, read_log, warning_log, write
from samgap.download.damaged import check_fetched_file, discard_damaged
from samgap.io import files
from samgap.jobs.script import collect_provenance, job_context

with job_context(snakemake) as log:
    options, output, dataset = snakemake.params.options, snakemake.output, snakemake.wildcards.dataset
    kind = import_plugin("datasets", options["kind"])
    roles = options.get("archives", ["data"] if "path" in options else [])
    archives = {role: Path(snakemake.input[role]) for role in roles}
    # A kind that is made from another data set gets its folder in the place of its id.
    folders = {"source": str(Path(snakemake.input.source_card).parent)} if "source" in options else {}
    given = {**options, **folders}
    receipts = {path: receipt for path in archives.values() if (receipt := card.find_receipt(path))}
    provenance, seed = collect_provenance(snakemake), options.get("seed", 0)
    with (
        discard_damaged(receipts, "fetch_archive"),
        read_log.record_reads(provenance["inputs"]) as reads,
        warning_log.record_warnings() as warnings,
    ):
        for path, receipt in receipts.items():
            check_fetched_file(path, receipt, provenance["inputs"][str(path)])
        counts = write.write_dataset(
            kind.iter_images(given, archives, seed),
            kind.describe_labels(given),
            output.images,
            output.instances,
            output.table,
            dataset=dataset,
            provenance=provenance,
        )
        groups.warn_of_useless_groups(dataset, options, counts["n_groups"], counts["n_images"])
    counts["warnings"] = warnings.to_card()
    lists = {key: Path(options[key]) for key in ("files", "ignore") if key in options}
    origins = {**archives, **lists}
    # Other local files and folders that the entry names.
    origins |= {path: Path(path) for path in snakemake.params.state if Path(path) not in origins.values()}
    sources = {role: card.describe_source(path, reads) for role, path in origins.items()}
    if folders:
        sources["source"] = card.describe_dataset(snakemake.input.source_card)
    files.write_json(output.card, card.make_card(dataset, options, counts, sources, dict(output.items()), seed))
    log.info("%(n_images)d images, %(n_instances)d instances, %(n_ignored)d of them ignored", counts)
