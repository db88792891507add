"""Rule `verify_demo_weights`: the rebuilt demo models held against the figures of the card."""

import pandas as pd

from samgap import tables
from samgap.errors import UserError
from samgap.files import replacing
from samgap.job import job
from samgap.statistics.rebuilt import KEYS, verdicts

with job(snakemake) as log:
    card = pd.read_csv(snakemake.input.card)
    rows = verdicts(card, tables.read(snakemake.input.estimates, "estimates"), snakemake.params.rebuilt)
    for row in rows.itertuples():
        log.warning(
            "%s %s %s on %s: %.3f, card %.3f [%.3f, %.3f]: %s",
            *(row.model, row.prompts, row.metric, row.dataset, row.value_rebuilt, row.value, row.ci_low, row.ci_high),
            "reached" if row.reached else "not reached",
        )
    with replacing(snakemake.output.table) as temporary:
        rows.to_csv(temporary, index=False)
    missed = rows[~rows["reached"]]
    if len(missed):
        first = ", ".join(f"{getattr(missed.iloc[0], key)}" for key in ("model", *KEYS))
        raise UserError(
            f"{len(missed)} of {len(rows)} figures of {snakemake.input.card} are not reached, the first: {first}; "
            f"see {snakemake.log[0]}"
        )
    log.warning("all %d figures of the card are reached", len(rows))
