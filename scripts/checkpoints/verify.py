"""Rule `verify`: compare archives, data sets, checkpoints and the results of the run with their recorded SHA-256."""

from pathlib import Path

from samgap.download import verify
from samgap.errors import UserError
from samgap.jobs import verify_results
from samgap.jobs.script import job_context

with job_context(snakemake) as log:
    params = snakemake.params
    checks = {
        "archive": verify.verify_archive,
        "dataset": verify.verify_dataset,
        "checkpoint": verify.verify_checkpoint,
    }

    def report(results):
        """Print each result and return all of them."""
        kept = list(results)
        for line in verify.format_results(kept):
            print(line, flush=True)
            log.info(line)
        return kept

    fetched = [
        result for kind, check in checks.items() for path in params.recorded[kind] for result in report(check(path))
    ]
    results = report(verify_results.verify_results(Path(params.run_folder), params.rules))
    advice = []
    failed = [path for status, path, _ in fetched if status in verify.FAILED_STATUSES]
    if failed:
        advice.append(
            f"{len(failed)} of {len(fetched)} files differ or are missing; run `snakemake fetch` again with "
            "`--forcerun fetch_archive dataset checkpoint` (unchanged files in the cache are not downloaded again)"
        )
    failed = [path for status, path, _ in results if status in verify.FAILED_STATUSES]
    if failed:
        rules = sorted({verify_results.find_rule(path, params.rules) for path in failed})
        advice.append(
            f"{len(failed)} of {len(results)} results differ or are missing (rules: {', '.join(rules)}); delete those "
            "that differ and run the workflow again, which makes them and what depends on them"
        )
    if advice:
        raise UserError("; ".join(advice))
