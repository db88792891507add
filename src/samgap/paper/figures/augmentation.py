"""Augmentations: (a) who trains with which; (b) what each costs a model at test time.

(a) are facts. A letter in brackets is a source, which the CSV file lists; – means that the source has none.

(b) are measured. Each image of a data set is predicted as it is and once for each transform. A mark is the metric of
the transformed images minus that of the originals, paired by original; a line is its interval. Left of 0 the transform
costs something. A box shows a model where the object is, and a word does not, so SAM2 by boxes and SAM3 by words
differ in the task as well as in the model. Marks of SAM3 by boxes, and of SAM2 behind a detector that is given words,
tell these apart. (b) says how sensitive a finished model is, not what training with a transform would do. The CSV file
has the values of the transformed images and of the originals, and the share that is kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from samgap.errors import UserError
from samgap.paper import labels, notes, style
from samgap.paper.csv import iterate_rows
from samgap.paper.facts import read_facts
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.layout import from_top_left, wrap_text
from samgap.tables.statistics import COMPARISONS

INPUTS = ("comparisons",)
OPTIONS = {
    "required": ["facts", "comparisons"],
    "properties": {
        "facts": {
            "description": "YAML file of who trains with which augmentation.",
            "$ref": "#/$defs/text",
        },
        "comparisons": {
            "description": "The comparisons of `augmentation: …` with `augmentation: none` (ids of `comparisons`).",
            "$ref": "#/$defs/ids",
        },
    },
}

PREFIX, ORIGINAL = "augmentation: ", "augmentation: none"
FACT_COLUMNS = ["part", "augmentation", "training", "strength", "letter", "source"]
LANE_KEYS = ["model", "prompts"]
PRESENCE = "il-mcc"
"""The metric of the second panel; all others are in the first one."""
BOX_METRIC = "iou"
"""The metric of boxes."""
MARKERS = {"sam2": "o", "sam3": "D", "grounded": "^"}

# Sizes in inches.
HEADER_HEIGHT, ROW_HEIGHT, COLUMN_WIDTH, ROW_LABEL_WIDTH = 0.5, 0.2, 0.5, 0.46
TITLE_HEIGHT, LANE_HEIGHT, ROW_GAP, AXIS_HEIGHT, LEGEND_LINE, NOTE_LINE = 0.3, 0.085, 0.07, 0.32, 0.13, 0.11
PANEL_GAP, TRANSFORM_WIDTH = 0.16, 0.72


@dataclass(frozen=True)
class Lane:
    """A model with its prompts: one mark in each row."""

    model: str
    prompts: str
    family: str
    label: str
    is_control: bool
    """Whether it has the boxes, and another lane of its family has words; its marks are hollow."""


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw the facts and the comparisons that the entry names."""
    facts = read_facts(request.figure_id, request.entry["facts"], "augmentation")
    fact_rows = build_fact_rows(facts, str(request.entry["facts"]))
    rows = select_rows(COMPARISONS.read(request.inputs["comparisons"]), request.entry["comparisons"])
    lanes = list_lanes(rows, request.models)
    figure = draw_panels(facts, fact_rows, rows, lanes)
    measured = rows.assign(part="b", source=str(request.inputs["comparisons"]))
    table = pd.concat([fact_rows, measured], ignore_index=True)
    return FigureOutput(figure, table, [lane.model for lane in lanes])


def build_fact_rows(facts: Mapping[str, Any], file: str) -> pd.DataFrame:
    """Return the CSV rows of part a: each augmentation of each training with its source.

    Raises:
        UserError: A cell is of an augmentation that has no row.
    """
    ids = [row["id"] for row in facts["augmentations"]]
    rows = []
    for letter, column in zip(ascii_uppercase, facts["columns"], strict=False):
        unknown = sorted(set(column["cells"]) - set(ids))
        if unknown:
            raise UserError(f"{file}: {column['id']} has a cell {unknown[0]}, which is none of augmentations: {ids}")
        rows += [["a", id, column["id"], column["cells"].get(id), letter, column["source"]] for id in ids]
    return pd.DataFrame(rows, columns=FACT_COLUMNS)


