"""Rule `choose_threshold`: choose the score threshold of a model on the validation images."""

from samgap.jobs.script import collect_provenance, job_context
from samgap.matching.score_thresholds import read_chosen_score
from samgap.statistics.cells import CellReader
from samgap.statistics.thresholds import choose_threshold
from samgap.tables.score_thresholds import THRESHOLDS

with job_context(snakemake) as log:
    cell = snakemake.params.cell
    ids = dict(zip(("dataset", "model", "prompts"), cell, strict=True))
    choice = choose_threshold(
        CellReader(snakemake.params.exhaustive, snakemake.input.pairs).read(tuple(cell)),
        snakemake.params.official_score,
    )
    rows = [ids | row for row in choice]
    THRESHOLDS.write(snakemake.output.table, rows, collect_provenance(snakemake))
    chosen_score = read_chosen_score(THRESHOLDS.read(snakemake.output.table))
    log.info("%s: %s", snakemake.wildcards.model, rows[0]["note"] or f"score threshold {chosen_score:.2f}")
