"""pmF1 of noun phrases with the same meaning: how much the wording changes the result.

Left: each phrase, below its concept; the phrases of a concept have the same ground truth. Right: over the phrases of a
concept, the mean of pmF1, the lowest pmF1 and the standard deviation, each averaged over concepts, and the IoU between
the masks of two phrases. Bars are confidence intervals (bootstrap over images); without a bar there is no interval, and
the column `warning` of the CSV file has the reason. The images may be a sample of the data set: n is their number.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from samgap.paper import csv, labels, style
from samgap.paper.cell_tables import read_shards
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.layout import text_width, wrap_text
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
from samgap.tables.matching import PAIRS
from samgap.tables.statistics import ESTIMATES

INPUTS = ("pairs",)
SUMMARIES = ("mean", "worst", "sd", "agreement")
PREFIX = "prompt-sensitivity-"

LINE_HEIGHT, HEADING_HEIGHT, AXIS_HEIGHT = 0.17, 0.3, 0.42
PHRASE_WIDTH, PANEL_WIDTH, SUMMARY_LEFT, SUMMARY_WIDTH = 1.75, 2.9, 5.15, 1.8
"""Sizes in inches."""
COLUMNS = [*ESTIMATES.columns[:5], "concept", "phrase", *ESTIMATES.columns[5:], "source"]
Group = tuple[str, str]
"""(dataset, prompts)"""


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw the phrases and the summaries of the entry's experiments."""
    rows = select_rows(request)
    absent = "no experiment of the figure has phrases with the same meaning"
    return draw_or_explain(rows, bool(rows["value"].notna().any()), absent, lambda: draw_groups(rows, request))


def select_rows(request: FigureRequest) -> pd.DataFrame:
    """Return pmF1 of each phrase that has a paraphrase, and the summaries over whole data sets, with COLUMNS."""
    estimates = csv.select_experiments(ESTIMATES.read(request.inputs["estimates"]), request.entry["experiments"])
    concepts = _read_concepts(request.inputs["pairs"])
    keys = ["dataset", "prompts", "stratum"]
    rows = estimates.merge(concepts, how="left", left_on=keys, right_on=["dataset", "prompts", "phrase"])
    is_phrase = (rows["metric"] == "pmf1") & rows["phrase"].notna()
    is_summary = rows["metric"].isin([PREFIX + name for name in SUMMARIES]) & (rows["stratum"] == "all")
    rows = rows[is_phrase | is_summary].drop_duplicates(["dataset", "prompts", "model", "metric", "stratum"])
    rows.loc[rows["metric"] != "pmf1", ["concept", "phrase"]] = None
    return rows.assign(source=request.inputs["estimates"])[COLUMNS].reset_index(drop=True)


def draw_groups(rows: pd.DataFrame, request: FigureRequest) -> Figure:
    """Draw the legend, and for each data set and prompt set the phrases at the left and the summaries at the right."""
    looks = assign_looks(request.models, [(model,) for model in dict.fromkeys(rows["model"])])
    entries = [_explain_model(rows[rows["model"] == model], look, request) for (model,), look in looks.items()]
    groups = list(rows.groupby(["dataset", "prompts"], sort=False))
    lines = [list_lines(group) for _, group in groups]
    heights = [max(len(each), 2 * len(SUMMARIES)) * LINE_HEIGHT for each in lines]
    top = measure_legend(entries)
    height = top + sum(heights) + len(groups) * (HEADING_HEIGHT + AXIS_HEIGHT) + style.STAMP_MARGIN_IN
    figure = Figure(figsize=(style.FIGURE_WIDTH_IN, height))
    draw_legend(figure, entries)
    for ((dataset, prompts), group), group_lines, panel_height in zip(groups, lines, heights, strict=True):
        valued = group[group["value"].notna()]
        counts = f"n = {labels.format_range(valued['n_images_total'])} images" if len(valued) else "no data"
        draw_heading(figure, f"{dataset} · {prompts} · {counts}", top + 0.06)
        top += HEADING_HEIGHT
        axes = add_axes(figure, PHRASE_WIDTH + 0.1, top, PANEL_WIDTH, len(group_lines) * LINE_HEIGHT or LINE_HEIGHT)
        draw_phrases(axes, group[group["metric"] == "pmf1"], group_lines, looks)
        axes = add_axes(figure, SUMMARY_LEFT, top, SUMMARY_WIDTH, 2 * len(SUMMARIES) * LINE_HEIGHT)
        draw_summaries(axes, group[group["metric"] != "pmf1"], looks)
        top += panel_height + AXIS_HEIGHT
    return figure


