import importlib
import math

import numpy as np
import pandas as pd
import pytest

from samgap.errors import UserError
from samgap.matching.shard import match_shard
from samgap.metrics import METRIC_REGISTRY, RankingMetric, evaluate, load_metric
from samgap.tables.matching import HIT_KINDS, SCORE_THRESHOLDS
from tests.helpers.scenes import constant_flow, random_sequences, random_tagged_shard
from tests.helpers.sums import make_table

METRICS = list(METRIC_REGISTRY)
TEMPORAL = {"contour_instability", "flicker", "identity_preservation", "j_and_f", "warped_consistency"}


def pair(image=1, kind="phrase", truth=0, predicted=0, hits=0, evaluable=True, phrase="apple", sums=(0.0, 0.0, 0.0)):
    names = ("sum_iou", "sum_dice", "sum_boundary_f_2px")
    lists = {f"hits_{kind}": [1023] * hits + [0] * (predicted - hits) for kind in HIT_KINDS}
    scores = {"scores": np.linspace(0.95, 0.55, predicted).tolist(), **lists} if kind == "phrase" and evaluable else {}
    swept = {"sweep_tp": [hits] * len(SCORE_THRESHOLDS), "sweep_predicted": [predicted] * len(SCORE_THRESHOLDS)}
    return {
        **{"prompt_id": f"{image}-{phrase}", "image_id": image, "group": "g", "kind": kind, "phrase": phrase},
        **{
            "evaluable": evaluable,
            "n_truth": truth,
            "n_predicted": predicted,
            "tp": [hits] * 10,
            "box_tp": [hits] * 10,
        },
        **{"n_answered": hits, "box_predicted": predicted, "covered": hits, "truth_small": truth},
        **{"truth_px": 10 * truth, "predicted_px": 10 * predicted, "common_px": 9 * hits, "sum_off": predicted - hits},
        **scores,
        **swept,
        **dict(zip(names, sums, strict=True)),
    }


# Two of three apples found in image 1, with one false mask; pears asked of both and once falsely seen; leaves unknown.
PAIRS = make_table(
    "pairs",
    [
        pair(1, truth=3, predicted=3, hits=2, sums=(2.0, 2.25, 1.5)),
        pair(2, truth=1, predicted=0),
        pair(1, predicted=0, phrase="pear"),
        pair(2, predicted=2, phrase="pear"),
        pair(1, "other", predicted=9, evaluable=False, phrase="leaf"),
    ],
)
BOXES = make_table("pairs", [pair(1, "box", truth=1, predicted=1, hits=1, phrase=None, sums=(0.9, 0.95, 1.0))])
# Those of the files that judge spatial prompts too.
SPATIAL = {"iou", "dice", "boundary_f", "boundary_iou", "hausdorff_95", "answered", "quality", "success", "box"}
SPATIAL |= {"area_error", "precision", "recall", "f1_50", "precision_iou", "recall_iou", "f1_iou", "prompts_per_image"}
UPSTREAM_SPATIAL = {"iou", "dice", "boundary", "quality", "precision", "recall", "f1", "pooled"}
APPLICABLE = [metric for metric in METRICS if load_metric(metric).not_evaluable_reason(PAIRS) is None]


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("iou", 2 / 4),
        ("dice", 2.25 / 4),
        ("boundary-f-2px", 1.5 / 4),
        ("precision", 2 / 5),
        ("recall", 2 / 4),
        ("f1-50", 4 / 9),
        ("concept-recall", 2 / 4),
        ("prompts-per-image", 5 / 2),
        ("pmf1", 2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4)),  # the false pears are IL_MCC's
        ("il-mcc", 0.0),  # one right and one wrong on either side
        ("cgf1", 0.0),
        ("success-90", 2 / 4),
        ("answered-dice", 2.25 / 2),
        ("quality", (0.5 * 2 + 0.3 * 1.5 + 0.2 * 2.25) / 4),
        ("precision-iou-75", 2 / 5),
        ("f1-score-15", 4 / 9),
        ("recall-score-95", 2 / 4),
        ("box-f1-50", 4 / 9),
        ("presence-accuracy", 2 / 4),
        ("false-alarms", 1 / 2),
        ("false-alarms-masks", 2 / 2),
        ("count-error", (0 + 1 + 0 + 2) / 4),
        ("count-error-bias", (0 - 1 + 0 + 2) / 4),
        ("count-error-relative", 3 / 4),
        ("coverage", 18 / (30 + 30 - 18 + 10 + 20)),
        ("grounding-error-off-concept", 3 / 5),
        # Ranks 0.95 and 0.75 hit, in image 1: 2 of 4 found with precision 1, which 51 of the 101 recalls see.
        ("map", 51 / 101),
        ("map-50", 51 / 101),
        ("box-map-small", 51 / 101),
        ("calibration", (0.9 + 0.25 + 1.1) / 5),
        ("upstream-precision", 3 / 5),
        ("upstream-recall", 3 / 4),
        ("upstream-greedy-f1", 4 / 9),
        ("upstream-pooled-precision", 4 / 5),  # any mask of any image answers any other
        ("upstream-pooled-recall", 4 / 4),
        ("upstream-pooled-f1", 8 / 9),
        ("upstream-concept-recall", 2 / 4),
        ("upstream-attribute-accuracy", 1.0),
    ],
)
def test_a_case_worked_by_hand(metric, value):
    assert evaluate(metric, PAIRS) == pytest.approx(value, abs={"pmf1": 1e-4, "calibration": 1e-6}.get(metric, 1e-12))


