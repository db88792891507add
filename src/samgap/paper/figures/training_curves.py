"""The loss of each training over its steps, and the scores of its validations.

Left: the total loss, the mean over the steps since the last point. Right: the scores on the
validation images; the bars are 95 % confidence intervals (bootstrap over images), and without a bar there is no
interval. n is the number of images. The training keeps the weights at the vertical line; without one, the last. Hours
are those of all its processes together.
"""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from samgap.paper import labels, style
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.no_data import draw_or_explain
from samgap.paper.plots import LegendEntry, add_axes, draw_heading, draw_legend, measure_legend
from samgap.tables import parquet
from samgap.tables.training import HISTORY

INPUTS = ("history",)
LEFT, GAP, HEADING_HEIGHT, PANEL_HEIGHT, AXIS_HEIGHT = 0.5, 0.55, 0.3, 1.3, 0.42
"""Sizes in inches."""
COLUMNS = ["training", "model", *HISTORY.columns, "kept_step", "hours", "peak_memory_gb", "note", "source"]
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Colours of the scores, which people with any colour vision can tell apart (Okabe & Ito)."""
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)))


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw a line of panels for each training of the entry, or of all trainings."""
    rows = build_rows(request)
    has_data = bool(rows["value"].notna().any())
    return draw_or_explain(rows, has_data, "the run has no training", lambda: draw_rows(rows, request))


def build_rows(request: FigureRequest) -> pd.DataFrame:
    """Return the rows of all histories with COLUMNS, and a row with a note for a training that was skipped."""
    frames = []
    for path in request.inputs["history"]:
        provenance = parquet.read_provenance(path)
        history = HISTORY.add_missing_columns(HISTORY.read(path))
        cost = provenance.get("cost", {})
        if history.empty:
            history = pd.DataFrame([dict.fromkeys(HISTORY.columns)])
        frames.append(
            history.assign(
                training=str(path).split("/")[-2],
                model=provenance.get("options", {}).get("model", ""),
                kept_step=provenance.get("kept_step"),
                hours=cost.get("hours"),
                peak_memory_gb=cost.get("peak_memory_gb"),
                note=f"skipped: {provenance['skipped']}" if provenance.get("skipped") else None,
                source=str(path),
            )
        )
    frames = [frame.astype(object) for frame in frames]
    return pd.concat(frames, ignore_index=True)[COLUMNS] if frames else pd.DataFrame(columns=COLUMNS)


def draw_rows(rows: pd.DataFrame, request: FigureRequest) -> Figure:
    """Draw the legend of the scores, and two panels for each training."""
    valued = rows[rows["value"].notna()]
    scores = [str(term) for term in dict.fromkeys(valued["term"]) if str(term).startswith("val_")]
    looks = {
        score: (COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)])
        for number, score in enumerate(scores)
    }
    entries = [
        LegendEntry(name_score(score), {"color": colour, "ls": dashes, "lw": 1.2, "marker": "o", "ms": 3})
        for score, (colour, dashes) in looks.items()
    ]
    skipped = rows[rows["note"].notna()]
    entries += [LegendEntry(f"{row['training']}: no data: {row['note']}") for _, row in skipped.iterrows()]
    trainings = list(valued.groupby("training", sort=False))
    legend_height, line_height = measure_legend(entries), HEADING_HEIGHT + PANEL_HEIGHT + AXIS_HEIGHT
    figure = Figure(
        figsize=(style.FIGURE_WIDTH_IN, legend_height + len(trainings) * line_height + style.STAMP_MARGIN_IN)
    )
    draw_legend(figure, entries)
    width = (style.FIGURE_WIDTH_IN - 2 * LEFT - GAP) / 2
    for number, (training, group) in enumerate(trainings):
        top = legend_height + number * line_height
        draw_heading(figure, describe_training(str(training), group, request), top + 0.06)
        draw_loss(add_axes(figure, LEFT, top + HEADING_HEIGHT, width, PANEL_HEIGHT), group)
        draw_scores(add_axes(figure, LEFT + width + GAP, top + HEADING_HEIGHT, width, PANEL_HEIGHT), group, looks)
    return figure


def describe_training(training: str, rows: pd.DataFrame, request: FigureRequest) -> str:
    """Return the heading of a training: its id, model, steps, cost and number of validation images."""
    first = rows.iloc[0]
    texts = [training, labels.model_label(request.models, first["model"]), f"{int(rows['step'].max()):,} steps"]
    if pd.notna(first["hours"]):
        texts.append(f"{first['hours']:.2g} h, at most {first['peak_memory_gb']:.1f} GB")
    if rows["n"].notna().any():
        texts.append(f"n = {labels.format_range(rows['n'].dropna().astype(int))}")
    return " · ".join(texts)


def name_score(term: str) -> str:
    """Return the name of a score in the legend: `val_box_iou` is `box iou`."""
    return term.removeprefix("val_").replace("_", " ")


def draw_loss(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the total loss over the steps."""
    loss = rows[rows["term"] == "total"].astype({"step": float, "value": float})
    _set_steps(axes, rows)
    if len(loss):
        highest = 1.05 * float(loss["value"].max())
        axes.set_ylim(0, highest)
        axes.set_yticks([tick for tick in axes.get_yticks() if 0 <= tick <= highest])
    axes.set_ylabel("total loss ↓", labelpad=3)
    axes.plot(loss["step"], loss["value"], color="0.25", lw=1, marker="o", ms=2, gid="loss")


def draw_scores(axes: Axes, rows: pd.DataFrame, looks: dict[str, tuple[str, Any]]) -> None:
    """Draw the validation scores over the steps with their intervals, and the step of the weights that are kept."""
    _set_steps(axes, rows)
    axes.set_ylim(0, 1)
    axes.set_ylabel("validation score ↑", labelpad=3)
    for term, group in rows[rows["term"].isin(looks)].groupby("term", sort=False):
        colour, dashes = looks[str(term)]
        group = group.astype({"step": float, "value": float, "lower": float, "upper": float})
        axes.plot(
            group["step"], group["value"], color=colour, ls=dashes, lw=1, marker="o", ms=3, clip_on=False, gid="score"
        )
        known = group[group["lower"].notna()]
        axes.vlines(known["step"], known["lower"], known["upper"], color=colour, lw=0.9, gid="ci")
    kept = rows.iloc[0]["kept_step"]
    if pd.notna(kept) and kept != rows["step"].max():
        axes.axvline(float(kept), color="0.6", lw=0.7, ls=(0, (4, 2)), zorder=0, gid="kept")


def _set_steps(axes: Axes, rows: pd.DataFrame) -> None:
    last = 1.03 * float(rows["step"].max())
    axes.set_xlim(0, last)
    axes.set_xticks([tick for tick in axes.get_xticks() if 0 <= tick <= last])
    axes.set_xlabel("step", labelpad=2)
