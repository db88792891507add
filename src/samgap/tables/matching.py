"""Tables of the stage `matching`, and the thresholds and measures that their columns are named after."""

import pyarrow as pa

from samgap.masks.area_ranges import AREA_RANGES
from samgap.tables.columns import IMAGE_ID, LOST_LABELS, PHRASE_TAGS, PROMPT_ID, SHARE_MAP, STRATA, STRING_MAP
from samgap.tables.parquet import Table, column

IOU_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""IoU thresholds at which true positives are counted: 0.50, 0.55 … 0.95."""
SCORE_THRESHOLDS = tuple(round(0.05 + 0.05 * step, 2) for step in range(19))
"""Score thresholds of the sweep over predictions of phrases: 0.05, 0.10 … 0.95."""

MEASURES = {
    "iou": ("IoU of the two masks", ""),
    "dice": ("Dice of the two masks", ""),
    "boundary_f_1px": ("boundary F at 1 px", ""),
    "boundary_f_2px": ("boundary F at 2 px", ""),
    "boundary_f_3px": ("boundary F at 3 px", ""),
    "boundary_f_5px": ("boundary F at 5 px", ""),
    "boundary_f_davis": ("boundary F of DAVIS, at 0.008 of the image diagonal, rounded up", ""),
    "boundary_f_relative": ("boundary F at 0.05 of the diameter of a disk with the area of the instance", ""),
    "boundary_iou": ("boundary IoU, bands 0.02 of the image diagonal wide", ""),
    "boundary_iou_2px": ("boundary IoU, bands 2 px wide", ""),
    "box_iou": ("IoU of the two boxes", ""),
}
"""Measures of an instance and its prediction, 0 to 1; 0 for an instance without a prediction."""
ERROR_MEASURES = {
    "hausdorff_95_px": ("95 % Hausdorff distance of the boundaries", "px"),
    "area_error": ("absolute difference of the areas, relative to the instance", ""),
    "box_error": (
        "sum of the distances of the four box edges, x relative to the width of the image, y to its height",
        "",
    ),
}
"""Errors of an instance's prediction; undefined for an instance without a prediction."""
AREA_LABELS = tuple(AREA_RANGES)
"""Names of the area ranges: small, medium and large."""
HIT_KINDS = tuple(f"{shape}_{size}" for shape in ("mask", "box") for size in ("all", *AREA_LABELS))
"""Matchings for average precision: of masks or boxes, of all sizes or of one."""
PAPER_REPO_MEASURES = ("iou", "dice", "boundary_f_2px")
"""Measures of the paper's published code."""

COUNT_PER_SCORE = pa.list_(pa.int32(), len(SCORE_THRESHOLDS))


def _make_measure_columns(prefix: str = "") -> list[pa.Field]:
    """Return the columns of all measures and errors; with the prefix `sum_`, of sums over a prompt's instances."""
    aggregate = "sum over the instances of the prompt of the " if prefix else ""
    missing_rules = {
        **dict.fromkeys(MEASURES, "0 without a prediction"),
        **dict.fromkeys(ERROR_MEASURES, "over instances with a prediction"),
    }
    return [
        column(
            prefix + name, pa.float64(), f"{aggregate}{description}; {missing_rules[name]}", unit, nullable=not prefix
        )
        for name, (description, unit) in {**MEASURES, **ERROR_MEASURES}.items()
    ]


