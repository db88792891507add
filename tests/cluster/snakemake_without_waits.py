"""Run Snakemake without the waits by which its SLURM plugin spares a large cluster: `python THIS_FILE ARGUMENTS`.

The plugin waits 5 s before each submission, and 10 s longer whenever no job has finished since its last check. No
option changes this. Here it waits `WAIT_SECONDS` and `CHECK_SECONDS`.
"""

import time
from types import SimpleNamespace

import snakemake_executor_plugin_slurm
from snakemake.cli import main

WAIT_SECONDS = 0.1
CHECK_SECONDS = 1


def remove_waits() -> None:
    """Replace the sleeps of the plugin in this process."""
    plugin = snakemake_executor_plugin_slurm
    plugin.time = SimpleNamespace(time=time.time, sleep=lambda _: time.sleep(WAIT_SECONDS))
    plugin.Executor.next_seconds_between_status_checks = property(lambda _: CHECK_SECONDS, lambda *_: None)


if __name__ == "__main__":
    remove_waits()
    main()
