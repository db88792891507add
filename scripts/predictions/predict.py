"""Rule `predict`: one model's answers to one prompt set on one shard of a data set."""

import importlib
from importlib.metadata import version
from pathlib import Path

from samgap import tables
from samgap.config import module
from samgap.files import read_json
from samgap.job import job, provenance
from samgap.sharding import in_shard
from samgap.truth import read

with job(snakemake) as log:
    options, output = snakemake.params.model, snakemake.output
    # A model may be made of others, whose weights must be there too.
    parts = list(options.get("parts", {}))
    cards = [read_json(snakemake.input[key]) for key in ("card", *(f"{role}_card" for role in parts))]
    missing = [card["why"] for card in cards if card["status"] != "available"]
    record = provenance(snakemake, model=options)
    chunks = None
    if not missing:
        # Torch is slow to import, and not there at all where every weight is skipped.
        from samgap.models._device import choose, start
        from samgap.predictions.chunks import Chunks
        from samgap.predictions.shard import predict
        from samgap.predictions.tracks import follow

        family = importlib.import_module(f"samgap.models.{module(options['family'])}")
        record["device"] = device = choose(snakemake.params.device)
        start(snakemake.threads)
        shard, shards = snakemake.wildcards.shard, snakemake.params.shards
        images = in_shard(tables.read(snakemake.input.image_table, "images"), shard, shards)
        prompts = tables.read(snakemake.input.prompts, "prompts", images["image_id"])
        folder, weights = Path(snakemake.input.images), Path(snakemake.input.weights)
        if parts:
            weights = {role: Path(snakemake.input[role]) for role in parts}
        versions = {name: version(name) for name in ("torch", "sam2", "sam3", "transformers")}
        chunks = Chunks(Path(snakemake.params.aside), {**record, "shard": [shard, shards], **versions})
        if (prompts["kind"] == "track").any():
            follow(family.open_tracker(options, weights, device), images, folder, prompts, device, chunks)
        else:
            model = family.open_model(options, weights, device)
            truth = read(snakemake.input.truth, images["image_id"]) if "truth" in snakemake.input.keys() else None  # noqa: SIM118
            predict(model, images, folder, prompts, device, chunks, truth)
    else:
        record["skipped"] = f"weights not available ({missing[0]})"
        log.warning("%s skipped: %s", snakemake.wildcards.model, record["skipped"])
    if chunks is None:
        tables.write(output.masks, "masks", [], record)
        tables.write(output.timing, "timing", [], {"device": record.get("device")})
    else:
        chunks.write(output.masks, output.timing, record)
        chunks.remove()
