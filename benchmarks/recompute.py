"""Compute every value of a finished run again, from the raw masks and by other code, and compare.

    python -m benchmarks.recompute [--config config/demo.yaml] [--tolerance 1e-6]

Reads the configuration, `instances.json` of the data sets, and the prompts and masks of the run, and imports nothing of
`samgap`: masks are compared as arrays of pixels, average precision is that of pycocotools. Prints the largest deviation
of each metric and table as Markdown, then the values that deviate by more than the tolerance, and ends with exit code 1
if there are any, or if a metric has no second path and no reason for that. Intervals and p-values are not computed
again: `benchmarks/interval_coverage.py` and `benchmarks/permutation_sizes.py` simulate them.
"""

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.recomputation.raw import Run
from benchmarks.recomputation.tables import Check, check_run
from benchmarks.recomputation.values import NOT_RECOMPUTED, VALUES

TOLERANCE = 1e-6
"""Scores and boxes are stored as float32."""


def main() -> int:
    """Compare a run; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", nargs="+", default=["config/demo.yaml"], help="configuration files of the run")
    parser.add_argument("--folder", type=Path, default=Path(), help="the checkout with results/ and resources/")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help="largest deviation that is allowed")
    arguments = parser.parse_args()
    run = Run(arguments.folder, *arguments.config)
    checks = list(check_run(run))
    print_summary(checks)
    faults = [check for check in checks if not check.deviation <= arguments.tolerance]
    for check in faults:
        print(f"{check.table}: {check.row} {check.column}: {check.stored} in the table, {check.recomputed} from masks")
    missing = {metric for entry in run.config["experiments"].values() for metric in entry["metrics"]} - VALUES.keys()
    for metric in sorted(missing):
        print(f"{metric} has no second path: {NOT_RECOMPUTED.get(metric, 'add one to VALUES, or a reason')}")
    print(f"{len(checks)} values, {len(faults)} of them deviate by more than {arguments.tolerance:g}")
    return int(bool(faults) or not checks or bool(missing - NOT_RECOMPUTED.keys()))


def print_summary(checks: list[Check]) -> None:
    """Print the number of values and the largest deviation by table and column."""
    groups: dict[tuple[str, str], list[Check]] = defaultdict(list)
    for check in checks:
        groups[check.table, check.column].append(check)
    print("| table | value | number | undefined | largest deviation |\n|---|---|---|---|---|")
    for (table, column), group in groups.items():
        n_undefined = sum(np.isnan(check.recomputed) for check in group)
        print(f"| {table} | `{column}` | {len(group)} | {n_undefined} | {max(each.deviation for each in group):.1g} |")


if __name__ == "__main__":
    sys.exit(main())
