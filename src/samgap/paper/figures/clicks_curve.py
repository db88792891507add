"""Mean IoU of an object over the number of clicks that correct its mask (the protocol of RITM and SAM2).

A line is a model; the bars are confidence intervals (bootstrap over images), and without a bar there is no interval.
The first click is inside the object, each further one at the centre of the largest error. An object without a mask
counts 0, and a series that ended earlier keeps its last IoU. The objects may be a sample of the data set: n is their
number. The CSV file holds the estimates drawn.
"""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from samgap.paper import csv, labels, style
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.no_data import draw_or_explain, join_reasons
from samgap.paper.plots import (
    LegendEntry,
    LineLook,
    add_axes,
    assign_looks,
    draw_heading,
    draw_legend,
    measure_legend,
)
from samgap.tables.statistics import ESTIMATES

PANEL_LEFT, PANEL_WIDTH, PANEL_HEIGHT, HEADING_HEIGHT, AXIS_HEIGHT = 0.5, 6.5, 1.8, 0.3, 0.42
"""Sizes in inches."""
COLUMNS = [*ESTIMATES.columns[:5], "clicks", *ESTIMATES.columns[5:], "source"]
LINE = ["model", "prompts"]


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw the curves of the entry's experiments, a panel for each data set."""
    rows = select_rows(request)
    absent = "no experiment of the figure measures iou-after-clicks"
    return draw_or_explain(rows, bool(rows["value"].notna().any()), absent, lambda: draw_rows(rows, request))


def select_rows(request: FigureRequest) -> pd.DataFrame:
    """Return the estimates of `iou-after-clicks-…` over whole data sets, in order of the clicks, with COLUMNS."""
    estimates = csv.select_experiments(ESTIMATES.read(request.inputs["estimates"]), request.entry["experiments"])
    clicks = estimates["metric"].str.extract(r"^iou-after-clicks-(\d+)$")[0]
    rows = estimates.assign(clicks=pd.to_numeric(clicks), source=request.inputs["estimates"])
    rows = rows[rows["clicks"].notna() & (rows["stratum"] == "all")].astype({"clicks": int})
    rows = rows.drop_duplicates(["dataset", *LINE, "metric"])
    return rows.sort_values(["dataset", *LINE, "clicks"], kind="stable")[COLUMNS].reset_index(drop=True)


def draw_rows(rows: pd.DataFrame, request: FigureRequest) -> Figure:
    """Draw the legend and a panel for each data set."""
    looks = assign_looks(request.models, rows[LINE].itertuples(index=False, name=None))
    entries = [_explain_line(rows, line, look, request) for line, look in looks.items()]
    datasets = list(rows.groupby("dataset", sort=False))
    entries.append(LegendEntry("vertical line: confidence interval, if there is one"))
    legend_height, row_height = measure_legend(entries), HEADING_HEIGHT + PANEL_HEIGHT + AXIS_HEIGHT
    height = legend_height + len(datasets) * row_height + style.STAMP_MARGIN_IN
    figure = Figure(figsize=(style.FIGURE_WIDTH_IN, height))
    draw_legend(figure, entries)
    for number, (dataset, group) in enumerate(datasets):
        top = legend_height + number * row_height
        valued = group[group["value"].notna()]
        counts = "no data"
        if len(valued):
            images, objects = (labels.format_range(valued[name]) for name in ("n_images_total", "n_instances"))
            counts = f"n = {objects} objects in {images} images"
        draw_heading(figure, f"{dataset} · {counts}", top + 0.06)
        axes = add_axes(figure, PANEL_LEFT, top + HEADING_HEIGHT, PANEL_WIDTH, PANEL_HEIGHT)
        draw_panel(axes, group, looks)
    return figure


def draw_panel(axes: Axes, rows: pd.DataFrame, looks: dict[Any, LineLook]) -> None:
    """Draw the IoU over the clicks, on a logarithmic axis, with a line and intervals for each model."""
    ticks = sorted(set(rows["clicks"]))
    axes.set_xscale("log")
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlim(0.9 * ticks[0], 1.1 * ticks[-1])
    axes.set_ylim(0, 1)
    axes.set_xlabel("clicks (logarithmic)", labelpad=2)
    axes.set_ylabel("mean IoU ↑", labelpad=3)
    for line, group in rows.groupby(LINE, sort=False):
        look = looks[line]
        axes.plot(
            group["clicks"], group["value"], color=look.colour, ls=look.dashes, lw=1, marker=look.marker, ms=3,
            clip_on=False, gid="line",
        )  # fmt: skip
        known = group[group["ci_low"].notna()]
        axes.vlines(known["clicks"], known["ci_low"], known["ci_high"], color=look.colour, lw=0.9, gid="ci")


def _explain_line(rows: pd.DataFrame, line: Any, look: LineLook, request: FigureRequest) -> LegendEntry:
    """Return the legend entry of a model and prompt set: the first and last IoU, or why it has no line."""
    model, prompts = line
    name = f"{labels.model_label(request.models, model)} · {prompts}"
    own = rows[(rows["model"] == model) & (rows["prompts"] == prompts)]
    if own["value"].isna().all():
        return LegendEntry(f"{name}: no data: {join_reasons(own['note'], 'no estimate')}")
    return LegendEntry(name, {"color": look.colour, "ls": look.dashes, "lw": 1.2, "marker": look.marker, "ms": 3})
