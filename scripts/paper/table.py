"""Make the table that the wildcard `table` names, with its module in samgap.paper.tables."""

from samgap.jobs.script import job_context
from samgap.paper.render import render_table
from samgap.paper.tables import TableRequest

with job_context(snakemake):
    request = TableRequest(
        table_id=snakemake.wildcards.table,
        inputs=dict(snakemake.input.items()),
        entry=snakemake.params.entry,
        models=snakemake.params.models,
        experiments=snakemake.params.experiments,
        comparisons=snakemake.params.comparisons,
        confidence=snakemake.params.confidence,
        rank_correlations=snakemake.params.rank_correlations,
    )
    render_table(request, dict(snakemake.output.items()))
