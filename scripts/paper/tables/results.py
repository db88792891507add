"""The estimates of both models with 95 % confidence intervals (bootstrap over images), a block for each experiment;
below each, the same by phrase or other part of the data where there is one.

The CSV holds the estimates row by row in full precision, the Markdown, LaTeX and HTML forms are for reading. Where
there is no value, a letter leads to the reason.
"""

from samgap.jobs.script import job_context
from samgap.paper import csv, grid, labels, notes
from samgap.paper.style import has_demo_model
from samgap.tables.statistics import ESTIMATES

KEYS = ["dataset", "model", "prompts"]
STUB = ["data set", "model", "prompts"]
ABSENT = "–"


def blocks_of(found, experiments, models, footnotes):
    """For each experiment the block of the whole data sets and, where there are any, the block of their strata."""
    blocks = []
    for experiment, rows_of in found.groupby("experiment", sort=False):
        title = experiments[experiment]["title"]
        order = [name for name in experiments[experiment]["metrics"] if (rows_of["metric"] == name).any()]
        whole = rows_of["stratum"] == "all"
        for part, heading, keys in (
            (rows_of[whole], title, KEYS),
            (rows_of[~whole], f"{title}, by stratum", [*KEYS, "stratum"]),
        ):
            metrics = [name for name in order if (part["metric"] == name).any()]
            if metrics:
                blocks.append(block(part, heading, keys, metrics, models, footnotes))
    return blocks


def block(part, heading, keys, metrics, models, footnotes):
    stub = [*STUB, *keys[len(KEYS) :], "images", "instances"]
    lines = []
    for key, cell in part.groupby(keys, sort=False):
        named = dict(zip(keys, key, strict=True))
        named["model"] = labels.model_label(models, named["model"])
        numbers = [labels.format_range(cell[column]) for column in ("n_images", "n_instances")]
        by_metric = {row.metric: row for row in cell.itertuples()}
        values = [value(by_metric.get(name), name, footnotes) for name in metrics]
        lines.append([*(grid.Cell(text) for text in [*named.values(), *numbers]), *values])
    return grid.Block(heading, [*stub, *map(labels.metric_label, metrics)], len(keys), lines)


def value(row, metric, footnotes):
    """One estimate as printed: its value and interval, or what is the matter with it."""
    if row is None:
        return grid.Cell(ABSENT)
    if row.value != row.value:
        return grid.Cell(notes.note_kind(row.note), footnote=footnotes.add(row.note))
    digits = labels.metric_decimals(metric)
    known = row.ci_low == row.ci_low
    interval = f"{row.ci_low:.{digits}f}, {row.ci_high:.{digits}f}" if known else ""
    return grid.Cell(f"{row.value:.{digits}f}", interval, footnotes.add(row.warning) if row.warning else "")


with job_context(snakemake):
    entry, models = snakemake.params.entry, snakemake.params.models
    found = csv.select_experiments(ESTIMATES.read(snakemake.input.estimates), entry["experiments"])
    footnotes = notes.Footnotes()
    blocks = blocks_of(found, snakemake.params.experiments, models, footnotes)
    remarks = ["Value [lower, upper end of the 95 % confidence interval]."]
    if any(cell.text == ABSENT for part in blocks for line in part.rows for cell in line):
        remarks.append(f"{ABSENT}: not among the estimates of this row.")
    if has_demo_model(models, found["model"]):
        remarks.append("Models marked demo are small ones trained by this repository: not the published checkpoints.")
    title = f"{entry['title']} ({entry['number']})"
    page = grid.PaperTable(snakemake.wildcards.table, title, blocks, footnotes.entries(), remarks)
    csv.write_csv(snakemake.output.csv, found)
    for form, render in (("md", grid.render_markdown), ("tex", grid.render_latex), ("html", grid.render_html)):
        csv.write_text(snakemake.output[form], render(page))
