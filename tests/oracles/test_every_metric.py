"""Every metric against a reference implementation that uses decoded masks and plain loops."""

import pytest

from samgap.metrics import METRIC_REGISTRY
from tests.helpers.reference import ReferenceShard
from tests.helpers.reference_thresholds import AllReferenceValues
from tests.helpers.sums import evaluate

# Average precision is compared with pycocotools, metrics of sequences with a reference on whole sequences.
TESTED_ELSEWHERE = {
    "test_average_precision.py": {"map", "box_map"},
    "test_oracle_iou.py": {"oracle_iou"},
    "test_sequences.py": {
        *("j_and_f", "warped_consistency", "flicker", "identity_preservation", "contour_instability"),
        "upstream-temporal-consistency",
    },
}


REFERENCES = [
    AllReferenceValues(ReferenceShard(0, n_images=5)),
    AllReferenceValues(ReferenceShard(1, n_images=5, with_extra_errors=True)),
]
# The reference has no ε (sam3: 1e-4 in pmF1, 1e-6 in IL_MCC); float32 scores at the edge of a bin.
TOLERANCES = {"pmf1": 3e-4, "cgf1": 0.03, "il-mcc": 1e-6, "calibration": 1e-6, "prompt-sensitivity": 5e-4}


@pytest.mark.parametrize("metric", sorted(REFERENCES[0].values.keys() & METRIC_REGISTRY.keys()))
def test_value_is_that_of_the_reference(metric):
    for expected in REFERENCES:
        name = "prompt-sensitivity" if metric.startswith("prompt-sensitivity") else metric.removesuffix("-chosen")
        tolerance = TOLERANCES.get(name, 1e-9)
        assert evaluate(metric, expected.shard.pairs) == pytest.approx(expected.values[metric], abs=tolerance)


def test_every_metric_has_a_reference():
    tested_elsewhere = set().union(*TESTED_ELSEWHERE.values())
    missing = {
        metric
        for metric, (file, _) in METRIC_REGISTRY.items()
        if metric not in tested_elsewhere and file not in tested_elsewhere
    } - REFERENCES[0].values.keys()
    assert missing == set()


def test_reference_values_are_not_trivial():
    """Only metrics that are constant by definition are 0 or 1 in every shard."""
    constant = {
        metric
        for metric in METRIC_REGISTRY
        if all(expected.values.get(metric, 0.5) in (0, 1) for expected in REFERENCES)
    }
    assert constant == {"upstream-attribute-accuracy", "upstream-grounding-accuracy"}
