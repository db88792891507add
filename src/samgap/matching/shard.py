"""Matching of one shard: predictions and ground truth in, the tables `overlaps`, `instances` and `pairs` out.

For a spatial prompt (box, point, point-box …) the mask with the highest score always counts; after clicks, the mask of
the last click. For a phrase, the masks with at least the score threshold count. They are assigned to the prompt's
instances one to one so that the total IoU is maximal (Hungarian algorithm, as in sam3's cgF1 evaluator); pairs without
a common pixel are not assigned.

A mask of a phrase without a match that lies at least half in `ignore` instances of the phrase's own nouns counts as
neither true nor false; the others are then assigned again. Instances of other nouns excuse nothing. The mask of a
spatial prompt is never left out, because its target is known.

Boxes are matched in the same way, independently of masks. If an instance of a prompt has a box and no mask, only boxes
are matched: the prompt's row has `boxes_only`, and metrics of masks are not evaluable.
"""

from collections.abc import Collection
from typing import Any

import pandas as pd

from samgap.annotations import optical_flow
from samgap.annotations.ground_truth import GroundTruth
from samgap.io.progress import report_progress
from samgap.matching import checks, video
from samgap.matching.image import ImageMatcher, MatchTables, TableBuilder
from samgap.matching.label_distances import LABELLED_DISTANCE
from samgap.matching.overlap import ImageOverlap
from samgap.tables.images import IMAGES
from samgap.tables.predictions import MASKS
from samgap.tables.prompts import PROMPTS


def match_shard(
    masks: pd.DataFrame,
    prompts: pd.DataFrame,
    truth: GroundTruth,
    images: pd.DataFrame,
    score_threshold: float,
    read_flow: optical_flow.FlowReader = optical_flow.read_no_flow,
    unpredicted: Collection[str] = (),
    labelled_distance: float = LABELLED_DISTANCE,
    chosen_score: float | None = None,
) -> MatchTables:
    """Return the tables `overlaps`, `instances` and `pairs` of one shard.

    Every prompt of the images has a row in `pairs`, with or without predictions. Every instance of an evaluable prompt
    has a row `matched` or `missed` in `instances`, and every counted prediction without a match a row `false`; a missed
    instance keeps the prediction that is assigned to it below the threshold, if any.

    Images are processed one at a time. Only the previous frame of a sequence stays in memory. All frames of a
    sequence must be in the shard.

    Args:
        masks: table `masks` of the shard.
        prompts: table `prompts`; rows of other images are dropped.
        truth: the ground truth of the images.
        images: table `images` of the shard.
        score_threshold: the score from which predictions of prompts that are not spatial count.
        read_flow: returns the optical flow between two frames.
        unpredicted: ids of the prompts that the model could not predict. Their instances count as missed; phrases of
            them that are absent are not evaluable, since no mask does not mean that the model says so.
        labelled_distance: the distance beyond which a prediction is far from all labels, in image heights.
        chosen_score: the score threshold of the model that was chosen on other images, for the columns `chosen_…`.

    Raises:
        UserError: the tables are not consistent.
    """
    prompts = PROMPTS.add_missing_columns(prompts[prompts["image_id"].isin(images["image_id"])])
    masks, images = MASKS.add_missing_columns(masks), IMAGES.add_missing_columns(images)
    checks.check_images(images, truth)
    checks.check_prompts(prompts)
    checks.check_masks(masks, prompts)
    prompts = checks.mark_unpredicted(prompts, unpredicted)
    builder, tracker = TableBuilder(), video.SequenceTracker(read_flow)
    masks_by_image = dict(iter(masks.groupby("image_id", sort=False)))
    prompts_by_image = dict(iter(prompts.groupby("image_id", sort=False)))
    with report_progress("images matched", len(images), "images") as step:
        for image_row in video.sort_frames(images).itertuples(index=False):
            image_id: Any = image_row.image_id
            if image_id in prompts_by_image:
                image_masks = masks_by_image.get(image_id, masks.iloc[:0])
                overlap = ImageOverlap(image_row, truth.instances_of(image_id), image_masks)
                matcher = ImageMatcher(
                    overlap, truth, score_threshold, chosen_score, builder, tracker, labelled_distance
                )
                matcher.match_prompts(prompts_by_image[image_id])
            else:
                tracker.skip_frame(image_row)
            step(1)
    return builder.build()
