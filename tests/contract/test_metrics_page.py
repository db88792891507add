"""docs/reference/metrics.md is up to date; docs/reference/make_metrics.py makes it."""

import runpy
from pathlib import Path

import pytest

from samgap.metrics import METRIC_REGISTRY, load_metric

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
PAGE = (FOLDER / "metrics.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page():
    return runpy.run_path(str(FOLDER / "make_metrics.py"))["render_reference"]()


def test_page_is_up_to_date(page):
    command = "PYTHONPATH=src python docs/reference/make_metrics.py > docs/reference/metrics.md"
    assert page == PAGE, f"run {command}"


@pytest.mark.parametrize("metric_id", METRIC_REGISTRY)
def test_every_metric_has_a_row(metric_id):
    assert f"\n| `{metric_id}` | {load_metric(metric_id).label} | " in PAGE


def test_every_section_has_a_description_and_a_source(page):
    for section in page.split("\n## ")[1:]:
        assert "\nSource: " in section and len(section.split("\nSource: ")[0].splitlines()) > 3, section[:40]
