"""The cost of an image over the number of its objects: prompts, model time, and model time for each object.

A point is an image; a line joins the means of up to five groups of images with similar numbers of objects. Spatial
prompts are one for each object, phrases are as many as the prompt set has, whatever the image contains. Objects are the
labelled ones that are not marked `ignore`. Model time is that of the image encoder and of the prediction of all
prompts, without reading the image. Times on a CPU depend on the machine and its load: they are shown as ratios to the
median image of the first model of the legend. The legend states the device; the CSV file has each image with its times.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from samgap.errors import UserError
from samgap.paper import labels, style
from samgap.paper.cell_tables import CELL, add_skipped_cells, list_skips, read_shards
from samgap.paper.csv import iterate_rows
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.no_data import draw_or_explain
from samgap.paper.plots import (
    LegendEntry,
    LineLook,
    add_axes,
    assign_looks,
    draw_heading,
    draw_legend,
    measure_legend,
)
from samgap.tables.matching import INSTANCES
from samgap.tables.predictions import TIMING

INPUTS = ("instances", "timing")
OPTIONS = {
    "properties": {
        "prompt-sets": {
            "description": "Prompt sets that are drawn, of those that the experiments have; default is all.",
            "type": "array",
            "minItems": 1,
            "items": {"type": "string"},
        },
    },
}

N_GROUPS = 5
PANEL_LEFT, PANEL_RIGHT, PANEL_GAP, PANEL_HEIGHT, HEADING_HEIGHT, AXIS_HEIGHT = 0.5, 0.12, 0.55, 1.7, 0.3, 0.42
"""Sizes in inches."""
COLUMNS = [*CELL, "image_id", "n_objects", "n_prompts", "encode_ms", "decode_ms", "model_ms", "time_ratio"]
COLUMNS += ["time_ratio_per_object", "device", "note", "source"]
LINE = ["model", "prompts"]


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw the entry's cells, a row of three panels for each data set."""
    rows = select_rows(request)
    absent = "no image of these experiments has a labelled object"
    return draw_or_explain(rows, bool(rows["image_id"].notna().any()), absent, lambda: draw_rows(rows, request))


def select_rows(request: FigureRequest) -> pd.DataFrame:
    """Return the images with objects of each cell with COLUMNS, and a row with a note for each cell that was skipped.

    Raises:
        UserError: The experiments have none of the entry's prompt sets.
    """
    timing = read_shards(TIMING, request.inputs["timing"])
    skips = list_skips(request.inputs["timing"])
    wanted = request.entry.get("prompt-sets")
    known = {*timing["prompts"], *(cell[2] for cell in skips)}
    if wanted and (missing := sorted(set(wanted) - known)) and known:
        raise UserError(
            f"figures.{request.figure_id}.prompt-sets: its experiments have no prompt set {missing[0]!r}; "
            f"name some of {sorted(known)}"
        )
    rows = timing[timing["prompts"].isin(wanted)] if wanted else timing
    rows = rows.merge(count_objects(read_shards(INSTANCES, request.inputs["instances"])), on=["dataset", "image_id"])
    # In the order of the option, so that its first prompt set has the model that others are compared with.
    order = {name: number for number, name in enumerate(wanted or dict.fromkeys(rows["prompts"]))}
    rows = rows.assign(order=rows["prompts"].map(order), model_ms=rows["encode_ms"] + rows["decode_ms"])
    rows = rows.sort_values(["dataset", "order", "model", "image_id"], kind="stable", ignore_index=True)
    frames = [add_ratios(group) for _, group in rows.groupby("dataset", sort=False)]
    wanted_skips = {cell: note for cell, note in skips.items() if not wanted or cell[2] in wanted}
    return add_skipped_cells(pd.concat(frames) if frames else rows, wanted_skips, COLUMNS)


def count_objects(instances: pd.DataFrame) -> pd.DataFrame:
    """Return the number of labelled objects of each image that has some: dataset, image_id, n_objects.

    Args:
        instances: Table `instances` of all cells, with the columns of CELL; an object is in some of them.
    """
    found = instances[instances["truth_id"].notna()]
    return found.groupby(["dataset", "image_id"])["truth_id"].nunique().rename("n_objects").reset_index()


