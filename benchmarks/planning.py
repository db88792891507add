"""Processor time and memory of planning: a dry run of Snakemake for a growing number of jobs.

    PYTHONPATH=src python benchmarks/planning.py [--jobs 1000 5000] [--against /path/to/another/checkout]

The configuration is the demo's, with as many shards of each data set as give about that number of jobs; nothing has to
be finished. Processor time depends little on other work on the machine, and includes the start of Python (about 3 s).
With `--against`, another checkout of the repository is measured in turn, so that two versions can be compared on a busy
machine. The output is a Markdown table.
"""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from _measuring import describe_machine

from samgap.config.catalogs import merge_catalogs

ROOT = Path(__file__).parents[1]
N_SHARDS = (10, 30)
"""Numbers of shards from which the jobs of a shard are counted."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--against", type=Path)
    args = parser.parse_args()
    checkouts = [ROOT, *([args.against.absolute()] if args.against else [])]
    print(f"{describe_machine()} (average over 5 minutes).\n")
    counts = {n_shards: plan(ROOT, n_shards)[0] for n_shards in N_SHARDS}
    low, high = N_SHARDS
    jobs_per_shard = (counts[high] - counts[low]) / (high - low)
    print("| checkout | shards | jobs | processor s | memory |\n|---|---|---|---|---|")
    for n_wanted in args.jobs:
        n_shards = max(1, round(low + (n_wanted - counts[low]) / jobs_per_shard))
        for checkout in checkouts:
            n_jobs, seconds, memory_mb = plan(checkout, n_shards)
            name = "this" if checkout == ROOT else "other"
            print(f"| {name} | {n_shards} | {n_jobs:,} | {seconds:.1f} | {memory_mb:,.0f} MB |", flush=True)


def plan(checkout: Path, n_shards: int) -> tuple[int, float, float]:
    """Plan the demo with `n_shards` shards, and return the jobs, the processor time in s and the peak memory in MB."""
    config = yaml.safe_load((checkout / "config/demo.yaml").read_text(encoding="utf-8"))
    return plan_config(checkout, merge_catalogs(config, checkout), n_shards)


def plan_config(checkout: Path, config: dict[str, Any], n_shards: int) -> tuple[int, float, float]:
    """Plan a configuration with the catalogs merged, as `plan` does, with `n_shards` shards of each data set."""
    config = {**config, "run": "planning"}
    config["datasets"] = {name: {**entry, "shards": n_shards} for name, entry in config["datasets"].items()}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "planning.yaml"
        file.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", "--nolock", "--cores", "1"]
        with open(Path(folder) / "output", "w+", encoding="utf-8") as output:
            process = subprocess.Popen(
                [*command, "--configfile", str(file)], cwd=checkout, stdout=output, stderr=subprocess.STDOUT
            )
            _, status, usage = os.wait4(process.pid, 0)
            output.seek(0)
            text = output.read()
    if status:
        sys.exit(f"planning failed:\n{text[-2000:]}")
    return int(re.findall(r"^total\s+(\d+)", text, re.MULTILINE)[-1]), *describe_usage(usage)


def describe_usage(usage: resource.struct_rusage) -> tuple[float, float]:
    """Return the processor time in s and the peak memory in MB."""
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
