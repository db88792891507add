"""Rule measure: one shard's predictions against the truth; a shard without weights stays empty and says why."""

from functools import partial

from samgap import flow, sharding, tables, truth
from samgap.job import job, provenance
from samgap.matching import measure

NAMES = ("overlaps", "instances", "pairs")

with job(snakemake) as log:
    skipped = tables.provenance(snakemake.input.masks).get("skipped")
    if skipped:
        frames = [tables.empty(name) for name in NAMES]
        log.info("skipped: %s", skipped)
    else:
        images = tables.read(snakemake.input.images, "images")
        images = sharding.in_shard(images, snakemake.wildcards.shard, snakemake.params.shards)
        # Only sequences with optical flow name the folder of the images.
        pictures = snakemake.input.get("pictures")
        frames = measure(
            tables.read(snakemake.input.masks, "masks"),
            tables.read(snakemake.input.prompts, "prompts"),
            truth.read(snakemake.input.truth, images["image_id"]),
            images,
            snakemake.params.score_threshold,
            partial(flow.read, pictures) if pictures else flow.none,
        )
        log.info("%d images, %d overlaps, %d instances, %d pairs", len(images), *map(len, frames))
    receipt = provenance(snakemake, **({"skipped": skipped} if skipped else {}))
    for name, frame in zip(NAMES, frames, strict=True):
        tables.write(snakemake.output[name], name, frame, receipt)
