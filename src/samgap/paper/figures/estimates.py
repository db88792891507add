"""Every estimate over a whole data set with its confidence interval (bootstrap over images), a panel for each
metric of a data set and a line for each model and prompt set that reports it.

For box prompts, two baselines without a network are drawn in grey next to each model: the filled box, and the ellipse
inscribed in the box. The difference between a model and these baselines is its gain over the prompt alone. Below each
name are the number of images that carry the estimates and the number of prompted instances. A letter refers to a
warning at the bottom, such as the reason for a missing interval. A note gives the reason for a missing value; metrics
without any value are listed at the bottom instead. A dagger (†) marks
values for which the labels are not exhaustive: background objects count as false positives. "left out" is the number of
predictions that are far from every labelled instance and do not count. The CSV file holds the rows drawn.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import AutoMinorLocator, MaxNLocator

from samgap.paper import csv, labels, notes, style
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.layout import text_width, wrap_text
from samgap.tables.statistics import ESTIMATES

# Sizes in inches.
MAX_LABEL_WIDTH, RIGHT_MARGIN, TITLE_HEIGHT, LINE_HEIGHT, AXIS_HEIGHT, PANEL_GAP = 2.4, 0.1, 0.3, 0.3, 0.26, 0.14
BASE_SCALE = 7 / style.MIN_FONT_SIZE_PT
"""Size of names and titles relative to the smallest text."""
NOTE_LINE_HEIGHT, MIN_LINE_HEIGHT = 0.11, 0.24
MAX_COLUMNS = 5
MARKERS = {"sam2": "o", "sam3": "s", "shape": "D"}
CELL = ["dataset", "model", "prompts"]


class Cell(NamedTuple):
    """A line of the figure."""

    dataset: str
    model: str
    prompts: str


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw the estimates of the experiments and metrics that the entry names."""
    rows = select_rows(ESTIMATES.read(request.inputs["estimates"]), request.entry)
    figure = draw_panels(rows, request.entry["metrics"], request.models)
    return FigureOutput(figure, rows, list(rows["model"]))


def select_rows(estimates: pd.DataFrame, entry: Mapping[str, Any]) -> pd.DataFrame:
    """Return the estimates over whole data sets of the entry's experiments and metrics, each cell once."""
    rows = csv.select_experiments(estimates, entry["experiments"])
    rows = rows[(rows["stratum"] == "all") & rows["metric"].isin(entry["metrics"])]
    return rows.drop_duplicates([*CELL, "metric"]).reset_index(drop=True)


def list_cells(rows: pd.DataFrame) -> list[Cell]:
    """Return the cells from top to bottom: in order of appearance, those of one data set and prompt set together."""
    cells = [Cell(*values) for values in rows[CELL].drop_duplicates().itertuples(index=False)]
    groups = list(dict.fromkeys((cell.dataset, cell.prompts) for cell in cells))
    return sorted(cells, key=lambda cell: groups.index((cell.dataset, cell.prompts)))


def axis_limits(metric: str, rows: pd.DataFrame) -> tuple[float, float]:
    """Return the limits of a metric's axis: 0 to 1 (cgF1: 0 to 100), wider only if a value or interval needs it."""
    values = rows[["value", "ci_low", "ci_high"]].to_numpy(float)
    values = values[np.isfinite(values)]
    top = 100.0 if metric == "cgf1" else 1.0
    low, high = (values.min(), values.max()) if values.size else (0.0, top)
    return min(0.0, low * 1.1), (top if high <= top else high * 1.1)


