"""Rule `predict`: predict the masks of one prompt set with one model, on one shard of a data set."""

from pathlib import Path

from samgap.config.plugin_import import import_plugin
from samgap.jobs.script import collect_provenance, job_context
from samgap.jobs.shards import select_shard
from samgap.predictions.skipped import find_missing_weights, write_empty_tables
from samgap.tables.images import IMAGES
from samgap.tables.prompts import PROMPTS

with job_context(snakemake) as log:
    inputs, output, options = snakemake.input, snakemake.output, snakemake.params.model
    # A composed model needs the weights of all its components.
    components = list(options.get("parts", {}))
    missing = find_missing_weights(inputs[key] for key in ("card", *(f"{role}_card" for role in components)))
    provenance = collect_provenance(snakemake, model=options)
    if missing:
        log.warning("%s skipped: %s", snakemake.wildcards.model, missing)
        write_empty_tables(output.masks, output.timing, {**provenance, "skipped": missing})
    else:
        # These modules are imported here because torch is slow to import and not needed for unavailable weights.
        from samgap.models.runtime.device import init_torch, select_device
        from samgap.predictions.chunks import ChunkStore
        from samgap.predictions.run import list_package_versions, run_predictions

        family = import_plugin("models", options["family"])
        provenance["device"] = device = select_device(snakemake.params.device)
        init_torch(snakemake.threads)
        shard = [snakemake.wildcards.shard, snakemake.params.shards]
        images = select_shard(IMAGES.read(inputs.image_table), *shard)
        prompts = PROMPTS.read(inputs.prompts, images["image_id"])
        weights = {role: Path(inputs[role]) for role in components} or Path(inputs.weights)
        chunks = ChunkStore(Path(snakemake.params.chunks), {**provenance, "shard": shard, **list_package_versions()})
        folder, truth = Path(inputs.images), inputs.get("truth")
        run_predictions(family, options, weights, images, folder, prompts, device, chunks, truth)
        chunks.write_tables(output.masks, output.timing, provenance)
        chunks.remove()
