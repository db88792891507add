"""Metrics: one file each, loaded by the id that `experiments.<id>.metrics` of the configuration lists.

A metric is computed from the table `pairs` of the stage `matching`, never from masks. Its file defines `METRICS`, a
dictionary from variant to `SumMetric` or `RankedMetric`: `METRICS[""]` in `iou.py` has the id `iou`, `METRICS["1px"]`
in `boundary_f.py` has the id `boundary-f-1px`. A file with other variants than "" also defines the literal tuple
`VARIANTS`, because the configuration is checked without importing the file. The docstring gives the formula and the
edge cases; docs/reference/make_metrics.py makes docs/reference/metrics.md of both. Modules without `METRICS` are
helpers.
"""

import functools
import importlib
from dataclasses import replace
from pathlib import Path

from samgap.config.module_literals import list_metrics, to_module_name
from samgap.errors import UserError
from samgap.metrics.base import RankedMetric, SumMetric

METRIC_REGISTRY = list_metrics(Path(__file__).parent)
"""Metric id -> (module name, variant), sorted by id."""


@functools.cache
def load_metric(metric_id: str) -> SumMetric | RankedMetric:
    """Import the metric with a kebab-case id.

    Raises:
        UserError: no file of this package defines the id.
    """
    if metric_id not in METRIC_REGISTRY:
        file = f"src/samgap/metrics/{to_module_name(metric_id)}.py"
        raise UserError(f"metric `{metric_id}` has no file {file}; correct the id or add the file")
    name, variant = METRIC_REGISTRY[metric_id]
    metrics: dict[str, SumMetric | RankedMetric] = importlib.import_module(f"{__name__}.{name}").METRICS
    return replace(metrics[variant], id=metric_id)
