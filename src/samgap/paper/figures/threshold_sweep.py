"""Precision, recall and F1 at IoU 0.5 of noun phrases, over the score threshold from which a mask counts.

A line is a model; the band is the confidence interval (bootstrap over images), and without a band there is no interval.
An open circle marks the official threshold of the model, a filled circle the one that was chosen on other images.
Grey lines are thresholds of studies. A line ends where no mask reaches the score. A dagger (†) marks values for which
the labels are not exhaustive: background objects count as false positives. The CSV file holds the estimates drawn, with
the official and the chosen threshold of their model.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from samgap.matching.score_thresholds import read_chosen_score
from samgap.paper import csv, labels, style
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.no_data import draw_or_explain, join_reasons
from samgap.paper.plots import (
    FOOTNOTE_LINE_IN,
    LegendEntry,
    LineLook,
    add_axes,
    assign_looks,
    draw_footnotes,
    draw_heading,
    draw_legend,
    measure_legend,
)
from samgap.tables.score_thresholds import THRESHOLDS
from samgap.tables.statistics import ESTIMATES

INPUTS = ("score_thresholds",)
OPTIONS = {
    "properties": {
        "studied": {
            "description": "Score thresholds of studies, drawn as grey lines.",
            "type": "object",
            "required": ["scores", "source"],
            "additionalProperties": False,
            "properties": {
                "scores": {
                    "description": "The thresholds, 0 to 1.",
                    "type": "array",
                    "minItems": 1,
                    "items": {"type": "number", "minimum": 0, "maximum": 1},
                },
                "source": {"description": "The publication that has them.", "type": "string", "minLength": 1},
            },
        },
    },
}

MEASURES = {"precision-score": "Precision@50 ↑", "recall-score": "Recall@50 ↑", "f1-score": "F1@50 ↑"}
"""Metric without its threshold -> title of its panel."""
PANEL_LEFT, PANEL_RIGHT, PANEL_GAP, PANEL_HEIGHT, HEADING_HEIGHT, AXIS_HEIGHT = 0.4, 0.15, 0.36, 1.6, 0.5, 0.4
"""Sizes in inches."""
COLUMNS = [*ESTIMATES.columns[:5], "measure", "score", "official_score", "chosen_score"]
COLUMNS += [name for name in ESTIMATES.columns if name not in COLUMNS] + ["source"]


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw the sweep of the entry's experiments: a row of three panels for each data set and prompt set."""
    rows = select_rows(request)
    absent = "no experiment of the figure measures precision-score, recall-score or f1-score"
    return draw_or_explain(rows, bool(rows["value"].notna().any()), absent, lambda: draw_rows(rows, request))


def select_rows(request: FigureRequest) -> pd.DataFrame:
    """Return the estimates of the three measures over whole data sets, in order of the threshold, with COLUMNS."""
    estimates = csv.select_experiments(ESTIMATES.read(request.inputs["estimates"]), request.entry["experiments"])
    parts = estimates["metric"].str.extract(r"^(precision-score|recall-score|f1-score)-(\d\d)$")
    rows = estimates.assign(measure=parts[0], score=parts[1].astype(float) / 100, source=request.inputs["estimates"])
    rows = rows[rows["measure"].notna() & (rows["stratum"] == "all")]
    rows = rows.drop_duplicates(["dataset", "model", "prompts", "metric"])
    known = [THRESHOLDS.read(path) for path in request.inputs["score_thresholds"]]
    official = {table["model"].iat[0]: table["official_score"].iat[0] for table in known}
    chosen = {table["model"].iat[0]: read_chosen_score(table) for table in known}
    rows = rows.assign(
        official_score=rows["model"].map(official).astype(float), chosen_score=rows["model"].map(chosen).astype(float)
    )
    order = {measure: number for number, measure in enumerate(MEASURES)}
    rows = rows.assign(order=rows["measure"].map(order)).sort_values(
        ["dataset", "prompts", "order", "model", "score"], kind="stable"
    )
    return rows[COLUMNS].reset_index(drop=True)


