"""Rule verify: every archive, data set and checkpoint against its recorded sha256; one that differs stops."""

from samgap.download import verify
from samgap.errors import UserError
from samgap.jobs.script import job_context

with job_context(snakemake) as log:
    words = []
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
                words.append(line.split()[0])
    bad = sum(words.count(word) for word in verify.FAILED_STATUSES)
    if bad:
        raise UserError(
            f"{bad} of {len(words)} files differ or are missing; make them again: `snakemake fetch` as before and with "
            "`--forcerun fetch_archive dataset checkpoint` (what the cache holds whole is not fetched twice)"
        )