def test_presence_always_right_and_always_wrong():
    right = make_table("pairs", [pair(1, truth=1, predicted=1, hits=1), pair(1, phrase="pear")])
    wrong = make_table("pairs", [pair(1, truth=1), pair(1, phrase="pear", predicted=1)])
    assert evaluate("il-mcc", right) == pytest.approx(1, abs=1e-5) and evaluate("il-mcc", wrong) == pytest.approx(
        -1, abs=1e-5
    )
    assert evaluate("cgf1", right) == pytest.approx(100, abs=0.03)


@pytest.fixture(scope="module")
def worlds():
    found = []
    for seed in range(3):
        film = match_shard(*random_sequences(seed), 0.5, constant_flow)[2]
        found.append(pd.concat([match_shard(*random_tagged_shard(seed), 0.5)[2], film], ignore_index=True))
    return found


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_keeps_to_the_protocol_and_its_range(metric, worlds):
    module = load_metric(metric)
    low, high = module.RANGE
    assert low < high and module.UNIT and isinstance(module.BY_PHRASE, bool) and isinstance(module.BY_INSTANCE, bool)
    assert importlib.import_module(f"samgap.metrics.{METRIC_REGISTRY[metric][0]}").__doc__.count("\n") > 3
    for pairs in worlds:
        assert module.not_evaluable_reason(pairs) is None
        rests = module.row_mask(pairs)
        assert rests.dtype == bool and rests.shape == (len(pairs),) and rests.any()
        if isinstance(module, RankingMetric):
            values = module.sampler(pairs[rests], np.zeros(rests.sum(), int))
            several = values(np.array([[1.0], [2.0]]))
        else:
            terms = module.sufficient_statistics(pairs[rests])
            assert all(term.dtype == np.float64 and len(term) == rests.sum() for term in terms.values())
            whole = {name: term.sum(axis=0, keepdims=True) for name, term in terms.items()}
            several = module.compute({name: np.concatenate([term, 2 * term]) for name, term in whole.items()})
        assert several.shape == (2,) and low <= several[0] <= high
        assert several[0] == pytest.approx(evaluate(metric, pairs), abs=1e-12)


@pytest.mark.parametrize(
    "metric", ["map", "map-medium", "box-map-coco", "prompt-sensitivity-sd", "prompt-sensitivity-worst"]
)
def test_weights_are_repeated_images(metric, worlds):
    module, random = load_metric(metric), np.random.default_rng(3)
    pairs = worlds[0][module.row_mask(worlds[0])]
    codes, images = pd.factorize(pairs["image_id"])
    weights = random.integers(0, 3, (5, len(images))).astype(float)
    for value, row in zip(module.sampler(pairs, codes)(weights), weights, strict=True):
        drawn = np.repeat(np.arange(len(images)), row.astype(int))
        rows = [pairs[codes == number].assign(image_id=place) for place, number in enumerate(drawn)]
        assert value == pytest.approx(evaluate(metric, pd.concat(rows)), abs=1e-12)


@pytest.mark.parametrize("metric", APPLICABLE)
def test_what_a_metric_counts_does_not_hang_on_the_predictions(metric):
    module, silent = load_metric(metric), PAIRS.assign(n_predicted=0, tp=[[0] * 10] * len(PAIRS), sum_iou=0.0)
    assert module.row_mask(PAIRS).tolist() == module.row_mask(silent).tolist()
    assert module.not_evaluable_reason(silent) is None


