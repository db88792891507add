"""Tables of the stage `matching`, and the thresholds and measures that their columns are named after."""

import pyarrow as pa

from samgap.masks.area_ranges import AREA_RANGES
from samgap.tables.columns import COUNT_MAP, IMAGE_ID, PHRASE_TAGS, PROMPT_ID, STRATA, STRING_MAP
from samgap.tables.parquet import Table, column

IOU_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""IoU thresholds 0.50, 0.55 … 0.95 at which true positives are counted."""
SCORE_THRESHOLDS = tuple(round(0.15 + 0.05 * step, 2) for step in range(17))
"""Score thresholds 0.15, 0.20 … 0.95 at which phrases are matched again, for a sweep."""

MEASURES = {
    "iou": ("IoU of the two masks", ""),
    "dice": ("Dice of the two masks", ""),
    "boundary_f_1px": ("boundary F at 1 px", ""),
    "boundary_f_2px": ("boundary F at 2 px", ""),
    "boundary_f_3px": ("boundary F at 3 px", ""),
    "boundary_f_5px": ("boundary F at 5 px", ""),
    "boundary_f_davis": ("boundary F as DAVIS has it, at 0.008 of the image's diagonal, rounded up", ""),
    "boundary_f_relative": ("boundary F at 0.05 of the diameter of a disk of the instance's area", ""),
    "boundary_iou": ("IoU of the bands along both boundaries, 0.02 of the image's diagonal wide", ""),
    "boundary_iou_2px": ("IoU of the bands along both boundaries, 2 px wide", ""),
    "box_iou": ("IoU of the two boxes", ""),
}
"""What is measured of an instance and its prediction, 0 to 1; an instance that nothing answers counts 0."""
ERROR_MEASURES = {
    "hausdorff_95_px": ("95 % Hausdorff distance of both boundaries", "px"),
    "area_error": ("difference of the areas over the instance's", ""),
    "box_error": ("sum of the four edges' distances, x over the image's width, y over its height", ""),
}
"""Errors of an instance's prediction; there is none where nothing answers."""
AREA_LABELS = tuple(AREA_RANGES)
"""Small, medium and large."""
HIT_KINDS = tuple(f"{what}_{size}" for what in ("mask", "box") for size in ("all", *AREA_LABELS))
"""What average precision matches, masks or boxes, and of which size."""
PAPER_REPO_MEASURES = ("iou", "dice", "boundary_f_2px")
"""What the paper's published code measures of a mask."""

COUNT_PER_SCORE = pa.list_(pa.int32(), len(SCORE_THRESHOLDS))


def _measure_columns(prefix: str = "") -> list[pa.Field]:
    """Columns of all measures and errors; `sum_` for their sums over a prompt's truth."""
    whole = "sum over the prompt's truth of the " if prefix else ""
    rule = {**dict.fromkeys(MEASURES, "0 when nothing answers"), **dict.fromkeys(ERROR_MEASURES, "of what is answered")}
    return [
        column(prefix + name, pa.float64(), f"{whole}{description}; {rule[name]}", unit, nullable=not prefix)
        for name, (description, unit) in {**MEASURES, **ERROR_MEASURES}.items()
    ]


FRAME_STATISTICS = (
    column("sequence", pa.string(), "the video that the image is a frame of, if any", nullable=True),
    column("frame", pa.int32(), "its place in the sequence, from 0", nullable=True),
    column("track", pa.int64(), "of one object asked for: its number in the sequence", nullable=True),
    column("track_j", pa.float64(), "of one object: IoU, 1 where there is neither object nor mask", nullable=True),
    column("track_f", pa.float64(), "of one object: DAVIS's boundary F of whole masks, likewise", nullable=True),
    column("step_iou", pa.float64(), "IoU of all masks with those of the same prompt a frame before", nullable=True),
    column("warped_iou", pa.float64(), "the same over pixels that both show, moved by optical flow", nullable=True),
    column("n_warped", pa.int32(), "is there a mask in either, to compare so"),
    column("contour_cost", pa.float64(), "of one object: χ² cost of its contour from the one before", nullable=True),
    column("n_contours", pa.int32(), "is there a mask on both frames, to compare so"),
    column("n_steps", pa.int32(), "of an object that is followed: was it found here and on a frame before"),
    column("n_kept", pa.int32(), "and both times by the prompt of the same object"),
    column("n_lasting", pa.int32(), "tracked instances asked for here and, by the same prompt, a frame before"),
    column("n_flips", pa.int32(), "of them found at IoU 0.5 on one of both frames alone"),
)

