"""Accounting for the test cluster: slurmdbd with a database of its own. It needs slurmdbd and mariadb-server."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PROGRAMS = ("slurmdbd", "mariadbd", "mariadb-install-db")
PORT = 17010
SLURM_CONF = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=17011
AccountingStoragePass={folder}/munge/socket
"""
SLURMDBD_CONF = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
DbdHost=localhost
DbdPort=17011
SlurmUser=root
LogFile={folder}/log/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort=17010
StorageUser=root
StorageLoc=slurm
"""


def find_missing_programs() -> list[str]:
    """Return the programs that accounting needs and that this machine lacks."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


def start_accounting(folder: Path, etc: Path, environment: dict[str, str], run: Callable[..., str]) -> None:
    """Start the database and slurmdbd.

    Args:
        folder: the folder of the test cluster.
        etc: the folder in which slurmdbd looks for its configuration.
        environment: the environment variables of the daemons.
        run: runs a command with these variables.
    """
    data = folder / "db"
    run("mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={data}", "--skip-test-db",
        "--auth-root-authentication-method=normal")  # fmt: skip
    command = ["mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={folder}/db.socket"]
    command += [f"--port={PORT}", "--bind-address=127.0.0.1", "--innodb-buffer-pool-size=64M"]
    with (folder / "log" / "mariadbd.log").open("wb") as log:
        subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
    _wait(lambda: (folder / "db.socket").exists())
    configuration = folder / "slurmdbd.conf"
    configuration.write_text(SLURMDBD_CONF.format(folder=folder), encoding="utf-8")
    configuration.chmod(0o600)
    (etc / "slurmdbd.conf").symlink_to(configuration)
    start_slurmdbd(folder, run)


def start_slurmdbd(folder: Path, run: Callable[..., str]) -> None:
    """Start slurmdbd, and wait until it answers."""
    run("slurmdbd")

    def answers() -> bool:
        try:
            run("sacctmgr", "--noheader", "list", "cluster")
        except RuntimeError:
            return False
        return True

    _wait(answers)


def stop_slurmdbd(folder: Path) -> None:
    """Kill slurmdbd; the controller keeps what it could not send."""
    os.kill(int((folder / "slurmdbd.pid").read_text(encoding="utf-8")), signal.SIGKILL)


def _wait(condition: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"the accounting of the test cluster did not start within {seconds:.0f} s")
        time.sleep(0.3)