FRAME_STATISTICS = (
    column("sequence", pa.string(), "video that the image is a frame of, if any", nullable=True),
    column("frame", pa.int32(), "index of the frame in its sequence, from 0", nullable=True),
    column("track", pa.int64(), "number of the prompted object in its sequence", nullable=True),
    column(
        "track_j",
        pa.float64(),
        "region similarity J of the object: IoU, 1 if there is neither object nor mask",
        nullable=True,
    ),
    column("track_f", pa.float64(), "contour accuracy F of the object (DAVIS), 1 likewise", nullable=True),
    column("step_iou", pa.float64(), "IoU of all masks with those of the same prompt one frame earlier", nullable=True),
    column(
        "warped_iou",
        pa.float64(),
        "the same after warping by optical flow, over pixels visible in both frames",
        nullable=True,
    ),
    column("n_warped", pa.int32(), "1 if either frame has a mask to warp"),
    column(
        "contour_cost",
        pa.float64(),
        "shape context cost (χ²) between the contours of the object in consecutive frames",
        nullable=True,
    ),
    column("n_contours", pa.int32(), "1 if both frames have a contour"),
    column("n_steps", pa.int32(), "1 if the tracked object is matched here and on an earlier frame"),
    column("n_kept", pa.int32(), "1 if, in addition, the same prompt matched it both times"),
    column("n_lasting", pa.int32(), "tracked instances that the prompt covers here and one frame earlier"),
    column("n_flips", pa.int32(), "of them matched at IoU 0.5 on exactly one of the two frames"),
)

OVERLAPS = Table(
    "overlaps",
    [
        PROMPT_ID,
        column("prediction_id", pa.int64(), "the prediction within its prompt"),
        column("truth_id", pa.int64(), "an instance of the image that the prediction touches"),
        column("intersection_px", pa.int64(), "pixels in both masks", "px"),
        column("iou", pa.float64(), "intersection over union of the two masks"),
        column("ioa", pa.float64(), "intersection over the area of the prediction"),
        column("target", pa.bool_(), "whether the instance is one of the prompt's truth_ids"),
        column("ignore", pa.bool_(), "whether the instance is marked ignore"),
    ],
)
"""A row is a prediction and an instance that it touches."""

INSTANCES = Table(
    "instances",
    [
        PROMPT_ID,
        IMAGE_ID,
        column("truth_id", pa.int64(), "the instance; null for a false positive", nullable=True),
        column("prediction_id", pa.int64(), "its prediction; null without one", nullable=True),
        column("outcome", pa.string(), "matched (IoU at least 0.5), missed or false (a false positive)"),
        column("score", pa.float32(), "score of the prediction", nullable=True),
        *_make_measure_columns(),
        column(
            "box_match_iou",
            pa.float64(),
            "IoU of the boxes of the instance and of the prediction that is assigned by box; null for a false positive",
            nullable=True,
        ),
        column(
            "best_iou",
            pa.float64(),
            "highest IoU with a mask of a spatial prompt, chosen or not; null for a false positive",
            nullable=True,
        ),
        column(
            "truth_area_px", pa.int64(), "area of the instance, or of its box if it has no mask", "px", nullable=True
        ),
        column("area_px", pa.int64(), "area of the prediction", "px", nullable=True),
        column("attributes", STRING_MAP, "labelled attributes of the instance", nullable=True),
        column(
            "label_distance_px",
            pa.float64(),
            "distance of a false positive of a phrase to the nearest labelled instance; null without one",
            "px",
            nullable=True,
        ),
    ],
)
"""A row is a matched or missed instance, or a false positive."""

