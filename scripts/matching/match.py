"""Rule `match_predictions`: match a shard's predictions with the ground truth; without weights its tables are empty."""

from functools import partial

from samgap.annotations import ground_truth, optical_flow
from samgap.jobs.script import collect_provenance, job_context
from samgap.jobs.shards import select_shard
from samgap.matching.score_thresholds import read_chosen_score
from samgap.matching.shard import match_shard
from samgap.tables import parquet
from samgap.tables.images import IMAGES
from samgap.tables.matching import INSTANCES, OVERLAPS, PAIRS
from samgap.tables.predictions import MASKS
from samgap.tables.prompts import PROMPTS
from samgap.tables.score_thresholds import THRESHOLDS

TABLES = (OVERLAPS, INSTANCES, PAIRS)

with job_context(snakemake) as log:
    predicted = parquet.read_provenance(snakemake.input.masks)
    skipped = predicted.get("skipped")
    if skipped:
        frames = [table.empty_frame() for table in TABLES]
        log.info("skipped: %s", skipped)
    else:
        images = IMAGES.read(snakemake.input.images)
        images = select_shard(images, snakemake.wildcards.shard, snakemake.params.shards)
        # The input `thresholds` exists only for phrases of models whose threshold was chosen on other images.
        thresholds = snakemake.input.get("thresholds")
        # The input `pictures` exists only for sequences with optical flow.
        pictures = snakemake.input.get("pictures")
        frames = match_shard(
            MASKS.read(snakemake.input.masks),
            PROMPTS.read(snakemake.input.prompts),
            ground_truth.read_ground_truth(snakemake.input.truth, images["image_id"]),
            images,
            snakemake.params.score_threshold,
            partial(optical_flow.read_flow, pictures) if pictures else optical_flow.read_no_flow,
            unpredicted=predicted.get("unpredicted", ()),
            labelled_distance=snakemake.params.labelled_distance,
            chosen_score=read_chosen_score(THRESHOLDS.read(thresholds)) if thresholds else None,
        )
        log.info("%d images, %d overlaps, %d instances, %d pairs", len(images), *map(len, frames))
    provenance = collect_provenance(snakemake, **({"skipped": skipped} if skipped else {}))
    for table, frame in zip(TABLES, frames, strict=True):
        table.write(snakemake.output[table.name], frame, provenance)
