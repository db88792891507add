"""Ownership of a folder of unfinished work: one process at a time, and what happens when it is gone."""

import json
import logging
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from samgap.errors import UserError
from samgap.io import ownership
from samgap.io.ownership import own_folder

# A process that owns a folder until it is killed.
HOLD = """
import sys, time
from pathlib import Path
from samgap.io.ownership import own_folder
with own_folder(Path(sys.argv[1])):
    print("owner", flush=True)
    time.sleep(100)
"""


@pytest.fixture(autouse=True)
def no_waits(monkeypatch):
    monkeypatch.setattr(ownership, "ASK_AGAIN_S", 0.05)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)


@pytest.fixture
def hold():
    """A function that starts a process which owns a folder, and returns it."""
    processes = []

    def start(folder: Path) -> subprocess.Popen:
        command = [sys.executable, "-c", HOLD, str(folder)]
        environment = os.environ | {"PYTHONPATH": str(Path(ownership.__file__).parents[2])}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", env=environment)
        processes.append(process)
        assert process.stdout.readline() == "owner\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def write_owner(folder: Path, age_s: float = 0, **changes) -> Path:
    """Write the file of an owner on another node."""
    path = folder.with_name(f"{folder.name}.owner")
    owner = {"token": "other", "host": "another-node", "pid": 1, "slurm_job": "", "slurm_restarts": "0", "user": ""}
    path.write_text(json.dumps(owner | changes), encoding="utf-8")
    os.utime(path, (time.time() - age_s,) * 2)
    return path


def own_in_thread(folder: Path) -> tuple[threading.Thread, threading.Event]:
    """Start a thread that owns a folder for a moment; the event is set as soon as it is the owner."""
    is_owner = threading.Event()

    def own() -> None:
        with own_folder(folder):
            is_owner.set()

    thread = threading.Thread(target=own, daemon=True)
    thread.start()
    return thread, is_owner


def _add_many(folder: str, n_rounds: int) -> None:
    """Add 1 to the number in a file, several times, as only one process at a time may do."""
    ownership.ASK_AGAIN_S = 0.01
    number = Path(folder, "number")
    for _ in range(n_rounds):
        with own_folder(Path(folder)):
            value = int(number.read_text(encoding="utf-8"))
            time.sleep(0.005)
            number.write_text(str(value + 1), encoding="utf-8")


def test_processes_own_a_folder_one_after_the_other(tmp_path):
    (tmp_path / "number").write_text("0", encoding="utf-8")
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_add_many, args=(str(tmp_path), 10)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(100)
    assert (tmp_path / "number").read_text(encoding="utf-8") == "30"
    assert sorted(path.name for path in tmp_path.parent.glob(f"*{tmp_path.name}.owner*")) == []


def test_the_owner_is_waited_for_and_named(tmp_path, hold, caplog):
    folder = tmp_path / "shard"
    process = hold(folder)
    with caplog.at_level(logging.WARNING):
        thread, is_owner = own_in_thread(folder)
        assert not is_owner.wait(0.5)
    assert f"waiting for process {process.pid} on {socket.gethostname()}, which works on {folder}" in caplog.text
    process.kill()
    process.wait()
    thread.join(20)
    assert is_owner.is_set()


def test_an_owner_on_another_node_is_gone_when_it_is_silent(tmp_path):
    folder = tmp_path / "shard"
    write_owner(folder, age_s=ownership.SILENT_S - 60)
    _, is_owner = own_in_thread(folder)
    assert not is_owner.wait(0.5)
    write_owner(folder, age_s=ownership.SILENT_S + 60)
    assert is_owner.wait(20)


def test_silence_is_measured_by_the_clock_of_the_file_system(tmp_path, monkeypatch):
    folder = tmp_path / "shard"
    write_owner(folder)
    monkeypatch.setattr(ownership.time, "time", lambda: 0.0)  # the clock of this node is wrong
    assert ownership._measure_silence_s(folder.with_name("shard.owner")) < 60


@pytest.mark.parametrize(
    ("answer", "code", "is_over"),
    [
        ("RUNNING", 0, False),
        ("PENDING", 0, False),
        ("COMPLETED", 0, True),
        ("NODE_FAIL", 0, True),
        ("slurm_load_jobs error: Invalid job id specified", 1, True),
        ("slurm_load_jobs error: Unable to contact slurm controller", 1, False),
    ],
)
def test_an_owner_is_gone_when_slurm_says_that_its_job_is_over(tmp_path, monkeypatch, answer, code, is_over):
    squeue = tmp_path / "bin" / "squeue"
    squeue.parent.mkdir()
    squeue.write_text(f"#!/bin/sh\necho '{answer}' >&{2 if code else 1}\nexit {code}\n", encoding="utf-8")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", str(squeue.parent), prepend=os.pathsep)
    folder = tmp_path / "shard"
    write_owner(folder, slurm_job="7")
    _, is_owner = own_in_thread(folder)
    assert is_owner.wait(20 if is_over else 1) == is_over


def test_a_requeued_job_takes_over_from_itself(tmp_path, monkeypatch):
    folder = tmp_path / "shard"
    write_owner(folder, slurm_job="7")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    _, is_owner = own_in_thread(folder)
    assert is_owner.wait(20)


def test_a_process_that_was_replaced_writes_no_more(tmp_path):
    folder = tmp_path / "shard"
    with own_folder(folder) as owner:
        owner.check()
        path = write_owner(folder, slurm_job="8")
        with pytest.raises(UserError, match=r"shard: SLURM job 8, process 1 on another-node has taken over"):
            owner.check()
    assert json.loads(path.read_text(encoding="utf-8"))["token"] == "other", "the file of the new owner was removed"


def test_the_owner_shows_that_it_works(tmp_path, monkeypatch):
    monkeypatch.setattr(ownership, "TOUCH_EVERY_S", 0.05)
    with own_folder(tmp_path / "shard") as owner:
        os.utime(owner.path, (0, 0))
        deadline = time.monotonic() + 20
        while owner.path.stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert owner.path.stat().st_mtime > 0
    assert not owner.path.exists()


def test_a_folder_is_owned_on_a_file_system_without_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(ownership.os, "link", refuse)
    with own_folder(tmp_path / "shard") as owner:
        owner.check()
        assert [path.name for path in tmp_path.iterdir()] == ["shard.owner"]


def run_as_other_user(action) -> int:
    """Run a function in a child process with another user and group, and return its exit code."""
    process_id = os.fork()
    if process_id == 0:
        code = 1
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            action()
            code = 0
        except UserError:
            code = 3
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process_id, 0)[1])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("is_writable", [True, False])
def test_another_user_takes_over_from_a_gone_owner_in_a_folder_that_both_can_write(tmp_path, is_writable):
    folder = tmp_path / "shard"
    write_owner(folder, age_s=ownership.SILENT_S + 60)
    for path in (tmp_path, *tmp_path.parents[:-2]):
        path.chmod(path.stat().st_mode | 0o755)
    tmp_path.chmod(0o777 if is_writable else 0o755)

    def own() -> None:
        with own_folder(folder):
            pass

    assert run_as_other_user(own) == (0 if is_writable else 3)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_live_process_of_another_user_is_not_gone(tmp_path):
    def check() -> None:
        assert ownership.is_process_alive(os.getppid())

    assert run_as_other_user(check) == 0
