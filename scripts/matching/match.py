"""Rule measure: one shard's predictions against the truth; a shard without weights stays empty and says why."""

from functools import partial

from samgap.annotations import ground_truth, optical_flow
from samgap.jobs import shards
from samgap.jobs.script import collect_provenance, job_context
from samgap.matching.shard import match_shard
from samgap.tables import parquet
from samgap.tables.catalog import TABLES
from samgap.tables.images import IMAGES
from samgap.tables.predictions import MASKS
from samgap.tables.prompts import PROMPTS

NAMES = ("overlaps", "instances", "pairs")

with job_context(snakemake) as log:
    skipped = parquet.read_provenance(snakemake.input.masks).get("skipped")
    if skipped:
        frames = [TABLES[name].empty_frame() for name in NAMES]
        log.info("skipped: %s", skipped)
    else:
        images = IMAGES.read(snakemake.input.images)
        images = shards.select_shard(images, snakemake.wildcards.shard, snakemake.params.shards)
        # Only sequences with optical flow name the folder of the images.
        pictures = snakemake.input.get("pictures")
        frames = match_shard(
            MASKS.read(snakemake.input.masks),
            PROMPTS.read(snakemake.input.prompts),
            ground_truth.read_ground_truth(snakemake.input.truth, images["image_id"]),
            images,
            snakemake.params.score_threshold,
            partial(optical_flow.read_flow, pictures) if pictures else optical_flow.read_no_flow,
        )
        log.info("%d images, %d overlaps, %d instances, %d pairs", len(images), *map(len, frames))
    receipt = collect_provenance(snakemake, **({"skipped": skipped} if skipped else {}))
    for name, frame in zip(NAMES, frames, strict=True):
        TABLES[name].write(snakemake.output[name], frame, receipt)
