"""docs/reference/metrics.md is what the docstrings say; `python -m samgap.metrics._reference` makes it."""

from pathlib import Path

import pytest

from samgap.metrics import METRIC_REGISTRY
from samgap.metrics._reference import render_reference

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == render_reference(), (
        "make it again: PYTHONPATH=src python -m samgap.metrics._reference > docs/reference/metrics.md"
    )


@pytest.mark.parametrize("metric", METRIC_REGISTRY)
def test_every_metric_has_its_row(metric):
    assert f"\n| `{metric}` | " in PAGE.read_text()


def test_every_docstring_has_source_and_range():
    for part in render_reference().split("\n## ")[1:-1]:
        assert "Source:" in part and "Range " in part, part.splitlines()[0]
