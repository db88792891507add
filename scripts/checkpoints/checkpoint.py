"""Rule `checkpoint`: fetch and verify a model's weights; write their card, with the reason if they are unavailable."""

from samgap.checkpoints.fetch import fetch_weights
from samgap.download.cache import read_settings
from samgap.io.files import write_json
from samgap.jobs.script import job_context

with job_context(snakemake):
    card = fetch_weights(
        snakemake.params.source,
        snakemake.output.weights,
        skip_unavailable=snakemake.params.skip_unavailable,
        trained_weights=snakemake.input.get("trained"),
        trained_card=snakemake.input.get("trained_card"),
        settings=read_settings(snakemake.config),
    )
    write_json(snakemake.output.card, {"model": snakemake.wildcards.model, **card})