def add_ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the images of a data set with their model time relative to the median image of the first line."""
    first = rows[(rows[LINE] == rows[LINE].iloc[0]).all(axis=1)]
    ratio = rows["model_ms"] / first["model_ms"].median()
    return rows.assign(time_ratio=ratio, time_ratio_per_object=ratio / rows["n_objects"])


def draw_rows(rows: pd.DataFrame, request: FigureRequest) -> Figure:
    """Draw the legend and the panels."""
    drawn = rows[rows["image_id"].notna()]
    looks = assign_looks(request.models, drawn[LINE].itertuples(index=False, name=None))
    entries = [_explain_line(drawn, line, look, request) for line, look in looks.items()]
    if looks:
        entries.append(LegendEntry(_explain_marks(next(iter(looks)), request)))
    for row in iterate_rows(rows[rows["image_id"].isna()]):
        name = labels.model_label(request.models, row.model)
        entries.append(LegendEntry(f"{name} · {row.prompts} · {row.dataset}: no data: {row.note}"))
    datasets = list(drawn.groupby("dataset", sort=False))
    legend_height, row_height = measure_legend(entries), HEADING_HEIGHT + PANEL_HEIGHT + AXIS_HEIGHT
    height = legend_height + len(datasets) * row_height + style.STAMP_MARGIN_IN
    figure = Figure(figsize=(style.FIGURE_WIDTH_IN, height))
    draw_legend(figure, entries)
    width = (style.FIGURE_WIDTH_IN - PANEL_LEFT - PANEL_RIGHT - 2 * PANEL_GAP) / 3
    panels = {
        "n_prompts": "prompts",
        "time_ratio": "model time (ratio)",
        "time_ratio_per_object": "model time / object",
    }
    for number, (dataset, group) in enumerate(datasets):
        top = legend_height + number * row_height
        counts = labels.format_range(group.groupby(LINE)["image_id"].nunique())
        draw_heading(figure, f"{dataset} · n = {counts} images with objects", top + 0.06)
        for column, (name, label) in enumerate(panels.items()):
            left = PANEL_LEFT + column * (width + PANEL_GAP)
            axes = add_axes(figure, left, top + HEADING_HEIGHT, width, PANEL_HEIGHT)
            draw_panel(axes, group, name, looks)
            axes.set_ylabel(label, labelpad=3)
    return figure


def draw_panel(axes: Axes, rows: pd.DataFrame, name: str, looks: Mapping[Any, LineLook]) -> None:
    """Draw a column over the number of objects: a point for each image, and a line of group means."""
    axes.set_xlabel("objects in the image", labelpad=2)
    for axis, top in ((axes.xaxis, rows["n_objects"].max() * 1.05), (axes.yaxis, rows[name].max() * 1.08)):
        ticks = MaxNLocator(5, integer=top > 5).tick_values(0, top)
        axis.set_ticks([tick for tick in ticks if tick <= top], minor=False)
        axis.set_major_formatter("{x:g}")
    axes.set_xlim(0, rows["n_objects"].max() * 1.05)
    axes.set_ylim(0, rows[name].max() * 1.08)
    for line, group in rows.groupby(LINE, sort=False):
        look = looks[line]
        axes.plot(group["n_objects"], group[name], look.marker, color=look.colour, ms=2, mew=0, alpha=0.4, gid="image")
        means = average_groups(group, name)
        axes.plot(means["n_objects"], means[name], color=look.colour, ls=look.dashes, lw=1.2, gid="mean")


def average_groups(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the means of objects and of a column over up to N_GROUPS groups by the number of objects."""
    groups = pd.qcut(rows["n_objects"], N_GROUPS, labels=False, duplicates="drop")
    return rows.groupby(groups.fillna(0))[["n_objects", name]].mean()


def _explain_line(rows: pd.DataFrame, line: Any, look: LineLook, request: FigureRequest) -> LegendEntry:
    """Return the legend entry of a model and prompt set, with prompts and time for each object over all its images."""
    model, prompts = line
    own = rows[(rows["model"] == model) & (rows["prompts"] == prompts)]
    n_objects = own["n_objects"].sum()
    time = f"relative time {own['time_ratio'].sum() / n_objects:.2f} an object"
    if (own["device"] == "cuda").all():
        time += f" ({own['model_ms'].sum() / n_objects:.1f} ms)"
    name = f"{labels.model_label(request.models, model)} · {prompts}"
    text = f"{name}: {own['n_prompts'].sum() / n_objects:.2f} prompts an object, {time}, device {_list_devices(own)}"
    return LegendEntry(text, {"color": look.colour, "ls": look.dashes, "lw": 1.2, "marker": look.marker, "ms": 3})


def _explain_marks(line: Any, request: FigureRequest) -> str:
    """Return what points, lines and ratios are; `line` is the first model with its prompt set."""
    name = f"{labels.model_label(request.models, line[0])} · {line[1]}"
    return f"point: an image; line: means of groups of images; time: relative to the median image of {name}"


def _list_devices(rows: pd.DataFrame) -> str:
    return " and ".join(sorted(set(rows["device"])))