def list_lines(rows: pd.DataFrame) -> list[tuple[str, str | None]]:
    """Return the lines from top to bottom: (concept, None) for a heading, then (concept, phrase) for its phrases."""
    phrases = rows.loc[rows["phrase"].notna(), ["concept", "phrase"]].drop_duplicates()
    lines: list[tuple[str, str | None]] = []
    for concept, group in phrases.groupby("concept", sort=False):
        lines += [(str(concept), None), *((str(concept), phrase) for phrase in group["phrase"])]
    return lines


def draw_phrases(
    axes: Axes, rows: pd.DataFrame, lines: list[tuple[str, str | None]], looks: Mapping[Any, LineLook]
) -> None:
    """Draw pmF1 of each phrase, with a marker and an interval for each model."""
    _prepare_axes(axes, len(lines), "pmF1 ↑")
    for y, (concept, phrase) in enumerate(lines):
        text = concept if phrase is None else phrase
        axes.annotate(
            _cut(text), (0, y), (-5 if phrase else -3, 0), xycoords=axes.get_yaxis_transform(), ha="right",
            va="center", textcoords="offset points", fontsize=style.MIN_FONT_SIZE_PT,
            fontweight="normal" if phrase else "bold",
        )  # fmt: skip
        if phrase is not None:
            _draw_estimates(axes, y, rows[rows["phrase"] == phrase], looks)


def draw_summaries(axes: Axes, rows: pd.DataFrame, looks: Mapping[Any, LineLook]) -> None:
    """Draw the summaries over paraphrases, each with its label above its estimates."""
    _prepare_axes(axes, 2 * len(SUMMARIES), "mean over concepts")
    for number, name in enumerate(SUMMARIES):
        axes.annotate(
            labels.metric_heading(PREFIX + name), (0, 2 * number), (3, 0), xycoords=axes.get_yaxis_transform(),
            textcoords="offset points", ha="left", va="center", fontsize=style.MIN_FONT_SIZE_PT,
            bbox={"fc": "white", "ec": "none", "pad": 0.5},
        )  # fmt: skip
        _draw_estimates(axes, 2 * number + 1, rows[rows["metric"] == PREFIX + name], looks)


def _prepare_axes(axes: Axes, n_lines: int, label: str) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(max(n_lines, 1) - 0.5, -0.5)
    axes.set_yticks([])
    axes.set_xlabel(label, labelpad=2)


def _draw_estimates(axes: Axes, y: float, rows: pd.DataFrame, looks: Mapping[Any, LineLook]) -> None:
    """Draw one value of each model at a height, the models slightly below each other."""
    models = [model for (model,) in looks]
    for row in csv.iterate_rows(rows[rows["value"].notna()]):
        look = looks[row.model,]
        at = y + 0.3 * (models.index(row.model) - (len(models) - 1) / 2) / max(len(models) - 1, 1)
        if pd.notna(row.ci_low):
            axes.plot([row.ci_low, row.ci_high], [at, at], color=look.colour, lw=0.9, clip_on=False, gid="ci")
        axes.plot(row.value, at, look.marker, color=look.colour, ms=3, clip_on=False, gid="value")


def _explain_model(rows: pd.DataFrame, look: LineLook, request: FigureRequest) -> LegendEntry:
    name = labels.model_label(request.models, str(rows["model"].iat[0]))
    if rows["value"].isna().all():
        return LegendEntry(f"{name}: no data: {join_reasons(rows['note'], 'no estimate')}")
    return LegendEntry(name, {"color": look.colour, "lw": 0.9, "marker": look.marker, "ms": 3})


def _read_concepts(paths: list[str]) -> pd.DataFrame:
    """Return data set, prompt set, concept and phrase of each phrase that shares its concept with another."""
    pairs = read_shards(PAIRS, paths)[["dataset", "prompts", "concept", "phrase"]].dropna().drop_duplicates()
    n_phrases = pairs.groupby(["dataset", "prompts", "concept"])["phrase"].transform("nunique")
    return pairs[n_phrases > 1]


def _cut(text: str) -> str:
    """Return a phrase that fits beside the panel; the rest is replaced by an ellipsis."""
    if text_width(text) <= PHRASE_WIDTH - 0.1:
        return text
    return wrap_text(text, PHRASE_WIDTH - 0.2, 1)[0]
