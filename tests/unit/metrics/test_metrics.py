"""Values of metrics computed by hand, and properties that every metric has."""

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from samgap.matching.shard import match_shard
from samgap.metrics import METRIC_REGISTRY, load_metric, reasons, sequences
from samgap.metrics.base import RankedMetric
from samgap.tables.matching import HIT_KINDS, SCORE_THRESHOLDS
from samgap.tables.matching import PAIRS as PAIRS_TABLE
from tests.helpers.scenes import constant_flow, random_sequences, random_tagged_shard
from tests.helpers.sums import evaluate, make_table

METRIC_IDS = list(METRIC_REGISTRY)


def make_pair(
    image=1, kind="phrase", truth=0, predicted=0, matched=0, evaluable=True, phrase="apple", sums=(0.0, 0.0, 0.0)
):
    """Make a row of table `pairs`: `sums` are those of IoU, Dice and boundary F at 2 px."""
    ranked = {}
    if kind == "phrase" and evaluable:
        hits = [1023] * matched + [0] * (predicted - matched)
        ranked = {f"hits_{hit_kind}": hits for hit_kind in HIT_KINDS}
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
        **ranked,
        **dict(zip(("sum_iou", "sum_dice", "sum_boundary_f_2px"), sums, strict=True)),
    }


# Image 1: two of three apples matched, one false positive. Image 2: one apple missed. "pear" is absent from both images
# and has false positives in image 2. "leaf" is not annotated.
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
BOX_PROMPTS = make_table(
    "pairs", [make_pair(1, "box", truth=1, predicted=1, matched=1, phrase=None, sums=(0.9, 0.95, 1.0))]
)
EVALUABLE_IDS = [metric for metric in METRIC_IDS if load_metric(metric).not_evaluable_reason(PAIRS) is None]


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
        ("pmf1", 2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4)),  # false positives on absent phrases count in IL_MCC only
        ("il-mcc", 0.0),  # one correct and one wrong decision for present and for absent phrases
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
        # The two best scores match: recall 2 / 4 with precision 1, which is 51 of the 101 recalls.
        ("map", 51 / 101),
        ("map-50", 51 / 101),
        ("box-map-small", 51 / 101),
        ("calibration", (0.9 + 0.25 + 1.1) / 5),
        ("upstream-precision", 3 / 5),
        ("upstream-recall", 3 / 4),
        ("upstream-greedy-f1", 4 / 9),
        ("upstream-pooled-precision", 4 / 5),  # pooled over images, without an IoU threshold
        ("upstream-pooled-recall", 4 / 4),
        ("upstream-pooled-f1", 8 / 9),
        ("upstream-concept-recall", 2 / 4),
        ("upstream-attribute-accuracy", 1.0),
    ],
)
def test_value_computed_by_hand(metric, value):
    assert evaluate(metric, PAIRS) == pytest.approx(value, abs={"pmf1": 1e-4, "calibration": 1e-6}.get(metric, 1e-12))


def test_il_mcc_is_one_for_correct_and_minus_one_for_wrong_presence():
    correct = make_table("pairs", [make_pair(1, truth=1, predicted=1, matched=1), make_pair(1, phrase="pear")])
    wrong = make_table("pairs", [make_pair(1, truth=1), make_pair(1, phrase="pear", predicted=1)])
    assert evaluate("il-mcc", correct) == pytest.approx(1, abs=1e-5)
    assert evaluate("il-mcc", wrong) == pytest.approx(-1, abs=1e-5)
    assert evaluate("cgf1", correct) == pytest.approx(100, abs=0.03)


@pytest.fixture(scope="module")
def random_pairs():
    tables = []
    for seed in range(3):
        video = match_shard(*random_sequences(seed), 0.5, constant_flow)[2]
        pairs = [
            PAIRS_TABLE.add_missing_columns(each) for each in (match_shard(*random_tagged_shard(seed), 0.5)[2], video)
        ]
        arrow = [
            pa.Table.from_pandas(each[PAIRS_TABLE.columns], PAIRS_TABLE.schema, preserve_index=False) for each in pairs
        ]
        tables.append(pa.concat_tables(arrow).to_pandas())
    return tables