def select_rows(comparisons: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the rows that compare a transform with the originals of the same cell, with the share that is kept."""
    rows = comparisons[comparisons["comparison"].isin(names)]
    is_same_cell = np.logical_and.reduce([rows[key] == rows[f"baseline_{key}"] for key in ("dataset", *LANE_KEYS)])
    is_transform = rows["stratum"].str.startswith(PREFIX) & (rows["baseline_stratum"] == ORIGINAL)
    rows = rows[is_same_cell & is_transform].reset_index(drop=True)
    share = rows["value"] / rows["baseline_value"].where(rows["baseline_value"] != 0)
    return rows.assign(augmentation=rows["stratum"].str.removeprefix(PREFIX), share_kept=share)


def list_lanes(rows: pd.DataFrame, models: Mapping[str, Mapping[str, Any]]) -> list[Lane]:
    """Return each model with its prompts, in order of appearance."""
    cells = list(rows[LANE_KEYS].drop_duplicates().itertuples(index=False, name=None))
    families = [str(models.get(model, {}).get("family", "")) for model, _ in cells]
    lanes: list[Lane] = []
    for (model, prompts), family in zip(cells, families, strict=True):
        metrics = rows.loc[(rows["model"] == model) & (rows["prompts"] == prompts), "metric"].drop_duplicates()
        names = " and ".join(labels.metric_label(metric) for metric in metrics if metric != PRESENCE)
        label = f"{labels.model_label(models, model)} · {prompts}: {names}"
        is_control = families.count(family) > 1 and BOX_METRIC in set(metrics)
        lanes.append(Lane(model, prompts, family, label, is_control))
    return lanes


def draw_panels(facts: Mapping[str, Any], fact_rows: pd.DataFrame, rows: pd.DataFrame, lanes: Sequence[Lane]) -> Figure:
    """Draw the facts at the left, and at the right a line of panels for each data set."""
    footnotes = notes.Footnotes()
    for row in iterate_rows(rows[rows["warning"].notna() & rows["value"].notna()]):
        footnotes.add(row.warning)
    width = style.FIGURE_WIDTH_IN
    facts_width = ROW_LABEL_WIDTH + len(facts["columns"]) * COLUMN_WIDTH
    left = style.MARGIN_IN + facts_width + 0.2
    datasets = list(rows["dataset"].drop_duplicates())
    names = list(rows["augmentation"].drop_duplicates())
    row_height = max(len(lanes), 1) * LANE_HEIGHT + ROW_GAP
    block = TITLE_HEIGHT + max(len(names), 1) * row_height + AXIS_HEIGHT
    note_lines = _list_notes(rows, footnotes, width - left - style.MARGIN_IN)
    legend_height = max(len(lanes), 1) * LEGEND_LINE + 0.06
    right_height = legend_height + max(len(datasets), 1) * block + len(note_lines) * NOTE_LINE
    left_height = HEADER_HEIGHT + 0.14 + len(facts["augmentations"]) * ROW_HEIGHT
    height = max(right_height, left_height) + style.STAMP_MARGIN_IN + 0.04
    figure = Figure(figsize=(width, height))
    style.add_panel_letter(figure, "a", *from_top_left(figure, style.MARGIN_IN, 0.14))
    style.add_panel_letter(figure, "b", *from_top_left(figure, left, 0.14))
    _draw_facts(figure, facts, fact_rows)
    if rows.empty:
        text = "no data: none of the comparisons has a stratum of transformed images"
        figure.text(
            *from_top_left(figure, (left + width) / 2, height / 2), text, ha="center", fontsize=style.MIN_FONT_SIZE_PT
        )
        return figure
    _draw_legend(figure, lanes, left + 0.2)
    panel_left = left + TRANSFORM_WIDTH
    total = width - style.MARGIN_IN - 0.06 - panel_left
    has_presence = bool((rows["metric"] == PRESENCE).any())
    main_width = (total - PANEL_GAP) * 0.64 if has_presence else total
    for number, dataset in enumerate(datasets):
        top = legend_height + number * block + TITLE_HEIGHT
        selected = rows[rows["dataset"] == dataset]
        size = len(names) * row_height
        axes = _add_axes(figure, panel_left, top, main_width, size)
        first = selected[selected["metric"] != PRESENCE]
        _draw_panel(axes, first, names, lanes, footnotes, "difference to the originals, interval")
        axes.set_title(_describe_dataset(dataset, selected), loc="left", pad=4, fontsize=style.MIN_FONT_SIZE_PT)
        for y, name in enumerate(names):
            axes.annotate(
                name, (0, y), (-4, 0), xycoords=axes.get_yaxis_transform(), textcoords="offset points", ha="right",
                va="center", fontsize=style.MIN_FONT_SIZE_PT,
            )  # fmt: skip
        if has_presence:
            axes = _add_axes(figure, panel_left + main_width + PANEL_GAP, top, total - main_width - PANEL_GAP, size)
            second = selected[selected["metric"] == PRESENCE]
            _draw_panel(axes, second, names, lanes, footnotes, f"difference of {labels.metric_label(PRESENCE)}")
    if note_lines:
        position = from_top_left(figure, left, legend_height + len(datasets) * block)
        figure.text(
            *position, "\n".join(note_lines), va="top", fontsize=style.MIN_FONT_SIZE_PT, linespacing=1.15, gid="notes"
        )  # fmt: skip
    return figure


def _draw_facts(figure: Figure, facts: Mapping[str, Any], fact_rows: pd.DataFrame) -> None:
    """Draw a column for each training, its heading with the letter of the source, and its strengths."""
    cells = fact_rows.set_index(["augmentation", "training"])
    size: dict[str, Any] = {"fontsize": style.MIN_FONT_SIZE_PT, "va": "center_baseline"}
    for number, column in enumerate(facts["columns"]):
        x = style.MARGIN_IN + ROW_LABEL_WIDTH + (number + 0.5) * COLUMN_WIDTH
        model, _, owner = column["label"].partition(", ")
        letter = cells.loc[(facts["augmentations"][0]["id"], column["id"]), "letter"]
        lines = [f"{model} [{letter}]", *wrap_text(owner, COLUMN_WIDTH - 0.04, 2)]
        for line, text in enumerate(lines):
            position = from_top_left(figure, x, 0.21 + line * 0.11)
            colour = style.family_colour(model.lower()) if line == 0 else "0.35"
            figure.text(*position, text, ha="center", color=colour, **size)
    for row_number, row in enumerate(facts["augmentations"]):
        y = HEADER_HEIGHT + 0.14 + row_number * ROW_HEIGHT
        figure.text(*from_top_left(figure, style.MARGIN_IN, y), row["label"], **size)
        for number, column in enumerate(facts["columns"]):
            x = style.MARGIN_IN + ROW_LABEL_WIDTH + (number + 0.5) * COLUMN_WIDTH
            strength = column["cells"].get(row["id"])
            text = "\n".join(wrap_text(strength or "–", COLUMN_WIDTH - 0.04, 2))
            colour = "black" if strength else "0.6"
            figure.text(*from_top_left(figure, x, y), text, ha="center", color=colour, linespacing=1.0, **size)


def _draw_legend(figure: Figure, lanes: Sequence[Lane], left: float) -> None:
    for number, lane in enumerate(lanes):
        y = 0.1 + number * LEGEND_LINE
        axes = _add_axes(figure, left, y - 0.05, 0.12, 0.1)
        axes.set_axis_off()
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.plot(0.5, 0.5, **_mark(lane), clip_on=False)
        position = from_top_left(figure, left + 0.17, y)
        figure.text(*position, lane.label, va="center", fontsize=style.MIN_FONT_SIZE_PT)


def _draw_panel(
    axes: Axes,
    rows: pd.DataFrame,
    names: Sequence[str],
    lanes: Sequence[Lane],
    footnotes: notes.Footnotes,
    label: str,
) -> None:
    """Draw the differences of some metrics: a group of marks for each transform, from top to bottom."""
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axvline(0, color="0.3", lw=0.6, zorder=1)
    axes.grid(axis="x", color="0.88", lw=0.5)
    axes.set_axisbelow(True)
    for y in range(1, len(names)):
        axes.axhline(y - 0.5, color="0.92", lw=0.5)
    values = rows[["difference", "ci_low", "ci_high"]].to_numpy(float)
    values = values[np.isfinite(values)]
    low, high = min([-0.1, *values]), max([0.1, *values])
    margin = 0.06 * (high - low)
    axes.set_xlim(low - margin, high + margin)
    axes.set_xticks([tick for tick in MaxNLocator(4).tick_values(low, high) if low <= tick <= high])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel(label, fontsize=style.MIN_FONT_SIZE_PT, labelpad=1.5)
    step = LANE_HEIGHT / (len(lanes) * LANE_HEIGHT + ROW_GAP)
    for row in iterate_rows(rows):
        number = next(i for i, lane in enumerate(lanes) if (lane.model, lane.prompts) == (row.model, row.prompts))
        lane, middle = lanes[number], float(names.index(row.augmentation))
        height = middle + (number - (len(lanes) - 1) / 2) * step
        if pd.isna(row.difference):
            text = f"{notes.note_kind(row.note)} ({footnotes.add(row.note)})"
            axes.text(0.02, height, text, transform=axes.get_yaxis_transform(), va="center", color="0.4",
                      fontsize=style.MIN_FONT_SIZE_PT)  # fmt: skip
            continue
        if pd.notna(row.ci_low):
            axes.plot(
                [row.ci_low, row.ci_high], [height, height], color=style.family_colour(lane.family), lw=0.9, gid="ci"
            )
        axes.plot(row.difference, height, **_mark(lane), gid="difference", clip_on=False)
        if pd.notna(row.warning):
            axes.annotate(footnotes.add(row.warning), (row.difference, height), (3, 2), textcoords="offset points",
                          va="center", color="0.4", fontsize=style.MIN_FONT_SIZE_PT)  # fmt: skip


def _mark(lane: Lane) -> dict[str, Any]:
    """Return the options of a lane's mark."""
    colour = style.family_colour(lane.family)
    face = "white" if lane.is_control else colour
    return {"marker": MARKERS.get(lane.family, "s"), "ls": "", "ms": 3.2, "mec": colour, "mfc": face, "mew": 0.8}


def _list_notes(rows: pd.DataFrame, footnotes: notes.Footnotes, width: float) -> list[str]:
    """Return the lines of the footnotes below the panels, and of the mark of values that lack labels."""
    for row in iterate_rows(rows[rows["difference"].isna()]):
        footnotes.add(row.note)
    lines = [line for letter, text in footnotes.entries() for line in wrap_text(f"{letter} {text}", width, 3)]
    lacking = rows[rows["lacks_labels"].eq(True)]
    if len(lacking):
        names = " and ".join(labels.metric_label(metric) for metric in lacking["metric"].drop_duplicates())
        lines += wrap_text(f"{labels.LACKS_LABELS_NOTE} ({names})", width, 2)
    return lines


def _describe_dataset(dataset: str, rows: pd.DataFrame) -> str:
    """Return the title of a data set: its name, and the number of clusters that carry the differences."""
    mark = labels.lacks_labels_mark(*rows["lacks_labels"])
    numbers = rows.loc[rows["difference"].notna(), "n_clusters"]
    count = f"n = {labels.format_range(numbers)} groups of originals" if len(numbers) else "no value"
    return f"{dataset}{mark}, {count}"


def _add_axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    x, y = from_top_left(figure, left, top + height)
    total_width, total_height = figure.get_size_inches()
    return figure.add_axes((x, y, width / total_width, height / total_height))
