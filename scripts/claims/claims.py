"""Rule `claims`: decide the claims of the paper."""

from collections import Counter

from samgap.claims.data import TABLES, ClaimData
from samgap.claims.decide import decide_claims
from samgap.jobs.script import collect_provenance, job_context
from samgap.tables.claims import CLAIMS, get_verdict_kind

with job_context(snakemake) as log:
    section = snakemake.params.claims
    paths = {name: snakemake.input[name] for name in TABLES}
    data = ClaimData.read(
        paths,
        datasets=section.get("datasets", {}),
        models=section.get("models", {}),
        demo_models=snakemake.params.demo_models,
        sources=section["sources"],
    )
    rows = decide_claims(section["statements"], data, paths, snakemake.wildcards.run)
    log.info("verdicts: %s", dict(Counter(get_verdict_kind(row["verdict"]) for row in rows)))
    CLAIMS.write(snakemake.output.table, rows, collect_provenance(snakemake))
