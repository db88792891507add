"""Rule `predict`: predict the masks of one prompt set with one model, on one shard of a data set."""

from pathlib import Path

from samgap.config.plugin_import import import_plugin
from samgap.download.damaged import check_fetched_file, discard_damaged
from samgap.io.ownership import own_folder
from samgap.jobs.script import collect_provenance, job_context
from samgap.jobs.shards import select_shard
from samgap.predictions.checks import describe_model
from samgap.predictions.chunks import ChunkStore
from samgap.predictions.run import make_fingerprint, run_predictions
from samgap.predictions.skipped import find_missing_weights, write_empty_tables
from samgap.tables.images import IMAGES
from samgap.tables.prompts import PROMPTS

with job_context(snakemake) as log:
    inputs, output, params = snakemake.input, snakemake.output, snakemake.params
    options = params.model
    # A composed model needs the weights of all its components.
    components = list(options.get("parts", {}))
    card_keys = {"weights": "card", **{role: f"{role}_card" for role in components}}
    cards = {Path(inputs[key]): Path(inputs[card]) for key, card in card_keys.items()}
    missing = find_missing_weights(cards.values())
    provenance = collect_provenance(snakemake, model=options, tf32=params.tf32)
    if missing:
        log.warning("%s skipped: %s", snakemake.wildcards.model, missing)
        write_empty_tables(output.masks, output.timing, {**provenance, "skipped": missing})
    else:
        family = import_plugin("models", options["family"])
        device = "cpu"
        # A family without a network needs no GPU, so a job of it is not given one.
        if getattr(family, "NEEDS_GPU", True):
            # Imported here because torch is slow to import.
            from samgap.models.runtime.device import init_torch, select_device

            device = select_device(params.device)
            init_torch(snakemake.threads, params.tf32)
        provenance["device"] = device
        shard = [snakemake.wildcards.shard, params.shards]
        images = select_shard(IMAGES.read(inputs.image_table), *shard)
        prompts = PROMPTS.read(inputs.prompts, images["image_id"])
        weights = {role: Path(inputs[role]) for role in components} or Path(inputs.weights)
        folder = Path(params.chunks)
        # Another job of this shard may be running: of a killed or another run, or on a node that is cut off.
        with own_folder(folder) as ownership:
            chunks = ChunkStore(folder, make_fingerprint(provenance, *shard, params.states), ownership=ownership)
            with discard_damaged(cards, "checkpoint"):
                for path, card in cards.items():
                    check_fetched_file(path, card, provenance["inputs"][str(path)])
                provenance |= run_predictions(
                    family,
                    options,
                    weights,
                    images=images,
                    image_folder=Path(inputs.images),
                    prompts=prompts,
                    device=device,
                    chunks=chunks,
                    label=describe_model(snakemake.wildcards.model, options),
                    truth_path=inputs.get("truth"),
                )
            chunks.write_tables(output.masks, output.timing, provenance)
            chunks.remove()
