"""Why a metric is not evaluable."""

import math

import numpy as np
import pytest

from samgap.metrics import load_metric, oracle_iou, reasons, sequences
from tests.helpers.metric_pairs import BOX_PROMPTS, EVALUABLE_IDS, METRIC_IDS, PAIRS
from tests.helpers.sums import evaluate


@pytest.mark.parametrize("metric_id", METRIC_IDS)
def test_metric_of_box_prompts_is_evaluable_or_gives_a_reason(metric_id):
    metric = load_metric(metric_id)
    reason = metric.not_evaluable_reason(BOX_PROMPTS)
    if metric_id.startswith("oracle-iou"):
        assert reason == oracle_iou.ONE_MASK
    elif metric.row_mask(BOX_PROMPTS).any():
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
        elif name in ("tp", "sweep_tp", "chosen_tp"):
            changed[name] = [[0] * len(counts) for counts in pairs[name]]
        elif name.startswith("sum_") and name not in ("sum_box_iou", "sum_box_error", "sum_leak"):
            changed[name] += 1
        elif name == "common_px":
            changed[name] = 0
    return changed


@pytest.mark.parametrize("metric_id", [name for name in EVALUABLE_IDS if not name.startswith("upstream")])
def test_only_metrics_of_masks_need_masks_in_the_ground_truth(metric_id):
    # Without one of the false positives no metric is 0 because of IL-MCC.
    n_predicted = PAIRS["n_predicted"].where(PAIRS["phrase"] != "pear", 0)
    pairs = PAIRS.assign(n_predicted=n_predicted, chosen_predicted=n_predicted)
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


def test_leakage_needs_an_image_without_lost_labels():
    lost = PAIRS.assign(lost_labels=PAIRS["kind"] == "other")
    assert load_metric("leakage").not_evaluable_reason(lost) == reasons.LOST_LABELS
