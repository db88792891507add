"""Rule `predict`: predict the masks of one prompt set with one model, on one shard of a data set."""

from importlib.metadata import version
from pathlib import Path

from samgap.annotations.ground_truth import read_ground_truth
from samgap.config.plugin_import import import_plugin
from samgap.download.damaged import check_fetched_file, discard_damaged
from samgap.io.files import read_json
from samgap.jobs.script import collect_provenance, job_context
from samgap.jobs.shards import select_shard
from samgap.prompts.kinds import get_row_kind
from samgap.tables.images import IMAGES
from samgap.tables.predictions import MASKS, TIMING
from samgap.tables.prompts import PROMPTS

with job_context(snakemake) as log:
    options, output = snakemake.params.model, snakemake.output
    # A composed model needs the weights of all its components.
    components = list(options.get("parts", {}))
    card_keys = {"weights": "card", **{role: f"{role}_card" for role in components}}
    cards = {Path(snakemake.input[key]): Path(snakemake.input[card]) for key, card in card_keys.items()}
    contents = [read_json(card) for card in cards.values()]
    unavailable = [content["why"] for content in contents if content["status"] != "available"]
    provenance = collect_provenance(snakemake, model=options)
    if unavailable:
        provenance["skipped"] = f"weights not available ({unavailable[0]})"
        log.warning("%s skipped: %s", snakemake.wildcards.model, provenance["skipped"])
        MASKS.write(output.masks, [], provenance)
        TIMING.write(output.timing, [], {"device": None})
    else:
        # These modules are imported here because torch is slow to import and not needed for unavailable weights.
        from samgap.models.runtime.device import init_torch, select_device
        from samgap.predictions.chunks import ChunkStore
        from samgap.predictions.shard import predict_shard
        from samgap.predictions.tracks import predict_tracks

        family = import_plugin("models", options["family"])
        provenance["device"] = device = select_device(snakemake.params.device)
        init_torch(snakemake.threads)
        shard, shards = snakemake.wildcards.shard, snakemake.params.shards
        images = select_shard(IMAGES.read(snakemake.input.image_table), shard, shards)
        prompts = PROMPTS.read(snakemake.input.prompts, images["image_id"])
        folder, weights = Path(snakemake.input.images), Path(snakemake.input.weights)
        if components:
            weights = {role: Path(snakemake.input[role]) for role in components}
        versions = {name: version(name) for name in ("torch", "sam2", "sam3", "transformers")}
        chunks = ChunkStore(Path(snakemake.params.chunks), {**provenance, "shard": [shard, shards], **versions})
        is_sequence = any(get_row_kind(name).sequence for name in prompts["kind"].unique())
        with discard_damaged(cards, "checkpoint"):
            for path, card in cards.items():
                check_fetched_file(path, card, provenance["inputs"][str(path)])
            open_family = family.open_tracker if is_sequence else family.open_model
            model = open_family(options, weights, device)
        if is_sequence:
            predict_tracks(model, images, folder, prompts, device, chunks)
        else:
            truth_path = snakemake.input.get("truth")
            truth = read_ground_truth(truth_path, images["image_id"]) if truth_path else None
            predict_shard(model, images, folder, prompts, device, chunks, truth)
        chunks.write_tables(output.masks, output.timing, provenance)
        chunks.remove()
