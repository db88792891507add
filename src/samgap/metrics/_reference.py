"""docs/reference/metrics.md from the metrics' own docstrings.

PYTHONPATH=src python -m samgap.metrics._reference > docs/reference/metrics.md
"""

import importlib
import inspect

from samgap.metrics import METRIC_REGISTRY, load_metric

PAGE_HEADER = """# Metrics

Made from the docstrings in `src/samgap/metrics/`; `tests/unit/metrics/test_reference.py`
says how. An id stands in `experiments.<id>.metrics` of the configuration.
*By phrase*, *by instance*: the strata that a metric has beside the whole data set and its images' own. A metric that a
data set cannot support has a row that says why.

Every value is computed from the tables that the stage `metrics` writes (their columns: `src/samgap/tables.py`), never
from masks again.
"""


def render_reference() -> str:
    files: dict[str, list[str]] = {}
    for metric, (file, _) in METRIC_REGISTRY.items():
        files.setdefault(file, []).append(metric)
    parts = [
        PAGE_HEADER,
        "| file | ids |\n|---|---|\n" + "\n".join(_index_row(file, ids) for file, ids in files.items()) + "\n",
    ]
    parts += [_metric_section(file, ids) for file, ids in files.items()]
    return "\n".join(parts)


def _index_row(file: str, metric_ids: list[str]) -> str:
    return f"| [{file}](#{file.replace('_', '-')}) | {', '.join(f'`{each}`' for each in metric_ids)} |"


def _metric_section(file: str, metric_ids: list[str]) -> str:
    rows = []
    for metric in metric_ids:
        found = load_metric(metric)
        low, high = (f"{limit:g}".replace("inf", "∞").replace("-", "−") for limit in found.RANGE)
        strata = [word for word, has in (("by phrase", found.BY_PHRASE), ("by instance", found.BY_INSTANCE)) if has]
        rows.append(f"| `{metric}` | {found.UNIT} | {low} to {high} | {', '.join(strata) or '–'} |")
    head = "| id | unit | range | strata |\n|---|---|---|---|\n"
    doc = _docstring(importlib.import_module(f"samgap.metrics.{file}"))
    return f"## {file.replace('_', '-')}\n\n{doc}\n\n{head}" + "\n".join(rows) + "\n"


def _docstring(module: object) -> str:
    return inspect.getdoc(module) or ""


if __name__ == "__main__":
    print(render_reference(), end="")
