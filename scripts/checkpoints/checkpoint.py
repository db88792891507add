"""Rule checkpoint: a model's weights, checked, beside a card that says what they are or why they are not there."""

from samgap.cache import settings
from samgap.checkpoints.fetch import fetch
from samgap.files import write_json
from samgap.job import job

with job(snakemake):
    card = fetch(
        snakemake.params.source,
        snakemake.output.weights,
        skip_unavailable=snakemake.params.skip_unavailable,
        trained=snakemake.input.get("trained"),
        trained_card=snakemake.input.get("trained_card"),
        how=settings(snakemake.config),
    )
    write_json(snakemake.output.card, {"model": snakemake.wildcards.model, **card})
