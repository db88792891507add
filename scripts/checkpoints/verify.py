"""Rule `verify`: compare every archive, data set and checkpoint with its recorded SHA-256."""

from samgap.download import verify
from samgap.errors import UserError
from samgap.jobs.script import job_context

with job_context(snakemake) as log:
    statuses = []
    checks = {
        "archive": verify.verify_archive,
        "dataset": verify.verify_dataset,
        "checkpoint": verify.verify_checkpoint,
    }
    for kind, check in checks.items():
        for path in snakemake.params.recorded[kind]:
            for line in verify.format_results(check(path)):
                print(line, flush=True)
                log.info(line)
                statuses.append(line.split()[0])
    n_failed = sum(statuses.count(status) for status in verify.FAILED_STATUSES)
    if n_failed:
        raise UserError(
            f"{n_failed} of {len(statuses)} files differ or are missing; run `snakemake fetch` again with "
            "`--forcerun fetch_archive dataset checkpoint` (unchanged files in the cache are not downloaded again)"
        )
