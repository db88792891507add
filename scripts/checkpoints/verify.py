"""Rule verify: every archive, data set and checkpoint against its recorded sha256; one that differs stops."""

from samgap import verify
from samgap.errors import UserError
from samgap.job import job

with job(snakemake) as log:
    words = []
    for check in (verify.archive, verify.dataset, verify.checkpoint):
        for path in snakemake.params.recorded[check.__name__]:
            for line in verify.text(check(path)):
                print(line, flush=True)
                log.info(line)
                words.append(line.split()[0])
    bad = sum(words.count(word) for word in verify.BAD)
    if bad:
        raise UserError(
            f"{bad} of {len(words)} files differ or are missing; make them again: `snakemake fetch` as before and with "
            "`--forcerun fetch_archive dataset checkpoint` (what the cache holds whole is not fetched twice)"
        )
