"""Rule `demo_card`: the figures that the demo models' card tells."""

from samgap import tables
from samgap.files import replacing
from samgap.job import job
from samgap.statistics.rebuilt import figures

with job(snakemake):
    rows = figures(tables.read(snakemake.input.estimates, "estimates"), snakemake.params.models)
    with replacing(snakemake.output.table) as temporary:
        rows.to_csv(temporary, index=False)
