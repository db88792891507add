"""The pages of the Snakemake report: each caption, and the description of the run."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined

from samgap.paper.captions import read_caption

ROOT = Path(__file__).parents[2]
PAPER = ROOT / "src/samgap/paper"
DEMO = {"sam2-demo": {"label": "SAM2 (demo)", "demo": True}, "sam3": {"label": "SAM3"}}
PUBLISHED = {"sam3": {"label": "SAM3"}}


def render_page(template, **values):
    """Render a page as the report does, by Jinja and reStructuredText; a warning of either is an error."""
    environment = Environment(trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    text = environment.from_string((ROOT / "report" / template).read_text(encoding="utf-8")).render(
        snakemake=SimpleNamespace(**values)
    )
    return publish_parts(text, writer="html", settings_overrides={"halt_level": 2, "report_level": 2})["html_body"]


@pytest.mark.parametrize("models", [DEMO, PUBLISHED])
@pytest.mark.parametrize("module", sorted((PAPER / "figures").glob("[!_]*.py")), ids=lambda path: path.stem)
def test_figure_caption(module, models):
    entry = {"number": "Figure 2 c, d", "title": "A title", "dataset": "orchard"}
    params = SimpleNamespace(entry=entry, models=models, caption=read_caption(module))
    output = SimpleNamespace(pdf="f.pdf", svg="f.svg", rows="f.csv")
    html = render_page("figure.rst", params=params, output=output)
    assert "Figure 2 c, d" in html
    assert " ".join(read_caption(module).split()[:4]) in html
    assert ("not the published checkpoints" in html) == (models is DEMO)


@pytest.mark.parametrize("models", [DEMO, PUBLISHED])
@pytest.mark.parametrize("module", sorted((PAPER / "tables").glob("[!_]*.py")), ids=lambda path: path.stem)
def test_table_caption(module, models):
    entry = {"number": "Table 1", "title": "A title", "experiments": ["one"]}
    params = SimpleNamespace(entry=entry, models=models, caption=read_caption(module))
    html = render_page("table.rst", params=params, output=SimpleNamespace(md="t.md", tex="t.tex"))
    assert "Table 1" in html
    assert ("Demo models" in html) == (models is DEMO)


@pytest.mark.parametrize("models", [DEMO, PUBLISHED])
def test_workflow_page(models):
    experiment = {"title": "One", "models": ["a"], "datasets": ["b"], "prompts": ["box", "point"], "metrics": ["iou"]}
    config = {
        **{"run": "a-longer-name-for-a-run", "seed": 42, "models": models, "experiments": {"one": experiment}},
        "statistics": {"confidence": 0.95, "resamples": 10000},
    }
    html = render_page("workflow.rst", config=config)
    assert "a-longer-name-for-a-run" in html
    assert "95 % bootstrap intervals" in html
    assert "box, point" in html
    assert ("demo models" in html) == (models is DEMO)


def test_page_of_the_run():
    output = SimpleNamespace(page="results/try/paper/index.html")
    html = render_page("page.rst", wildcards=SimpleNamespace(run="try"), output=output)
    assert "results/try/paper/index.html" in html and "<em>try</em>" in html


def test_data_set_page():
    html = render_page(
        "dataset.rst", params=SimpleNamespace(options={"kind": "coco"}), wildcards=SimpleNamespace(dataset="mine")
    )
    assert "mine" in html and "coco" in html and "left_out" in html


@pytest.mark.parametrize(
    ("exhaustive", "text"),
    [
        ({"b": False, "c": False, "unused": False}, "the data sets b, c."),
        ({"b": True, "c": False}, "the data set c."),
        ({"b": True, "c": None}, None),
    ],
)
def test_workflow_page_names_the_data_sets_whose_labels_are_not_exhaustive(exhaustive, text):
    experiment = {"title": "One", "models": ["a"], "datasets": ["b", "c"], "prompts": ["box"], "metrics": ["iou"]}
    datasets = {name: {} if value is None else {"exhaustive": value} for name, value in exhaustive.items()}
    config = {
        **{"run": "r", "seed": 42, "models": {}, "datasets": datasets},
        **{"experiments": {"one": experiment, "two": experiment}},
        "statistics": {"confidence": 0.95, "resamples": 10000},
    }
    html = " ".join(render_page("workflow.rst", config=config).split())
    note = "† Labels are not exhaustive: background objects count as false positives."
    assert (note in html) == (text is not None)
    assert text is None or text in html
