"""Differences between models and prompts on the same images, a block for each family of tests: the difference with
its 95 % confidence interval (paired bootstrap), p of the paired permutation test, corrected by Holm within the family,
Cohen's d of the paired differences with its interval, and the smallest difference that one test would find with 80 %
power.

The CSV holds the rows in full precision, with Bonferroni's correction and the paired t-test; the Markdown, LaTeX and
HTML forms are for reading. Where there is no value, a letter leads to the reason.
"""

from pathlib import Path

from samgap.jobs.script import job_context
from samgap.paper import csv, grid, labels, notes
from samgap.paper.style import has_demo_model
from samgap.tables import parquet
from samgap.tables.statistics import COMPARISONS

STUB = ["data set", "first", "second", "metric", "drawn", "instances"]
COLUMNS = ["first", "second", "difference", "p", "p (Holm)", "d", "detectable"]
NO_TEST = "–"
SOURCES = ("dataset", "model", "prompts"), ("dataset", "baseline_model", "baseline_prompts")


def block(name, found, declared, models, footnotes):
    lines = [line(row, models, footnotes) for row in found[found["comparison"] == name].itertuples()]
    return grid.Block(declared[name]["title"], [*STUB, *COLUMNS], len(STUB), lines)


def line(row, models, footnotes):
    sides = (row.model, row.prompts), (row.baseline_model, row.baseline_prompts)
    named = [f"{labels.model_label(models, model)} · {prompts}" for model, prompts in sides]
    drawn = f"{row.n_clusters:,} {row.clusters}{'' if row.n_clusters == 1 else 's'}"
    instances = labels.format_range([row.n_instances, row.baseline_n_instances])
    stub = [row.dataset, *named, labels.metric_label(row.metric), drawn, instances]
    if row.difference != row.difference:
        reason = grid.Cell(notes.note_kind(row.note), footnote=footnotes.add(row.note))
        values = [grid.Cell(NO_TEST), grid.Cell(NO_TEST), reason, *[grid.Cell(NO_TEST)] * (len(COLUMNS) - 3)]
    else:
        values = numbers(row, labels.metric_decimals(row.metric), footnotes)
    return [*map(grid.Cell, stub), *values]


def numbers(row, digits, footnotes):
    mark = footnotes.add(row.warning) if row.warning else ""
    return [
        grid.Cell(f"{row.value:.{digits}f}"),
        grid.Cell(f"{row.baseline_value:.{digits}f}"),
        grid.Cell(f"{row.difference:+.{digits}f}", interval(row.ci_low, row.ci_high, digits), mark),
        grid.Cell(chance(row.p_value)),
        grid.Cell(chance(row.p_holm)),
        grid.Cell(number(row.effect_size, 2), interval(row.effect_low, row.effect_high, 2)),
        grid.Cell(number(row.minimum_detectable, digits)),
    ]


def number(value, digits):
    return f"{value:.{digits}f}" if value == value else NO_TEST


def interval(low, high, digits):
    return f"{low:.{digits}f}, {high:.{digits}f}" if low == low else ""


def chance(p):
    return "< 0.001" if p < 0.001 else number(p, 3)


def with_sources(found, path):
    """The rows with the tables that each was made from, as the manifest looks for them."""
    inputs = sorted(parquet.read_provenance(path).get("inputs", {}))
    keys = ("dataset", "model", "prompts")

    def of(row):
        cells = [{f"{key}={getattr(row, name)}" for key, name in zip(keys, names, strict=True)} for names in SOURCES]
        return [source for source in inputs if any(cell <= set(Path(source).parts) for cell in cells)]

    return found.assign(source=[";".join([str(path), *of(row)]) for row in found.itertuples()])


with job_context(snakemake):
    entry, params = snakemake.params.entry, snakemake.params
    found = COMPARISONS.read(snakemake.input.comparisons)
    footnotes = notes.Footnotes()
    families = [name for name in params.comparisons if (found["comparison"] == name).any()]
    blocks = [block(name, found, params.comparisons, params.models, footnotes) for name in families]
    remarks = ["Difference: first less second [lower, upper end of the 95 % confidence interval]."]
    if not blocks:
        remarks = ["The configuration declares no comparison."]
    if has_demo_model(params.models, [*found["model"], *found["baseline_model"]]):
        remarks.append("Models marked demo are small ones trained by this repository: not the published checkpoints.")
    title = f"{entry['title']} ({entry['number']})"
    page = grid.PaperTable(snakemake.wildcards.table, title, blocks, footnotes.entries(), remarks)
    csv.write_csv(snakemake.output.csv, with_sources(found, snakemake.input.comparisons))
    for form, render in (("md", grid.render_markdown), ("tex", grid.render_latex), ("html", grid.render_html)):
        csv.write_text(snakemake.output[form], render(page))
