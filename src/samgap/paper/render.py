"""Draw a figure or build a table by its id, and write its files."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path

from samgap.io.files import read_json
from samgap.paper import csv, grid, latex, style
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.notes import describe_left_out, describe_warnings
from samgap.paper.tables import TableOutput, TableRequest

FIGURE_FORMATS = ("pdf", "svg", "png")
TABLE_RENDERERS: Mapping[str, Callable[[grid.PaperTable], str]] = {
    "md": grid.render_markdown,
    "tex": latex.render_latex,
    "html": grid.render_html,
}
DEMO_REMARK = "Models marked demo are small models trained in this repository, not the published checkpoints."


def load_figure(figure_id: str) -> Callable[[FigureRequest], FigureOutput]:
    """Return the function `draw_figure` of a figure's module."""
    draw: Callable[[FigureRequest], FigureOutput] = importlib.import_module(
        f"samgap.paper.figures.{figure_id.replace('-', '_')}"
    ).draw_figure
    return draw


def load_table(table_id: str) -> Callable[[TableRequest], TableOutput]:
    """Return the function `build_table` of a table's module."""
    build: Callable[[TableRequest], TableOutput] = importlib.import_module(
        f"samgap.paper.tables.{table_id.replace('-', '_')}"
    ).build_table
    return build


def render_figure(request: FigureRequest, paths: Mapping[str, str | Path]) -> None:
    """Draw the figure `request.figure_id` and write its files.

    Args:
        request: Data and configuration of the figure.
        paths: Output file by format: `pdf`, `svg`, `png`, and `rows` for the CSV file.
    """
    with style.figure_style():
        output = load_figure(request.figure_id)(request)
        demo = style.has_demo_model(request.models, output.model_ids)
        style.save_figure(output.figure, [paths[file_format] for file_format in FIGURE_FORMATS], stamp_demo=demo)
    csv.write_csv(paths["rows"], output.rows)


def describe_datasets(request: TableRequest, output: TableOutput) -> list[str]:
    """Return remarks on the annotations that could not be used and on the warnings of each data set in the rows.

    Args:
        request: Its input `datasets` lists the cards (`dataset.json`); without it there is no remark.
        output: Its rows have the column `dataset`; of other tables, which data sets they rest on is unknown, and those
            of all cards are described.
    """
    cards = [read_json(path) for path in request.inputs.get("datasets", [])]
    if "dataset" in output.rows:
        names = set(output.rows["dataset"])
        cards = [card for card in cards if card["dataset"] in names]
    return [
        remark for card in cards for describe in (describe_left_out, describe_warnings) if (remark := describe(card))
    ]


def render_table(request: TableRequest, paths: Mapping[str, str | Path]) -> None:
    """Build the table `request.table_id` and write its files.

    Args:
        request: Data and configuration of the table.
        paths: Output file by format: `csv`, `md`, `tex`, `html`.
    """
    output = load_table(request.table_id)(request)
    remarks = [*output.remarks, *([DEMO_REMARK] if style.has_demo_model(request.models, output.model_ids) else [])]
    remarks += describe_datasets(request, output)
    title = f"{request.entry['title']} ({request.entry['number']})"
    table = grid.PaperTable(request.table_id, title, output.blocks, output.footnotes, remarks)
    csv.write_csv(paths["csv"], output.rows)
    for file_format, render in TABLE_RENDERERS.items():
        csv.write_text(paths[file_format], render(table))
