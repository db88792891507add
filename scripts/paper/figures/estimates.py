"""Every estimate over a whole data set with its 95 % confidence interval (bootstrap over images), a panel for each
metric and a line for each model and kind of prompt.

Beside every model that is prompted with boxes stand two that are no network and see only the box: all of its
pixels, and the ellipse inscribed in it (grey). What a model adds to its prompt is its distance from them. Under each
name are the images that the estimates rest on and the instances asked for in them. A dash means that the experiment
does not report the metric; a line without a value says why. The CSV beside the figure holds the rows drawn.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import AutoMinorLocator, MaxNLocator

from samgap.jobs.script import job_context
from samgap.paper import csv, labels, notes, style
from samgap.tables.statistics import ESTIMATES

LEFT, RIGHT, TOP, LINE, AXIS, GAP = 1.75, 0.1, 0.26, 0.33, 0.24, 0.16  # inches
ACROSS = 4
MARKERS = {"sam2": "o", "sam3": "s", "shape": "D"}
CELL = ["dataset", "model", "prompts"]


def drawn_rows(estimates, entry):
    """The rows drawn: whole data sets, the figure's experiments and metrics; a cell in two experiments once."""
    found = csv.select_experiments(estimates, entry["experiments"])
    found = found[(found["stratum"] == "all") & found["metric"].isin(entry["metrics"])]
    return found.drop_duplicates([*CELL, "metric"]).reset_index(drop=True)


def lines(drawn):
    """The cells, top to bottom: all models of the same data set and prompts side by side, in order of appearance."""
    cells = drawn[CELL].drop_duplicates()
    cells = list(cells.itertuples(index=False))
    together = list(dict.fromkeys((cell.dataset, cell.prompts) for cell in cells))
    return sorted(cells, key=lambda cell: together.index((cell.dataset, cell.prompts)))


def limits(name, found):
    """The axis of a metric: 0 to 1 (cgF1: 0 to 100), wider only where the values are."""
    values = found[["value", "ci_low", "ci_high"]].to_numpy(float)
    values = values[np.isfinite(values)]
    top = 100.0 if name == "cgf1" else 1.0
    low, high = (values.min(), values.max()) if values.size else (0.0, top)
    return min(0.0, low * 1.1), (top if high <= top else high * 1.1)


def name_of(cell, found, models, several_datasets):
    """The two lines of a cell's label: what it is, and what its estimates rest on."""
    parts = [labels.model_label(models, cell.model), cell.prompts.replace("-", " + ")]
    if several_datasets:
        parts.append(cell.dataset)
    rest = found[found["value"].notna()]
    if rest.empty:
        return " · ".join(parts), ""
    numbers = f"{labels.format_range(rest['n_images'])} images, {labels.format_range(rest['n_instances'])} instances"
    return " · ".join(parts), numbers


def draw(drawn, entry, models):
    metrics = [name for name in entry["metrics"] if (drawn["metric"] == name).any()]
    cells = lines(drawn)
    high = max(len(cells), 1) * LINE
    down = max(-(-len(metrics) // ACROSS), 1)
    across = max(-(-len(metrics) // down), 1)  # as evenly as it goes
    width = (style.FIGURE_WIDTH_IN - LEFT - RIGHT - (across - 1) * GAP) / across
    total = style.FIGURE_WIDTH_IN, down * (TOP + high + AXIS) + style.STAMP_MARGIN_IN
    figure = Figure(figsize=total)
    if not metrics:
        figure.text(0.5, 0.5, "not evaluable: no estimate of these experiments and metrics", ha="center", va="center")
        return figure
    for number, name in enumerate(metrics):
        row, column = divmod(number, across)
        left = LEFT + column * (width + GAP)
        bottom = total[1] - (row + 1) * (TOP + high + AXIS) + AXIS
        axes = figure.add_axes((left / total[0], bottom / total[1], width / total[0], high / total[1]))
        panel(axes, name, drawn[drawn["metric"] == name], cells, models, width)
        if column == 0:
            name_lines(axes, cells, drawn, models)
    return figure


def panel(axes, name, found, cells, models, width):
    """One metric: a marker and its interval for each cell, or why there is none."""
    axes.set_title(labels.metric_label(name), pad=4)
    axes.set_xlim(*limits(name, found))
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
        rows_of = found[(found[CELL] == list(cell)).all(axis=1)]
        if rows_of.empty:
            axes.text(middle, y, "–", ha="center", va="center", color="0.5")
            continue
        row = rows_of.iloc[0]
        if pd.isna(row["value"]):
            words = notes.shorten_note(row["note"], int(width * 17), 3)
            axes.text(
                middle, y, words, ha="center", va="center", fontsize=style.MIN_FONT_SIZE_PT, style="italic", linespacing=1.0,
                bbox={"fc": "white", "ec": "none", "pad": 0.5},
            )  # fmt: skip
            continue
        family = models.get(row["model"], {}).get("family", "")
        colour = style.family_colour(family)
        if pd.notna(row["ci_low"]):
            interval = [row["ci_low"], row["ci_high"]]
            axes.plot(interval, [y, y], color=colour, lw=0.9, marker="|", ms=4.5, mew=0.9, gid="ci", clip_on=False)
        axes.plot(row["value"], y, MARKERS.get(family, "^"), color=colour, ms=2.6, mew=0, clip_on=False)
        # The number over its marker, held inside the panel.
        low, high = axes.get_xlim()
        place = np.clip((row["value"] - low) / (high - low), 0.12 / width, 1 - 0.12 / width)
        words = f"{row['value']:.{min(labels.metric_decimals(name), 2)}f}"
        axes.annotate(
            words, (place, y), (0, 3.2), xycoords=axes.get_yaxis_transform(), textcoords="offset points",
            ha="center", va="bottom", fontsize=style.MIN_FONT_SIZE_PT, color="0.25",
        )  # fmt: skip


def name_lines(axes, cells, drawn, models):
    """The labels at the left: a cell's name in its family's colour, what its estimates rest on below it in grey."""
    several = len({cell.dataset for cell in cells}) > 1
    for y, cell in enumerate(cells):
        found = drawn[(drawn[CELL] == list(cell)).all(axis=1)]
        name, numbers = name_of(cell, found, models, several)
        place = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points", "ha": "right"}
        colour = style.family_colour(models.get(cell.model, {}).get("family", ""))
        up, va = (0.5, "bottom") if numbers else (0, "center")
        axes.annotate(name, (0, y), (-5, up), va=va, color=colour, **place)
        axes.annotate(numbers, (0, y), (-5, -0.5), va="top", color="0.4", fontsize=style.MIN_FONT_SIZE_PT, **place)


with job_context(snakemake):
    entry, models = snakemake.params.entry, snakemake.params.models
    drawn = drawn_rows(ESTIMATES.read(snakemake.input.estimates), entry)
    with style.figure_style():
        figure = draw(drawn, entry, models)
        demo = style.has_demo_model(models, drawn["model"])
        style.save_figure(figure, [snakemake.output.pdf, snakemake.output.svg, snakemake.output.png], demo)
    csv.write_csv(snakemake.output.rows, drawn)
