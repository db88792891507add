"""Draw a figure or make a table by its id, and write its files."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType

from samgap.paper import csv, grid, style
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.tables import TableOutput, TableRequest

FIGURE_FORMATS = ("pdf", "svg", "png")
TABLE_RENDERERS: Mapping[str, Callable[[grid.PaperTable], str]] = {
    "md": grid.render_markdown,
    "tex": grid.render_latex,
    "html": grid.render_html,
}
DEMO_REMARK = "Models marked demo are small ones trained by this repository: not the published checkpoints."


def render_figure(request: FigureRequest, paths: Mapping[str, str | Path]) -> None:
    """Draw the figure `request.figure_id` and write its files.

    Args:
        request: Data and configuration of the figure.
        paths: Output file by form: `pdf`, `svg`, `png`, and `rows` for the CSV file.
    """
    with style.figure_style():
        output: FigureOutput = _load("figures", request.figure_id).draw_figure(request)
        demo = style.has_demo_model(request.models, output.model_ids)
        style.save_figure(output.figure, [paths[form] for form in FIGURE_FORMATS], stamp_demo=demo)
    csv.write_csv(paths["rows"], output.rows)


def render_table(request: TableRequest, paths: Mapping[str, str | Path]) -> None:
    """Make the table `request.table_id` and write its files.

    Args:
        request: Data and configuration of the table.
        paths: Output file by form: `csv`, `md`, `tex`, `html`.
    """
    output: TableOutput = _load("tables", request.table_id).build_table(request)
    remarks = [*output.remarks, *([DEMO_REMARK] if style.has_demo_model(request.models, output.model_ids) else [])]
    title = f"{request.entry['title']} ({request.entry['number']})"
    table = grid.PaperTable(request.table_id, title, output.blocks, output.footnotes, remarks)
    csv.write_csv(paths["csv"], output.rows)
    for form, render in TABLE_RENDERERS.items():
        csv.write_text(paths[form], render(table))


def _load(package: str, id: str) -> ModuleType:
    return importlib.import_module(f"samgap.paper.{package}.{id.replace('-', '_')}")
