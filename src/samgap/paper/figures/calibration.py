"""How far the score of a mask is from the probability that the mask is correct (reliability diagram), for noun phrases.

Above: precision over mean score of the predictions in ten bins by score; on the diagonal the score is that probability.
An open marker is a bin with fewer than 20 predictions. Below: the number n of predictions in each bin, on a logarithmic
axis. All stored predictions count, at any score threshold; one is correct if it matches an instance at IoU 0.5,
greedily by score, and those that `ignore` instances excuse are left out, as in the metric `calibration`. ECE is the
mean distance to the diagonal, weighted by n. There are no intervals, as none holds its level. A dagger (†) marks data
sets whose labels are not exhaustive: background objects count as incorrect.
"""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from samgap.metrics import calibration
from samgap.metrics.row_masks import is_evaluable_phrase
from samgap.paper import labels, style
from samgap.paper.cell_tables import CELL, add_skipped_cells, list_skips, read_shards
from samgap.paper.csv import iterate_rows
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.layout import from_top_left, wrap_text
from samgap.paper.no_data import draw_or_explain
from samgap.paper.plots import EDGE_IN, FOOTNOTE_LINE_IN, add_axes, draw_footnotes, wrap_footnote
from samgap.tables.matching import PAIRS
from samgap.tables.statistics import ESTIMATES

INPUTS = ("pairs",)
FEW = 20
"""Bins with fewer predictions have an open marker."""
KEY = f"dashed: the score is the precision; open circle: fewer than {FEW} masks; n: logarithmic"
N_COLUMNS = 2
PANEL_LEFT, PANEL_GAP, HEADING_HEIGHT, AXIS_HEIGHT = 0.5, 0.55, 0.42, 0.42
PANEL_HEIGHT, BARS_GAP, BARS_HEIGHT = 1.7, 0.2, 0.5
"""Sizes in inches."""
COLUMNS = [*CELL, "bin", "score_from", "score_to", "n", "n_correct", "mean_score", "precision", "ece", "n_images"]
COLUMNS += ["lacks_labels", "note", "source"]


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw the cells with phrases of the entry's experiments, two side by side."""
    rows = build_rows(request)
    drawn = [cell for _, cell in rows.groupby(CELL, sort=False) if cell["n"].sum() > 0]
    absent = "no prediction of an evaluable phrase in these experiments"
    return draw_or_explain(rows, bool(drawn), absent, lambda: draw_cells(drawn, rows, request))


def build_rows(request: FigureRequest) -> pd.DataFrame:
    """Return a row for each cell and bin with COLUMNS, and a row with a note for each cell without predictions."""
    pairs = read_shards(PAIRS, request.inputs["pairs"])
    estimates = ESTIMATES.read(request.inputs["estimates"])
    marked = estimates[estimates["lacks_labels"].fillna(False).astype(bool)]
    lacking = set(map(tuple, marked[CELL].to_numpy()))
    skips = list_skips(request.inputs["pairs"])
    frames = []
    for (dataset, model, prompts), group in pairs.groupby(CELL, sort=False):
        cell = dataset, model, prompts
        phrases = group[is_evaluable_phrase(group)]
        if phrases.empty or cell in skips:
            continue
        frame = count_bins(phrases).assign(
            dataset=str(dataset),
            model=str(model),
            prompts=str(prompts),
            n_images=phrases["image_id"].nunique(),
            lacks_labels=cell in lacking,
            source=";".join(dict.fromkeys(group["source"])),
        )
        frames.append(frame)
    rows = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=COLUMNS)
    return add_skipped_cells(rows, skips, COLUMNS)


def count_bins(phrases: pd.DataFrame) -> pd.DataFrame:
    """Return the ten bins of the evaluable phrases of a cell, with the error of the whole.

    Args:
        phrases: Rows of table `pairs`.
    """
    sums = {name: each.sum(axis=0) for name, each in calibration.sufficient_statistics(phrases).items()}
    edges = np.arange(calibration.N_BINS + 1) / calibration.N_BINS
    n = sums["count"]
    with np.errstate(invalid="ignore"):
        precision, mean_score = sums["correct"] / n, sums["score"] / n
    ece = float(calibration.compute({name: each[None] for name, each in sums.items()})[0])
    return pd.DataFrame(
        {
            "bin": np.arange(calibration.N_BINS) + 1,
            "score_from": edges[:-1],
            "score_to": edges[1:],
            "n": n.astype(int),
            "n_correct": sums["correct"].astype(int),
            "mean_score": mean_score,
            "precision": precision,
            "ece": ece,
        }
    )


