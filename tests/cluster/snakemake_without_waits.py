"""Run Snakemake without the waits by which its SLURM plugin spares a large cluster: `python THIS_FILE ARGUMENTS`.

The plugin waits 10 s longer before each poll in which no job has finished. No option changes this. Here it waits
`CHECK_SECONDS`. The guards of the workflow in the working directory ask SLURM again after the same time.
"""

import importlib
import sys
from pathlib import Path

import snakemake_executor_plugin_slurm
from snakemake.cli import main

CHECK_SECONDS = 1


def remove_waits() -> None:
    """Replace the waits of the plugin and of the guards in this process."""
    executor = snakemake_executor_plugin_slurm.Executor
    executor.next_seconds_between_status_checks = property(lambda _: CHECK_SECONDS, lambda *_: None)
    source = Path("src").resolve()
    if (source / "samgap").is_dir():
        sys.path.insert(0, str(source))
        importlib.import_module("samgap.jobs.slurm.executor").SUBMIT_AGAIN_S = CHECK_SECONDS
        importlib.import_module("samgap.jobs.slurm.earlier_jobs").ASK_AGAIN_S = CHECK_SECONDS


if __name__ == "__main__":
    remove_waits()
    main()