OVERLAPS = Table(
    "overlaps",
    [
        PROMPT_ID,
        column("prediction_id", pa.int64(), "the prediction within its prompt"),
        column("truth_id", pa.int64(), "an instance of the image that it touches"),
        column("intersection_px", pa.int64(), "pixels that both hold", "px"),
        column("iou", pa.float64(), "intersection over union of the two masks"),
        column("ioa", pa.float64(), "intersection over the prediction's area"),
        column("target", pa.bool_(), "is the instance one of the prompt's truth_ids"),
        column("ignore", pa.bool_(), "is the instance marked ignore"),
    ],
)
"""A row is a prediction and an instance that it touches."""

INSTANCES = Table(
    "instances",
    [
        PROMPT_ID,
        IMAGE_ID,
        column("truth_id", pa.int64(), "the instance; null for a false mask", nullable=True),
        column("prediction_id", pa.int64(), "its prediction; null when nothing answers it", nullable=True),
        column("outcome", pa.string(), "matched (IoU at least 0.5), missed or false"),
        column("score", pa.float32(), "the prediction's score", nullable=True),
        *_measure_columns(),
        column("truth_area_px", pa.int64(), "pixels of the instance, or of its box alone", "px", nullable=True),
        column("area_px", pa.int64(), "pixels of the prediction", "px", nullable=True),
        column("attributes", STRING_MAP, "what the instance is labelled with", nullable=True),
    ],
)
"""A row is a matched or missed instance, or a false positive."""

PAIRS = Table(
    "pairs",
    [
        PROMPT_ID,
        IMAGE_ID,
        column("group", pa.string(), "the image's group"),
        column("kind", pa.string(), "the prompt's kind"),
        column("phrase", pa.string(), "the text asked, if any", nullable=True),
        column("evaluable", pa.bool_(), "does the data set know the answer"),
        column("n_truth", pa.int32(), "instances that a right answer covers"),
        column("n_predicted", pa.int32(), "predictions kept at the score threshold, ignored ones left out"),
        column("tp", pa.list_(pa.int32(), len(IOU_THRESHOLDS)), "one-to-one matches at IoU 0.50, 0.55 … 0.95"),
        *_measure_columns("sum_"),
        column("n_answered", pa.int32(), "instances with a prediction assigned, whatever their IoU"),
        column("boxes_only", pa.bool_(), "is some instance asked for known by its box alone; masks then count 0"),
        column("box_predicted", pa.int32(), "n_predicted, where boxes are matched"),
        column("box_tp", pa.list_(pa.int32(), len(IOU_THRESHOLDS)), "tp, where boxes are matched"),
        column("covered", pa.int32(), "instances that some prediction has IoU 0.5 with, not one to one"),
        column("truth_px", pa.int64(), "pixels of all instances together", "px"),
        column("predicted_px", pa.int64(), "pixels of all predictions together", "px"),
        column("common_px", pa.int64(), "pixels of both", "px"),
        column("sum_off", pa.float64(), "sum over predictions of the share off the instances asked for"),
        column("sum_leak", pa.float64(), "sum over predictions of the share on any labelled instance"),
        *(column(f"truth_{size}", pa.int32(), f"instances that are {size}") for size in AREA_LABELS),
        column("sweep_tp", COUNT_PER_SCORE, "tp at IoU 0.5 at each score threshold, 0.15 … 0.95", nullable=True),
        column("sweep_predicted", COUNT_PER_SCORE, "n_predicted at each score threshold", nullable=True),
        column("scores", pa.list_(pa.float32()), "all scores of a phrase, best first", nullable=True),
        *(
            column(f"hits_{kind}", pa.list_(pa.int32()), f"what they hit ({kind}): samgap.matching.coco", nullable=True)
            for kind in HIT_KINDS
        ),
        column("claimed", COUNT_MAP, "of a phrase of one attribute: its truth by the value claimed", nullable=True),
        column("n_candidates", pa.int32(), "labelled instances of the phrase's nouns"),
        column("n_decided", pa.int32(), "of them rightly found or rightly left at IoU 0.5"),
        column("n_paraphrases", pa.int32(), "other phrases of its concept asked of the image"),
        column("sum_agreement", pa.float64(), "sum over them of the IoU of all masks of both together"),
        column("click_iou", pa.list_(pa.float64()), "IoU after 1, 2 … clicks", nullable=True),
        column("upstream_n", pa.int32(), "predictions and instances paired by their place in the list"),
        *(column(f"upstream_{name}", pa.float64(), f"sum of {name} over them") for name in PAPER_REPO_MEASURES),
        *PHRASE_TAGS,
        STRATA,
        *FRAME_STATISTICS,
    ],
)
"""A row is an image × prompt, with the sufficient statistics of every metric."""