PAIRS = Table(
    "pairs",
    [
        PROMPT_ID,
        IMAGE_ID,
        column("group", pa.string(), "group of the image"),
        column("kind", pa.string(), "kind of the prompt"),
        column("phrase", pa.string(), "text of the prompt, if any", nullable=True),
        column("evaluable", pa.bool_(), "whether the labels of the data set decide the prompt"),
        LOST_LABELS,
        column("n_truth", pa.int32(), "instances that a right prediction covers"),
        column(
            "n_ignored",
            pa.int32(),
            "`ignore` instances of the nouns of a phrase; without an instance, they leave open whether it is present",
        ),
        column(
            "n_predicted",
            pa.int32(),
            "predictions at or above the model's official score threshold, without ignored ones",
        ),
        column("n_far", pa.int32(), "of them farther than labelled_distance from every labelled instance"),
        column("labelled_distance", pa.float64(), "key labelled-distance of the data set", "image heights"),
        column("tp", pa.list_(pa.int32(), len(IOU_THRESHOLDS)), "one-to-one matches at IoU 0.50, 0.55 … 0.95"),
        *_make_measure_columns("sum_"),
        column("n_answered", pa.int32(), "instances with a prediction assigned, at any IoU"),
        column(
            "boxes_only",
            pa.bool_(),
            "whether an instance of the prompt has a box but no mask; mask measures are then 0",
        ),
        column("box_predicted", pa.int32(), "n_predicted when boxes are matched"),
        column("box_tp", pa.list_(pa.int32(), len(IOU_THRESHOLDS)), "tp when boxes are matched"),
        column("covered", pa.int32(), "instances with IoU 0.5 to any prediction, not one-to-one"),
        column("truth_px", pa.int64(), "pixels of the union of the instances", "px"),
        column("predicted_px", pa.int64(), "pixels of the union of the predictions", "px"),
        column("common_px", pa.int64(), "pixels in both unions", "px"),
        column("sum_off", pa.float64(), "sum over predictions of the share outside the prompt's instances"),
        column("sum_leak", pa.float64(), "sum over predictions of the share on labelled instances"),
        *(column(f"truth_{size}", pa.int32(), f"instances that are {size}") for size in AREA_LABELS),
        column("sweep_tp", COUNT_PER_SCORE, "tp at IoU 0.5 at each score threshold, 0.05 … 0.95", nullable=True),
        column("sweep_predicted", COUNT_PER_SCORE, "n_predicted at each score threshold", nullable=True),
        column("sweep_far", COUNT_PER_SCORE, "n_far at each score threshold", nullable=True),
        column(
            "chosen_score",
            pa.float64(),
            "score threshold of the model, chosen on other images (section `thresholds`); null if none was chosen",
            nullable=True,
        ),
        column("chosen_predicted", pa.int32(), "n_predicted at chosen_score", nullable=True),
        column("chosen_far", pa.int32(), "n_far at chosen_score", nullable=True),
        column("chosen_tp", pa.list_(pa.int32(), len(IOU_THRESHOLDS)), "tp at chosen_score", nullable=True),
        column("scores", pa.list_(pa.float32()), "all scores of a phrase, in falling order", nullable=True),
        *(
            column(
                f"hits_{kind}",
                pa.list_(pa.int32()),
                f"matches of these detections ({kind}), bits as in samgap.matching.coco",
                nullable=True,
            )
            for kind in HIT_KINDS
        ),
        column(
            "excused",
            pa.list_(pa.bool_()),
            "whether these detections match nothing at IoU 0.5 and lie at least half in `ignore` instances",
            nullable=True,
        ),
        column("greedy_tp", pa.int32(), "of a phrase: greedy matches at IoU 0.5, at or above the score threshold"),
        column("greedy_predicted", pa.int32(), "detections at or above the score threshold that are not excused"),
        column(
            "claimed",
            SHARE_MAP,
            "for a phrase with one attribute: its instances by predicted value; equal scores share an instance",
            nullable=True,
        ),
        column("n_candidates", pa.int32(), "labelled instances of the phrase's nouns"),
        column("n_decided", pa.int32(), "of them correctly matched or correctly left out at IoU 0.5"),
        column("n_paraphrases", pa.int32(), "other phrases of the same concept for the image"),
        column("sum_agreement", pa.float64(), "sum over them of the IoU between the unions of masks"),
        column("n_masks", pa.int32(), "predictions of the prompt, at any score"),
        column(
            "sum_best_iou",
            pa.float64(),
            "sum over the instances of the highest IoU with any of them; for spatial prompts",
        ),
        column("click_iou", pa.list_(pa.float64()), "IoU after 1, 2 … clicks", nullable=True),
        column("upstream_n", pa.int32(), "predictions and instances paired by their index"),
        *(column(f"upstream_{name}", pa.float64(), f"sum of {name} over them") for name in PAPER_REPO_MEASURES),
        *PHRASE_TAGS,
        STRATA,
        *FRAME_STATISTICS,
    ],
)
"""A row is an image × prompt, with the sufficient statistics of every metric."""
