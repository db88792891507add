"""A table `pairs` whose metrics are known, and the metrics that it has."""

import numpy as np

from samgap.metrics import METRIC_REGISTRY, load_metric
from samgap.tables.matching import HIT_KINDS, SCORE_THRESHOLDS
from tests.helpers.sums import make_table

METRIC_IDS = list(METRIC_REGISTRY)


def make_pair(
    image=1, kind="phrase", truth=0, predicted=0, matched=0, evaluable=True, phrase="apple", sums=(0.0, 0.0, 0.0)
):
    """Make a row of table `pairs`: `sums` are those of IoU, Dice and boundary F at 2 px."""
    ranked = {}
    if kind == "phrase" and evaluable:
        hits = [1023] * matched + [0] * (predicted - matched)
        ranked = {f"hits_{hit_kind}": hits for hit_kind in HIT_KINDS}
        ranked |= {"excused": [False] * predicted, "greedy_tp": matched, "greedy_predicted": predicted}
        ranked["scores"] = np.linspace(0.95, 0.55, predicted).tolist()
    return {
        "prompt_id": f"{image}-{phrase}",
        "image_id": image,
        "group": "g",
        "kind": kind,
        "phrase": phrase,
        "evaluable": evaluable,
        "n_truth": truth,
        "n_predicted": predicted,
        "tp": [matched] * 10,
        "box_tp": [matched] * 10,
        "n_answered": matched,
        "box_predicted": predicted,
        "covered": matched,
        "truth_small": truth,
        "truth_px": 10 * truth,
        "predicted_px": 10 * predicted,
        "common_px": 9 * matched,
        "sum_off": predicted - matched,
        "sweep_tp": [matched] * len(SCORE_THRESHOLDS),
        "sweep_predicted": [predicted] * len(SCORE_THRESHOLDS),
        "chosen_score": 0.4,
        "chosen_tp": [matched] * 10,
        "chosen_predicted": predicted,
        "chosen_far": 0,
        **ranked,
        **dict(zip(("sum_iou", "sum_dice", "sum_boundary_f_2px"), sums, strict=True)),
    }


PAIRS = make_table(
    "pairs",
    [
        make_pair(1, truth=3, predicted=3, matched=2, sums=(2.0, 2.25, 1.5)),
        make_pair(2, truth=1, predicted=0),
        make_pair(1, predicted=0, phrase="pear"),
        make_pair(2, predicted=2, phrase="pear"),
        make_pair(1, "other", predicted=9, evaluable=False, phrase="leaf"),
    ],
)
"""Image 1: two of three apples matched, one false positive. Image 2: one apple missed. "pear" is absent from both
images and has false positives in image 2. "leaf" is not annotated."""
BOX_PROMPTS = make_table(
    "pairs", [make_pair(1, "box", truth=1, predicted=1, matched=1, phrase=None, sums=(0.9, 0.95, 1.0))]
)
EVALUABLE_IDS = [metric for metric in METRIC_IDS if load_metric(metric).not_evaluable_reason(PAIRS) is None]
"""The metrics that are evaluable on PAIRS."""