@pytest.mark.parametrize("metric_id", METRIC_IDS)
def test_value_is_in_range_and_does_not_change_with_the_number_of_copies(metric_id, random_pairs):
    metric = load_metric(metric_id)
    low, high = metric.value_range
    for pairs in random_pairs:
        assert metric.not_evaluable_reason(pairs) is None
        row_mask = metric.row_mask(pairs)
        assert row_mask.dtype == bool and row_mask.shape == (len(pairs),) and row_mask.any()
        if isinstance(metric, RankedMetric):
            resampler = metric.make_resampler(pairs[row_mask], np.zeros(row_mask.sum(), int), None)
            values = resampler(np.array([[1.0], [2.0]]))
        else:
            statistics = metric.sufficient_statistics(pairs[row_mask])
            assert all(rows.dtype == np.float64 and len(rows) == row_mask.sum() for rows in statistics.values())
            sums = {name: rows.sum(axis=0, keepdims=True) for name, rows in statistics.items()}
            values = metric.compute({name: np.concatenate([total, 2 * total]) for name, total in sums.items()})
        assert values.shape == (2,) and low <= values[0] <= high
        assert values[0] == pytest.approx(evaluate(metric_id, pairs), abs=1e-12)


@pytest.mark.parametrize(
    "metric_id", ["map", "map-medium", "box-map-coco", "prompt-sensitivity-sd", "prompt-sensitivity-worst"]
)
def test_weights_of_a_ranked_metric_are_numbers_of_copies(metric_id, random_pairs):
    metric, rng = load_metric(metric_id), np.random.default_rng(3)
    pairs = random_pairs[0][metric.row_mask(random_pairs[0])]
    codes, image_ids = pd.factorize(pairs["image_id"])
    weights = rng.integers(0, 3, (5, len(image_ids))).astype(float)
    values = metric.make_resampler(pairs, codes, None)(weights)
    for value, row in zip(values, weights, strict=True):
        sampled_codes = np.repeat(np.arange(len(image_ids)), row.astype(int))
        copies = [pairs[codes == code].assign(image_id=new_id) for new_id, code in enumerate(sampled_codes)]
        assert value == pytest.approx(evaluate(metric_id, pd.concat(copies)), abs=1e-12)


@pytest.mark.parametrize("metric_id", EVALUABLE_IDS)
def test_row_mask_and_reason_do_not_depend_on_predictions(metric_id):
    metric, no_predictions = (
        load_metric(metric_id),
        PAIRS.assign(n_predicted=0, tp=[[0] * 10] * len(PAIRS), sum_iou=0.0),
    )
    assert metric.row_mask(PAIRS).tolist() == metric.row_mask(no_predictions).tolist()
    assert metric.not_evaluable_reason(no_predictions) is None


@pytest.mark.parametrize("metric_id", [name for name in METRIC_IDS if name not in ("prompts-per-image", "leakage")])
def test_prompts_that_are_not_evaluable_do_not_count(metric_id):
    if metric_id in EVALUABLE_IDS:
        value = evaluate(metric_id, PAIRS[PAIRS["evaluable"]])
        assert evaluate(metric_id, PAIRS) == pytest.approx(value, abs=0, nan_ok=True)
    assert load_metric(metric_id).not_evaluable_reason(PAIRS[~PAIRS["evaluable"]]) == reasons.NO_GROUND_TRUTH


@pytest.mark.parametrize("metric_id", METRIC_IDS)
def test_metric_of_box_prompts_is_evaluable_or_gives_a_reason(metric_id):
    metric = load_metric(metric_id)
    reason = metric.not_evaluable_reason(BOX_PROMPTS)
    if metric.row_mask(BOX_PROMPTS).any():
        assert reason is None
    else:
        assert reason in (reasons.NO_PHRASE, reasons.NO_CLICK, sequences.NO_SEQUENCE)


@pytest.mark.parametrize(
    ("metric_id", "reason"),
    [
        *((metric_id, None) for metric_id in ("iou", "answered-dice", "success-75", "f1-iou-75", "upstream-pooled-f1")),
        *((metric_id, reasons.NO_PHRASE) for metric_id in ("pmf1", "map", "f1-score-50", "leakage", "count-error")),
        *((metric_id, reasons.NO_PHRASE) for metric_id in ("grounding-error-box", "coverage", "upstream-greedy-f1")),
        *((metric_id, reasons.NO_CLICK) for metric_id in ("noc-80", "iou-after-clicks-3", "upstream-clicks-90")),
        *((metric_id, sequences.NO_SEQUENCE) for metric_id in ("j-and-f", "flicker", "upstream-temporal-consistency")),
    ],
)
def test_reason_for_box_prompts(metric_id, reason):
    assert load_metric(metric_id).not_evaluable_reason(BOX_PROMPTS) == reason


