"""The second path of the metrics: every metric has one or a reason, and it shares no code with the workflow."""

import pytest

from benchmarks.recomputation.values import NOT_RECOMPUTED, VALUES
from samgap.metrics import METRIC_REGISTRY
from tests.helpers.recomputed_run import list_demo_metrics
from tests.helpers.source_files import ROOT, list_imports

MODULES = [*sorted((ROOT / "benchmarks" / "recomputation").glob("*.py")), ROOT / "benchmarks" / "recompute.py"]


def test_every_metric_has_a_second_path_or_a_reason():
    """A new metric needs a function in `VALUES`, or the reason for having none in `NOT_RECOMPUTED`."""
    assert VALUES.keys() | NOT_RECOMPUTED.keys() == set(METRIC_REGISTRY)
    assert not VALUES.keys() & NOT_RECOMPUTED.keys()
    assert all(len(reason.split()) > 5 for reason in NOT_RECOMPUTED.values())


def test_every_metric_of_the_demo_has_a_second_path():
    metrics = {metric for names in list_demo_metrics().values() for metric in names}
    assert metrics <= VALUES.keys() and len(metrics) > 100


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_the_second_path_imports_nothing_of_the_workflow(module):
    assert len(MODULES) > 5 and not [name for name in list_imports(module) if name.split(".")[0] == "samgap"]
