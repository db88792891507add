"""Rule `demo_card`: select the estimates that the demo models' card records."""

from samgap.demo_models.card import select_card_rows
from samgap.io.files import atomic_write
from samgap.jobs.script import job_context
from samgap.tables.statistics import ESTIMATES

with job_context(snakemake):
    rows = select_card_rows(ESTIMATES.read(snakemake.input.estimates), snakemake.params.models)
    with atomic_write(snakemake.output.table) as temporary:
        rows.to_csv(temporary, index=False)
