"""A full disk, and clocks of nodes that differ: the run says why it ended, and the next one makes the same tables."""

import os
import subprocess
import time

import pytest

from tests.helpers.fault_run import TARGETS

pytestmark = pytest.mark.cluster
OPTIONS = ["--profile", "slurm", *TARGETS]


@pytest.fixture
def small_disk(fault_run):
    """A disk of 16 kB for the predictions of a run, and a function that enlarges it."""
    folder = fault_run.folder / "results/faults/predictions"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    yield lambda: subprocess.run(["mount", "-o", "remount,size=50m", str(folder)], check=True)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
def test_a_full_disk_is_named_and_leaves_nothing_half_written(cluster, fault_run, undisturbed_run, small_disk):
    run = cluster.snakemake(*OPTIONS, "--retries", "0", cwd=fault_run.folder)
    assert run.returncode == 1 and "No space left on device" in run.stdout
    written = fault_run.read_tables()
    small_disk()
    assert cluster.snakemake(*OPTIONS, cwd=fault_run.folder).returncode == 0
    tables = fault_run.read_tables()
    assert tables == undisturbed_run.read_tables()
    assert written == {path: rows for path, rows in tables.items() if path in written}


@pytest.mark.slow
def test_clocks_that_differ_by_ten_minutes_change_no_table(cluster, fault_run, undisturbed_run):
    # Written by a node whose clock is fast: the inputs are newer than the outputs that other nodes make from them.
    now = time.time()
    for path in fault_run.folder.glob("results/faults/prompts/**/*.parquet"):
        os.utime(path, (now + 600, now + 600))
    run = cluster.snakemake(*OPTIONS, cwd=fault_run.folder)
    assert run.returncode == 0, run.stdout
    assert fault_run.read_tables() == undisturbed_run.read_tables()
