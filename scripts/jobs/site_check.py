"""Rule `site_check`: print what the CPU job and the GPU job found, and lines for the profile."""

from pathlib import Path

from samgap.io.files import read_json
from samgap.jobs import site_check
from samgap.jobs.script import job_context

with job_context(snakemake) as log:
    cpu, gpu = read_json(snakemake.input.cpu), read_json(snakemake.input.gpu)
    lines = [*site_check.format_report("CPU", cpu), *site_check.format_report("GPU", gpu)]
    lines += [f"problem: {text}" for text in site_check.list_problems(gpu)]
    lines += ["", "# lines for slurm/config.yaml", *site_check.suggest_profile_lines(cpu, gpu)]
    for line in lines:
        print(line, flush=True)
        log.info("%s", line)
    # The next check asks both nodes again. Snakemake keeps temporary files that no other output is made from.
    for path in snakemake.input:
        Path(path).unlink()
