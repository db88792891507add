"""Rule `verify_demo_weights`: compare the estimates of the retrained demo models with their card."""

import pandas as pd

from samgap.demo_models.card import KEY_COLUMNS, compare_with_card
from samgap.errors import UserError
from samgap.io.files import atomic_write
from samgap.jobs.script import job_context
from samgap.tables.statistics import ESTIMATES

with job_context(snakemake) as log:
    if not snakemake.params.retrained:
        raise UserError(
            "no model of this configuration has its weights from a training, so there is nothing to compare with "
            f"{snakemake.input.card}; add `--configfile config/demo-models.yaml`"
        )
    card = pd.read_csv(snakemake.input.card)
    rows = compare_with_card(card, ESTIMATES.read(snakemake.input.estimates), snakemake.params.retrained)
    for row in rows.itertuples():
        log.warning(
            "%s %s %s on %s: %.3f, card %.3f [%.3f, %.3f]: %s",
            *(row.model, row.prompts, row.metric, row.dataset, row.value_rebuilt, row.value, row.ci_low, row.ci_high),
            "reached" if row.reached else "not reached",
        )
    with atomic_write(snakemake.output.table) as temporary:
        rows.to_csv(temporary, index=False)
    missed = rows[~rows["reached"]]
    if len(missed):
        first = ", ".join(f"{getattr(missed.iloc[0], key)}" for key in ("model", *KEY_COLUMNS))
        raise UserError(
            f"{len(missed)} of {len(rows)} figures of {snakemake.input.card} are not reached, the first: {first}; "
            f"see {snakemake.log[0]}"
        )
    log.warning("all %d figures of the card are reached", len(rows))