@pytest.mark.parametrize("metric", [metric for metric in METRICS if metric not in ("prompts-per-image", "leakage")])
def test_prompts_without_a_known_answer_change_nothing(metric):
    if metric in APPLICABLE:
        known = evaluate(metric, PAIRS[PAIRS["evaluable"]])
        assert evaluate(metric, PAIRS) == pytest.approx(known, abs=0, nan_ok=True)
    unknown = load_metric(metric).not_evaluable_reason(PAIRS[~PAIRS["evaluable"]])
    assert unknown == "not evaluable: the labels do not say what a right answer is"


@pytest.mark.parametrize("metric", METRICS)
def test_spatial_prompts_have_no_concept(metric):
    reason, file = load_metric(metric).not_evaluable_reason(BOXES), METRIC_REGISTRY[metric][0]
    if file in ("noc", "iou_after_clicks") or metric.startswith("upstream-clicks"):
        assert reason == "not evaluable: no prompt was corrected by clicks"
    elif file in TEMPORAL or metric == "upstream-temporal-consistency":
        assert reason == "not evaluable: the images are no frames of a sequence"
    elif file == "upstream":
        geometric = metric.split("-")[1] in UPSTREAM_SPATIAL
        assert reason == (None if geometric else "not evaluable: spatial prompts name no concept")
    else:
        assert reason == (None if file in SPATIAL else "not evaluable: spatial prompts name no concept")


@pytest.mark.parametrize(
    ("metric", "kept", "reason"),
    [
        ("iou", "pear", "no labelled instance is asked for"),
        ("recall", "pear", "no labelled instance is asked for"),
        ("concept-recall", "pear", "no labelled instance is asked for"),
        ("pmf1", "pear", "no labelled instance is asked for"),
        ("il-mcc", "pear", "no labelled instance is asked for"),
        ("il-mcc", "apple", "no phrase is asked whose referent is absent from the image"),
        ("cgf1", "apple", "no phrase is asked whose referent is absent from the image"),
    ],
)
def test_reasons(metric, kept, reason):
    pairs = PAIRS[PAIRS["phrase"] == kept]
    assert load_metric(metric).not_evaluable_reason(pairs) == f"not evaluable: {reason}"
    assert math.isnan(evaluate(metric, pairs))


@pytest.mark.parametrize("metric", METRICS)
def test_boxes_alone_cannot_judge_masks(metric):
    boxes = PAIRS.assign(boxes_only=PAIRS["n_truth"] > 0)
    without = {
        "box",
        "box_map",
        "il_mcc",
        "presence_accuracy",
        "false_alarms",
        "count_error",
        "prompts_per_image",
        "leakage",
    }
    if metric in APPLICABLE and metric != "grounding-error-box":
        reason = load_metric(metric).not_evaluable_reason(boxes)
        assert reason == (
            None if METRIC_REGISTRY[metric][0] in without else "not evaluable: the ground truth has boxes only"
        )


@pytest.mark.parametrize("metric", METRICS)
def test_no_pairs_at_all_have_a_reason(metric):
    assert load_metric(metric).not_evaluable_reason(PAIRS.iloc[:0]).startswith("not evaluable: ")


def test_precision_recall_and_f1_rest_on_the_same_prompts():
    rests = [load_metric(metric).row_mask(PAIRS).tolist() for metric in ("precision", "recall", "f1-50")]
    assert rests == [PAIRS["evaluable"].tolist()] * 3


def test_nothing_predicted_has_no_precision_but_a_recall_of_0():
    silent = make_table("pairs", [pair(1, truth=2), pair(1, phrase="pear")])
    assert math.isnan(evaluate("precision", silent))
    assert evaluate("recall", silent) == evaluate("f1-50", silent) == evaluate("pmf1", silent) == 0


def test_a_false_mask_for_an_absent_phrase_costs_precision_and_presence_but_not_pmf1():
    quiet = PAIRS.assign(n_predicted=PAIRS["n_predicted"].where(PAIRS["phrase"] != "pear", 0))
    for metric in ("precision", "f1-50", "il-mcc", "cgf1"):
        assert evaluate(metric, PAIRS) < evaluate(metric, quiet)
    for metric in ("pmf1", "recall", "concept-recall", "iou"):
        assert evaluate(metric, PAIRS) == evaluate(metric, quiet)


@pytest.mark.parametrize("metric", ["map-of-the-world", "-pairs", "_pairs"])
def test_an_unknown_metric_is_told_in_one_line(metric):
    with pytest.raises(UserError, match="has no file src/samgap/metrics/.*; correct the id or add the file"):
        load_metric(metric)
