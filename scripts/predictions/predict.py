"""Rule `predict`: one model's answers to one prompt set on one shard of a data set."""

import importlib
from pathlib import Path

from samgap import tables
from samgap.config import module
from samgap.files import read_json
from samgap.job import job, provenance
from samgap.sharding import in_shard
from samgap.truth import read

with job(snakemake) as log:
    options, card = snakemake.params.model, read_json(snakemake.input.card)
    record = provenance(snakemake, model=options)
    masks, timing = [], []
    if card["status"] == "available":
        # Torch is slow to import, and not there at all where every weight is skipped.
        import torch

        from samgap.models._device import choose
        from samgap.predictions.shard import predict
        from samgap.predictions.tracks import follow

        family = importlib.import_module(f"samgap.models.{module(options['family'])}")
        device = choose(snakemake.params.device)
        torch.manual_seed(0)
        torch.set_num_threads(snakemake.threads)
        prompts = tables.read(snakemake.input.prompts, "prompts")
        images = in_shard(
            tables.read(snakemake.input.image_table, "images"), snakemake.wildcards.shard, snakemake.params.shards
        )
        weights, folder = Path(snakemake.input.weights), Path(snakemake.input.images)
        if (prompts["kind"] == "track").any():
            masks, timing = follow(family.open_tracker(options, weights, device), images, folder, prompts, device)
        else:
            model = family.open_model(options, weights, device)
            truth = read(snakemake.input.truth, images["image_id"]) if "truth" in snakemake.input.keys() else None  # noqa: SIM118
            masks, timing = predict(model, images, folder, prompts, device, truth)
        record["device"] = device
    else:
        record["skipped"] = f"weights not available ({card['why']})"
        log.warning("%s skipped: %s", snakemake.wildcards.model, record["skipped"])
    tables.write(snakemake.output.masks, "masks", masks, record)
    tables.write(snakemake.output.timing, "timing", timing, {"device": record.get("device")})