def draw_rows(rows: pd.DataFrame, request: FigureRequest) -> Figure:
    """Draw the legend and a row of panels for each data set and prompt set."""
    looks = assign_looks(request.models, [(model,) for model in dict.fromkeys(rows["model"])])
    studied = request.entry.get("studied")
    entries = [_explain_model(rows[rows["model"] == model], look, request) for (model,), look in looks.items()]
    circles = "open circle: official threshold; filled circle: threshold chosen on other images; band: interval, if any"
    if studied:
        scores = " and ".join(f"{score:g}" for score in studied["scores"])
        entries.append(
            LegendEntry(f"thresholds of studies: {scores} ({studied['source']})", {"color": "0.6", "lw": 0.8})
        )
    entries.append(LegendEntry(circles))
    groups = list(rows.groupby(["dataset", "prompts"], sort=False))
    footnotes = [f"{labels.LACKS_LABELS_NOTE}."] if labels.lacks_labels_mark(*rows["lacks_labels"]) else []
    legend_height = measure_legend(entries)
    row_height = HEADING_HEIGHT + PANEL_HEIGHT + AXIS_HEIGHT
    height = legend_height + len(groups) * row_height + len(footnotes) * FOOTNOTE_LINE_IN + style.STAMP_MARGIN_IN
    figure = Figure(figsize=(style.FIGURE_WIDTH_IN, height))
    draw_legend(figure, entries)
    draw_footnotes(figure, footnotes)
    width = (style.FIGURE_WIDTH_IN - PANEL_LEFT - PANEL_RIGHT - 2 * PANEL_GAP) / 3
    for number, ((dataset, prompts), group) in enumerate(groups):
        top = legend_height + number * row_height
        draw_heading(figure, f"{dataset} · {prompts} · {_format_counts(group)}", top + 0.04)
        for column, (measure, title) in enumerate(MEASURES.items()):
            left = PANEL_LEFT + column * (width + PANEL_GAP)
            axes = add_axes(figure, left, top + HEADING_HEIGHT, width, PANEL_HEIGHT)
            panel = group[group["measure"] == measure]
            mark = labels.lacks_labels_mark(*panel["lacks_labels"])
            axes.set_title(title + (f" {mark}" if mark else ""), pad=10)
            draw_panel(axes, panel, looks, studied["scores"] if studied else [])
    return figure


def draw_panel(axes: Axes, rows: pd.DataFrame, looks: Mapping[Any, LineLook], studied: Sequence[float]) -> None:
    """Draw a measure over the threshold, a line for each model, with its official and its chosen threshold."""
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("score threshold", labelpad=2)
    for score in studied:
        axes.axvline(score, color="0.6", lw=0.8, zorder=0.5, gid="studied")
        axes.annotate(
            f"{score:g}", (score, 1), (0, 1.5), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="center", va="bottom", color="0.4", fontsize=style.MIN_FONT_SIZE_PT,
        )  # fmt: skip
    for model, line in rows.groupby("model", sort=False):
        look = looks[model,]
        axes.fill_between(line["score"], line["ci_low"], line["ci_high"], color=look.colour, alpha=0.18, lw=0, gid="ci")
        axes.plot(line["score"], line["value"], color=look.colour, ls=look.dashes, lw=1)
        # The circles have different sizes, so both are visible where the thresholds are equal.
        for column, size, face in (("official_score", 7, "none"), ("chosen_score", 4, look.colour)):
            marked = line[np.isclose(line["score"], line[column])]
            axes.plot(
                marked["score"], marked["value"], "o", ms=size, mfc=face, mec=look.colour, mew=0.9, clip_on=False,
                gid=column,
            )  # fmt: skip


def _explain_model(rows: pd.DataFrame, look: LineLook, request: FigureRequest) -> LegendEntry:
    """Return the legend entry of a model: its thresholds, or why it has no line."""
    first: Any = next(csv.iterate_rows(rows))
    parts = [labels.model_label(request.models, first.model)]
    if rows["value"].isna().all():
        return LegendEntry(f"{parts[0]}: no data: {join_reasons(rows['note'], 'no estimate')}")
    for name, score in (("official threshold", first.official_score), ("chosen", first.chosen_score)):
        parts.append(f"{name} {score:g}" if pd.notna(score) else f"{name}: none")
    return LegendEntry(f"{parts[0]}: {', '.join(parts[1:])}", {"color": look.colour, "ls": look.dashes, "lw": 1.2})


def _format_counts(rows: pd.DataFrame) -> str:
    """Format the numbers of images and instances that some values are computed from."""
    rows = rows[rows["value"].notna()]
    if rows.empty:
        return "no data"
    images, instances = (labels.format_range(rows[name]) for name in ("n_images_total", "n_instances"))
    return f"{images} images, {instances} instances"
