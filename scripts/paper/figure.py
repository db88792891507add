"""Draw the figure that the wildcard `figure` names, with its module in samgap.paper.figures."""

from samgap.jobs.script import job_context
from samgap.paper.figures import FigureRequest
from samgap.paper.render import render_figure

with job_context(snakemake):
    request = FigureRequest(
        figure_id=snakemake.wildcards.figure,
        inputs=dict(snakemake.input.items()),
        entry=snakemake.params.entry,
        models=snakemake.params.models,
        score_threshold=snakemake.params.score_threshold,
    )
    render_figure(request, dict(snakemake.output.items()))