def draw_cells(cells: list[pd.DataFrame], rows: pd.DataFrame, request: FigureRequest) -> Figure:
    """Draw a diagram for each cell, and at the bottom why others have none."""
    notes = rows[rows["note"].notna()]
    footnotes = [
        line
        for row in iterate_rows(notes)
        for line in wrap_footnote(
            f"{labels.model_label(request.models, row.model)} · {row.dataset}: no data: {row.note}"
        )
    ]
    if any(cell["lacks_labels"].any() for cell in cells):
        footnotes += wrap_footnote("† labels are not exhaustive: background objects count as incorrect.")
    # One diagram alone is half as wide, unless there are texts below it.
    is_single = len(cells) == 1 and not footnotes
    figure_width = style.FIGURE_WIDTH_IN / (2 if is_single else 1)
    footnotes = [*wrap_text(KEY, figure_width - 2 * EDGE_IN, 3), *footnotes] if cells else footnotes
    n_lines = -(-len(cells) // N_COLUMNS)
    line_height = HEADING_HEIGHT + PANEL_HEIGHT + BARS_GAP + BARS_HEIGHT + AXIS_HEIGHT
    height = n_lines * line_height + len(footnotes) * FOOTNOTE_LINE_IN + style.STAMP_MARGIN_IN
    figure = Figure(figsize=(figure_width, height))
    draw_footnotes(figure, footnotes)
    width = (style.FIGURE_WIDTH_IN - N_COLUMNS * PANEL_GAP - 2 * EDGE_IN) / N_COLUMNS
    for number, cell in enumerate(cells):
        line, column = divmod(number, N_COLUMNS)
        left, top = PANEL_LEFT + column * (width + PANEL_GAP), line * line_height
        first: Any = next(iterate_rows(cell))
        colour = style.family_colour(request.models.get(first.model, {}).get("family", ""))
        mark = " †" if first.lacks_labels else ""
        name = f"{labels.model_label(request.models, first.model)} · {first.prompts} · {first.dataset}"
        counts = f"ECE {first.ece:.3f}{mark} · n = {cell['n'].sum():,} in {first.n_images:,} images"
        x, y = from_top_left(figure, left, top + EDGE_IN)
        figure.text(
            x, y, f"{wrap_text(name, width, 1)[0]}\n{counts}", va="top", fontsize=style.MIN_FONT_SIZE_PT,
            color=colour, linespacing=1.4, gid="heading",
        )  # fmt: skip
        draw_reliability(add_axes(figure, left, top + HEADING_HEIGHT, width, PANEL_HEIGHT), cell, colour)
        bars_top = top + HEADING_HEIGHT + PANEL_HEIGHT + BARS_GAP
        draw_counts(add_axes(figure, left, bars_top, width, BARS_HEIGHT), cell, colour)
    return figure


def draw_reliability(axes: Axes, cell: pd.DataFrame, colour: str) -> None:
    """Draw precision over mean score, a marker for each bin with predictions, and the diagonal."""
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_ylabel("precision@50", labelpad=2)
    axes.tick_params(labelbottom=False)
    axes.plot([0, 1], [0, 1], color="0.5", lw=0.7, ls=(0, (4, 2)), gid="diagonal")
    filled = cell[cell["n"] > 0]
    axes.plot(filled["mean_score"], filled["precision"], color=colour, lw=1)
    for is_few, group in filled.groupby(filled["n"] < FEW):
        axes.plot(
            group["mean_score"], group["precision"], "o", ms=4, mfc="white" if is_few else colour, mec=colour, mew=0.9,
            clip_on=False, gid="few" if is_few else "bin",
        )  # fmt: skip


def draw_counts(axes: Axes, cell: pd.DataFrame, colour: str) -> None:
    """Draw the number of predictions of each bin as a bar, with the number above it."""
    axes.set_xlim(0, 1)
    axes.set_yscale("log")
    axes.set_ylim(0.7, max(10, cell["n"].max() * 1.3))
    axes.set_yticks([])
    axes.minorticks_off()
    axes.set_xlabel("score", labelpad=2)
    axes.set_ylabel("n", labelpad=19)
    centres = (cell["score_from"] + cell["score_to"]) / 2
    axes.bar(centres, cell["n"].astype(float), width=0.09, color=colour, alpha=0.5, gid="n")
    for centre, n in zip(centres, cell["n"], strict=True):
        axes.annotate(
            f"{int(n):,}", (centre, 1), (0, 1.5), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="center", va="bottom", fontsize=style.MIN_FONT_SIZE_PT, color="0.25",
        )  # fmt: skip
