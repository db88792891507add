"""The cluster of these tests; without Linux, root or SLURM's packages they are skipped with a one-line reason."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.fault_run import FaultRun
from tests.helpers.slurm_accounting import find_missing_programs
from tests.helpers.slurm_cluster import ETC, Cluster, find_obstacle, start_cluster, stop_cluster

MAX_LOCK_SECONDS = 250


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A new cluster, stopped at the end in any case; only one at a time runs on a machine."""
    with _run_cluster() as running:
        yield running


@pytest.fixture(scope="module")
def accounted_cluster() -> Iterator[Cluster]:
    """The same cluster with accounting."""
    if missing := find_missing_programs():
        pytest.skip(f"no accounting here: {', '.join(missing)} not found (Debian: slurmdbd, mariadb-server)")
    with _run_cluster(has_accounting=True) as running:
        yield running


@contextlib.contextmanager
def _run_cluster(has_accounting: bool = False) -> Iterator[Cluster]:
    if reason := find_obstacle():
        pytest.skip(f"no SLURM here: {reason}")
    lock = os.open(ETC, os.O_RDONLY)
    try:
        deadline = time.monotonic() + MAX_LOCK_SECONDS
        while not _try_lock(lock):
            if time.monotonic() > deadline:
                pytest.fail(f"another run of these tests has been using SLURM for {MAX_LOCK_SECONDS} s")
            time.sleep(0.5)
        stop_cluster()
        try:
            start_cluster(has_accounting)
            yield Cluster()
        finally:
            stop_cluster()
    finally:
        os.close(lock)


def _try_lock(file_descriptor: int) -> bool:
    """Take the lock and return True, or return False if another process has it."""
    try:
        fcntl.flock(file_descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@pytest.fixture(scope="session")
def undisturbed_run(tmp_path_factory: pytest.TempPathFactory) -> FaultRun:
    """A run of two shards that has finished without a cluster. Tests work on a copy without its predictions."""
    return FaultRun.make(tmp_path_factory.mktemp("faults").resolve() / "samgap")


@pytest.fixture
def fault_run(undisturbed_run: FaultRun, tmp_path: Path) -> FaultRun:
    """A copy of the undisturbed run without predictions."""
    return undisturbed_run.copy(tmp_path.resolve() / "samgap")
