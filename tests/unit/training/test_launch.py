"""The start of several processes: the command, their messages and errors, and signals that are passed on."""

import logging
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from samgap.errors import UserError
from samgap.training import launch


def run_python(monkeypatch, folder, code):
    """Run processes that are a Python program with `code`, in which `job` is the path of the job."""
    command = [sys.executable, "-c", f"import pathlib\njob = pathlib.Path({str(folder / 'job.json')!r})\n{code}"]
    monkeypatch.setattr(launch, "make_command", lambda *arguments: command)
    launch.run_processes({"seed": 3}, folder / "job.json", 2)


def test_the_command_starts_a_process_for_each_gpu():
    command = launch.make_command(Path("job.json"), 4)
    assert command[:3] == [sys.executable, "-m", "torch.distributed.run"]
    assert {"--nproc-per-node=4", "--standalone"} <= set(command) and command[-2:] == [
        "samgap.training.process",
        "job.json",
    ]


def test_messages_are_logged_and_the_job_is_removed(monkeypatch, tmp_path, caplog):
    caplog.set_level(logging.INFO, "samgap")
    run_python(monkeypatch, tmp_path, "print(job.read_text())")
    assert '"seed": 3' in caplog.text
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("job.with_suffix('.error').write_text('training: no images'); raise SystemExit(1)", "^training: no images$"),
        ("raise SystemExit(7)", "torchrun ended with exit code 7; the reason is above in the log"),
    ],
)
def test_an_error_of_a_process_is_one_line(monkeypatch, tmp_path, code, message):
    with pytest.raises(UserError, match=message):
        run_python(monkeypatch, tmp_path, code)
    assert not list(tmp_path.iterdir())


def test_a_signal_is_passed_on(monkeypatch, tmp_path):
    import os
    import signal

    code = (
        "import signal, sys, time\n"
        "def stop(*_):\n"
        "    job.with_suffix('.error').write_text('stopped at step 5'); sys.exit(1)\n"
        "signal.signal(signal.SIGTERM, stop); job.with_suffix('.ready').touch(); time.sleep(60)"
    )

    def send_when_ready():
        while not (tmp_path / "job.ready").exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGUSR1)

    threading.Thread(target=send_when_ready).start()
    with pytest.raises(UserError, match="stopped at step 5"):
        run_python(monkeypatch, tmp_path, code)


def test_fewer_gpus_than_asked_for_are_one_line(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UserError, match="gpus is 4, but this job has 1; set gpus to this number"):
        launch.check_gpus(4, "cuda")
    launch.check_gpus(4, "cpu")