@pytest.mark.parametrize(
    ("metric_id", "phrase", "reason"),
    [
        ("iou", "pear", reasons.NO_INSTANCE),
        ("recall", "pear", reasons.NO_INSTANCE),
        ("concept-recall", "pear", reasons.NO_INSTANCE),
        ("pmf1", "pear", reasons.NO_INSTANCE),
        ("il-mcc", "pear", reasons.NO_INSTANCE),
        ("il-mcc", "apple", reasons.NO_NEGATIVE),
        ("cgf1", "apple", reasons.NO_NEGATIVE),
    ],
)
def test_reason_for_present_or_absent_phrases_alone(metric_id, phrase, reason):
    pairs = PAIRS[PAIRS["phrase"] == phrase]
    assert load_metric(metric_id).not_evaluable_reason(pairs) == reason
    assert math.isnan(evaluate(metric_id, pairs))


def change_mask_columns(pairs):
    """Change every column that is computed from masks of annotated instances."""
    changed = pairs.copy()
    for name in pairs.columns:
        if name.startswith("hits_mask"):
            changed[name] = [None if hits is None else np.zeros_like(hits) for hits in pairs[name]]
        elif name in ("tp", "sweep_tp"):
            changed[name] = [[0] * len(counts) for counts in pairs[name]]
        elif name.startswith("sum_") and name not in ("sum_box_iou", "sum_box_error", "sum_leak"):
            changed[name] += 1
        elif name == "common_px":
            changed[name] = 0
    return changed


@pytest.mark.parametrize("metric_id", [name for name in EVALUABLE_IDS if not name.startswith("upstream")])
def test_only_metrics_of_masks_need_masks_in_the_ground_truth(metric_id):
    # Without one of the false positives no metric is 0 because of IL-MCC.
    pairs = PAIRS.assign(n_predicted=PAIRS["n_predicted"].where(PAIRS["phrase"] != "pear", 0))
    values = evaluate(metric_id, pairs), evaluate(metric_id, change_mask_columns(pairs))
    depends_on_masks = values[0] != values[1] and not (math.isnan(values[0]) and math.isnan(values[1]))
    reason = load_metric(metric_id).not_evaluable_reason(pairs.assign(boxes_only=pairs["n_truth"] > 0))
    assert reason == (reasons.NO_MASK if depends_on_masks else None)


@pytest.mark.parametrize("metric_id", [name for name in EVALUABLE_IDS if name.startswith("upstream")])
def test_the_papers_metrics_need_masks_in_the_ground_truth(metric_id):
    boxes = PAIRS.assign(boxes_only=PAIRS["n_truth"] > 0)
    assert load_metric(metric_id).not_evaluable_reason(boxes) == reasons.NO_MASK


@pytest.mark.parametrize("metric_id", METRIC_IDS)
def test_empty_table_has_a_reason(metric_id):
    assert load_metric(metric_id).not_evaluable_reason(PAIRS.iloc[:0]).startswith("not evaluable: ")


def test_precision_recall_and_f1_count_the_same_prompts():
    for metric_id in ("precision", "recall", "f1-50"):
        assert load_metric(metric_id).row_mask(PAIRS).tolist() == PAIRS["evaluable"].tolist()


def test_without_predictions_precision_is_undefined_and_recall_is_zero():
    no_predictions = make_table("pairs", [make_pair(1, truth=2), make_pair(1, phrase="pear")])
    assert math.isnan(evaluate("precision", no_predictions))
    assert [evaluate(metric_id, no_predictions) for metric_id in ("recall", "f1-50", "pmf1")] == [0, 0, 0]


def test_false_positive_on_an_absent_phrase_lowers_precision_and_presence_but_not_pmf1():
    without_false_positive = PAIRS.assign(n_predicted=PAIRS["n_predicted"].where(PAIRS["phrase"] != "pear", 0))
    for metric_id in ("precision", "f1-50", "il-mcc", "cgf1"):
        assert evaluate(metric_id, PAIRS) < evaluate(metric_id, without_false_positive)
    for metric_id in ("pmf1", "recall", "concept-recall", "iou"):
        assert evaluate(metric_id, PAIRS) == evaluate(metric_id, without_false_positive)


def test_leakage_needs_an_image_without_lost_labels():
    lost = PAIRS.assign(lost_labels=PAIRS["kind"] == "other")
    assert load_metric("leakage").not_evaluable_reason(lost) == reasons.LOST_LABELS
