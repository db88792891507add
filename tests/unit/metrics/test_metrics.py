"""Metrics by their ids: the fields of each, and values computed by hand."""

import importlib
import math

import pytest

from samgap.errors import UserError
from samgap.metrics import METRIC_REGISTRY, load_metric
from samgap.metrics.base import RankedMetric, SumMetric
from tests.helpers.metric_pairs import PAIRS, make_pair
from tests.helpers.sums import evaluate, make_table


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


FILES = sorted({file for file, _ in METRIC_REGISTRY.values()})


def import_file(file):
    return importlib.import_module(f"samgap.metrics.{file}")


@pytest.mark.parametrize("file", FILES)
def test_literal_variants_are_the_keys_of_metrics(file):
    module = import_file(file)
    assert set(module.METRICS) == set(getattr(module, "VARIANTS", ("",)))


@pytest.mark.parametrize("metric_id", METRIC_REGISTRY)
def test_every_metric_declares_its_fields(metric_id):
    metric = load_metric(metric_id)
    low, high = metric.value_range
    assert isinstance(metric, SumMetric | RankedMetric) and metric.id == metric_id
    assert metric.label and metric.source and metric.unit and low < high and metric.decimals in range(4)
    # A metric for which 0 is best has values on both sides of 0.
    assert metric.higher_is_better in (True, False) or (metric.higher_is_better is None and low < 0 < high)


def test_labels_are_unique():
    labels = [load_metric(metric_id).label for metric_id in METRIC_REGISTRY]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize(
    ("metric_id", "label", "higher_is_better", "decimals"),
    [
        ("boundary-iou", "Boundary IoU", True, 3),
        ("hausdorff-95", "HD95 (px)", False, 1),
        ("map-50", "mAP@50", True, 3),
        ("cgf1", "cgF1 (0–100)", True, 1),
        ("count-error-bias", "Count bias (instances)", None, 2),
        ("open-vocabulary-f1-gap", "F1@50 gap, seen − unseen", None, 3),
        ("flicker", "Flicker rate", False, 3),
        ("contour-instability", "Contour instability (T)", False, 3),
        ("answered-boundary-f-relative", "Boundary F (5 % of diameter), matched", True, 3),
        ("noc-90", "NoC@90", False, 2),
        ("f1-score-50", "F1@50, score ≥ 0.50", True, 3),
        ("upstream-clicks-85", "Clicks to mean IoU 85 (paper code)", False, 0),
    ],
)
def test_label_direction_and_decimals(metric_id, label, higher_is_better, decimals):
    metric = load_metric(metric_id)
    assert (metric.label, metric.higher_is_better, metric.decimals) == (label, higher_is_better, decimals)


@pytest.mark.parametrize("metric_id", ["map-of-the-world", "-columns", "columns", "base"])
def test_unknown_metric_is_a_one_line_error(metric_id):
    with pytest.raises(UserError, match=r"has no file src/samgap/metrics/.*; correct the id or add the file") as error:
        load_metric(metric_id)
    assert "\n" not in str(error.value)
