"""The registry of metrics: lookup by id, and the fields that each metric declares."""

import importlib

import pytest

from samgap.errors import UserError
from samgap.metrics import METRIC_REGISTRY, load_metric
from samgap.metrics.base import RankedMetric, SumMetric

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