def list_panel_lines(rows: pd.DataFrame, metrics: Sequence[str]) -> list[tuple[list[str], list[Cell]]]:
    """Return the lines of panels: the metrics side by side, and the cells of one data set that report them.

    Metrics that the same cells report share their lines, so no panel has a place for a cell that does not report it. A
    metric without a value in any cell of a data set has no panel there.
    """
    blocks: dict[tuple[Cell, ...], list[str]] = {}
    for dataset in rows["dataset"].unique():
        for metric in metrics:
            metric_rows = rows[(rows["metric"] == metric) & (rows["dataset"] == dataset)]
            if metric_rows["value"].notna().any():
                blocks.setdefault(tuple(list_cells(metric_rows)), []).append(metric)
    lines = []
    for cells, block in blocks.items():
        n_lines = -(-len(block) // MAX_COLUMNS)
        for number in range(n_lines):  # evenly spread over the lines
            start, end = (len(block) * step // n_lines for step in (number, number + 1))
            lines.append((block[start:end], list(cells)))
    return lines


def draw_panels(rows: pd.DataFrame, metrics: Sequence[str], models: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Draw a panel for each of `metrics` that has a value; without any, a figure with a text that says so."""
    metrics = [metric for metric in metrics if (rows["metric"] == metric).any()]
    lines = list_panel_lines(rows, metrics)
    footnotes = notes.Footnotes()
    for warning in rows.loc[rows["value"].notna() & rows["warning"].notna(), "warning"]:
        footnotes.add(warning)
    note_lines = [*_wrap_footnotes(footnotes), *_describe_missing(rows, metrics, models)]
    notes_height = len(note_lines) * NOTE_LINE_HEIGHT + style.STAMP_MARGIN_IN
    cell_height = fit_cell_height([len(cells) for _, cells in lines], notes_height)
    heights = [TITLE_HEIGHT + len(cells) * cell_height + AXIS_HEIGHT for _, cells in lines]
    size = style.FIGURE_WIDTH_IN, sum(heights) + notes_height + (0 if lines else 0.4)
    figure = Figure(figsize=size)
    if not lines:
        text = "not evaluable: no estimate of these experiments and metrics"
        figure.text(0.5, 1 - 0.2 / size[1], text, ha="center", va="center")
    n_columns = max((len(line) for line, _ in lines), default=1)
    label_width = _measure_labels(lines, rows, models)
    width = (style.FIGURE_WIDTH_IN - label_width - RIGHT_MARGIN - (n_columns - 1) * PANEL_GAP) / n_columns
    top = size[1]
    for (line_metrics, cells), line_height in zip(lines, heights, strict=True):
        bottom, height = top - line_height + AXIS_HEIGHT, len(cells) * cell_height
        top -= line_height
        for column, metric in enumerate(line_metrics):
            left = label_width + column * (width + PANEL_GAP)
            axes = figure.add_axes((left / size[0], bottom / size[1], width / size[0], height / size[1]))
            _draw_panel(axes, metric, rows[rows["metric"] == metric], cells, models, width, footnotes)
            if column == 0:
                _draw_labels(axes, cells, rows[rows["metric"].isin(line_metrics)], models)
                figure.text(
                    style.MARGIN_IN / size[0], (bottom + height + 0.05) / size[1], cells[0].dataset, va="bottom",
                    fontsize=style.MIN_FONT_SIZE_PT, fontweight="bold",
                )  # fmt: skip
    if note_lines:
        figure.text(
            style.MARGIN_IN / size[0], style.STAMP_MARGIN_IN / size[1], "\n".join(note_lines), va="bottom",
            fontsize=style.MIN_FONT_SIZE_PT, gid="warnings",
        )  # fmt: skip
    if labels.lacks_labels_mark(*rows["lacks_labels"]):
        figure.text(
            style.MARGIN_IN / size[0], style.MARGIN_IN / size[1], labels.LACKS_LABELS_NOTE, va="bottom",
            fontsize=style.MIN_FONT_SIZE_PT, gid="lacks-labels",
        )  # fmt: skip
    return figure


def fit_cell_height(n_cells: Sequence[int], notes_height: float) -> float:
    """Return the height of a cell, inches: lower than usual, but not below MIN_LINE_HEIGHT, if a page needs that.

    Args:
        n_cells: Number of cells of each line of panels.
        notes_height: Height of everything below the panels, inches.
    """
    free = style.MAX_FIGURE_HEIGHT_IN - notes_height - len(n_cells) * (TITLE_HEIGHT + AXIS_HEIGHT)
    return min(LINE_HEIGHT, max(free / max(sum(n_cells), 1), MIN_LINE_HEIGHT))


def _measure_labels(
    lines: Sequence[tuple[list[str], list[Cell]]], rows: pd.DataFrame, models: Mapping[str, Mapping[str, Any]]
) -> float:
    """Return the width of the labels at the left with their margins, inches."""
    widths = [0.0]
    for metrics, cells in lines:
        for cell in cells:
            counts = _format_counts(_select_cell(rows[rows["metric"].isin(metrics)], cell))
            widths += [
                1.05 * BASE_SCALE * text_width(name_cell(cell, models)),
                1.05 * text_width(counts),
            ]  # with hinting
    return min(max(widths) + style.MARGIN_IN + 0.1, MAX_LABEL_WIDTH)


def _describe_missing(rows: pd.DataFrame, metrics: Sequence[str], models: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the lines that say of which metrics no cell has a value, and why."""
    lines = []
    for metric in metrics:
        metric_rows = rows[rows["metric"] == metric]
        if metric_rows["value"].notna().any():
            continue
        names: dict[str, list[str]] = {}
        for cell in list_cells(metric_rows):
            note = notes.format_note(_select_cell(metric_rows, cell).iloc[0]["note"])
            names.setdefault(note, []).append(name_cell(cell, models))
        reasons = "; ".join(f"{', '.join(cells)}: {note}" for note, cells in names.items())
        text = f"{labels.metric_label(metric)} has no value: {reasons}"
        lines += wrap_text(text, style.FIGURE_WIDTH_IN - 2 * RIGHT_MARGIN, 9)
    return lines


def name_cell(cell: Cell, models: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the name of a cell without its data set: the model's label and the id of the prompt set."""
    return f"{labels.model_label(models, cell.model)} · {cell.prompts}"


def _draw_panel(
    axes: Axes,
    metric: str,
    rows: pd.DataFrame,
    cells: Sequence[Cell],
    models: Mapping[str, Mapping[str, Any]],
    width: float,
    footnotes: notes.Footnotes,
) -> None:
    """Draw one metric, `width` inches wide: for each cell an estimate, or the reason for its absence."""
    axes.set_title(
        "\n".join(wrap_text(labels.metric_heading(metric), (width + PANEL_GAP / 2) / BASE_SCALE, 2)),
        pad=4,
        linespacing=1,
    )
    axes.set_xlim(*axis_limits(metric, rows))
    axes.set_ylim(len(cells) - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(2))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(AutoMinorLocator(2))
    axes.grid(axis="x", which="both", color="0.88", lw=0.5)
    axes.set_axisbelow(True)
    for y in range(1, len(cells)):
        axes.axhline(y - 0.5, color="0.92" if cells[y].prompts == cells[y - 1].prompts else "0.6", lw=0.5)
    middle = sum(axes.get_xlim()) / 2
    for y, cell in enumerate(cells):
        cell_rows = _select_cell(rows, cell)
        if pd.isna(cell_rows.iloc[0]["value"]):
            axes.text(
                middle, y, notes.shorten_note(cell_rows.iloc[0]["note"], int(width * 17), 3), ha="center", va="center",
                fontsize=style.MIN_FONT_SIZE_PT, style="italic", linespacing=1.0,
                bbox={"fc": "white", "ec": "none", "pad": 0.5},
            )  # fmt: skip
        else:
            _draw_estimate(axes, y, cell_rows.iloc[0], models.get(cell.model, {}).get("family", ""), width, footnotes)


def _wrap_footnotes(footnotes: notes.Footnotes) -> list[str]:
    """Return the lines of all footnotes, as wide as the figure."""
    width = style.FIGURE_WIDTH_IN - 2 * RIGHT_MARGIN
    return [line for letter, text in footnotes.entries() for line in wrap_text(f"({letter}) {text}", width, 9)]


def _draw_estimate(
    axes: Axes, y: int, estimate: pd.Series, family: str, width: float, footnotes: notes.Footnotes
) -> None:
    """Draw the interval and the marker of an estimate, and above it the value with the letter of its warning."""
    colour = style.family_colour(family)
    if pd.notna(estimate["ci_low"]):
        interval = [estimate["ci_low"], estimate["ci_high"]]
        axes.plot(interval, [y, y], color=colour, lw=0.9, marker="|", ms=4.5, mew=0.9, gid="ci", clip_on=False)
    axes.plot(estimate["value"], y, MARKERS.get(family, "^"), color=colour, ms=2.6, mew=0, clip_on=False)
    number = f"{estimate['value']:.{min(labels.metric_decimals(estimate['metric']), 2)}f}"
    text = number + labels.lacks_labels_mark(estimate["lacks_labels"])
    if pd.notna(estimate["n_left_out"]):
        text += f" ({int(estimate['n_left_out']):,} left out)"
    if pd.notna(estimate["warning"]):
        text += f" ({footnotes.add(estimate['warning'])})"
    # Clipped, so that the text does not leave the panel.
    low, high = axes.get_xlim()
    half_width = 0.12 if text == number else text_width(text) / 2 + 0.02
    margin = min(half_width / width, 0.5)
    x = np.clip((estimate["value"] - low) / (high - low), margin, 1 - margin)
    axes.annotate(
        text, (x, y), (0, 3.2),
        xycoords=axes.get_yaxis_transform(), textcoords="offset points", ha="center", va="bottom",
        fontsize=style.MIN_FONT_SIZE_PT, color="0.25",
    )  # fmt: skip


def _draw_labels(
    axes: Axes, cells: Sequence[Cell], rows: pd.DataFrame, models: Mapping[str, Mapping[str, Any]]
) -> None:
    """Draw the labels at the left: each cell's name in the colour of its model family, its counts in grey below."""
    placement: dict[str, Any] = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points", "ha": "right"}
    for y, cell in enumerate(cells):
        name = name_cell(cell, models)
        counts = _format_counts(_select_cell(rows, cell))
        colour = style.family_colour(models.get(cell.model, {}).get("family", ""))
        offset, align = (0.5, "bottom") if counts else (0, "center")
        axes.annotate(name, (0, y), (-5, offset), va=align, color=colour, **placement)
        axes.annotate(
            counts, (0, y), (-5, -0.5), va="top", color="0.4", fontsize=style.MIN_FONT_SIZE_PT, **placement
        )  # fmt: skip


def _select_cell(rows: pd.DataFrame, cell: Cell) -> pd.DataFrame:
    return rows[(rows[CELL] == list(cell)).all(axis=1)]


def _format_counts(rows: pd.DataFrame) -> str:
    """Format the numbers of images and instances that a cell's values are computed from; empty without a value."""
    rows = rows[rows["value"].notna()]
    if rows.empty:
        return ""
    images = labels.format_carriers(rows["n_images"], rows["n_images_total"])
    return f"{images} images, {labels.format_range(rows['n_instances'])} instances"
