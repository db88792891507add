"""Ownership of a folder of unfinished work: of several processes, on any nodes, one at a time writes into it.

The owner is a file beside the folder. Its process touches it, and another process may take it over as soon as the owner
is gone: its process does not exist (on the same host), its SLURM job has ended, or the file has not been touched for
`SILENT_S`. Locks of files are not used, because they are not visible to other nodes on some network file
systems. Times are compared with those of a new file in the same folder, so the clocks of the nodes may differ.
"""

import contextlib
import errno
import json
import logging
import os
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from samgap.errors import UserError
from samgap.io.files import read_json_object
from samgap.io.processes import is_process_alive

TOUCH_EVERY_S = 15.0
"""Seconds after which the owner touches its file."""
SILENT_S = 180.0
"""Seconds without a touch after which an owner counts as gone."""
ASK_AGAIN_S = 5.0
"""Seconds between two looks at the file of another owner."""
SLURM_TIMEOUT_S = 20

logger = logging.getLogger("samgap")


class Ownership:
    """The ownership of a folder, held by this process.

    Args:
        path: the file of the owner.
        token: what identifies this owner.
    """

    def __init__(self, path: Path, token: str) -> None:
        self.path, self.token = path, token

    def check(self) -> None:
        """Check that this process is still the owner, before it writes.

        Raises:
            UserError: another process has taken the folder over.
        """
        owner = read_json_object(self.path)
        if owner.get("token") != self.token:
            raise UserError(
                f"{self.path.with_suffix('')}: {describe_owner(owner)} has taken over this unfinished work, because "
                "this process did not answer; it goes on there"
            )


@contextlib.contextmanager
def own_folder(folder: Path) -> Iterator[Ownership]:
    """Be the owner of a folder in the block; wait for the end of another owner, and say who it is.

    Args:
        folder: the folder, which need not exist. The owner is the file `<folder>.owner`.

    Raises:
        UserError: this user cannot write beside the folder, or cannot replace the file of a gone owner.
    """
    path = folder.with_name(f"{folder.name}.owner")
    path.parent.mkdir(parents=True, exist_ok=True)
    ownership = Ownership(path, secrets.token_hex(8))
    _take(ownership)
    stop = threading.Event()
    thread = threading.Thread(target=_keep_touching, args=(ownership, stop), daemon=True)
    thread.start()
    try:
        yield ownership
    finally:
        stop.set()
        thread.join()
        if read_json_object(path).get("token") == ownership.token:
            path.unlink(missing_ok=True)


def _take(ownership: Ownership) -> None:
    has_warned = False
    while not _create(ownership):
        owner = read_json_object(ownership.path)
        if _is_gone(owner, ownership.path):
            _discard(ownership.path, owner)
            continue
        if not has_warned:
            has_warned = True
            logger.warning("waiting for %s, which works on %s", describe_owner(owner), ownership.path.with_suffix(""))
        time.sleep(ASK_AGAIN_S)


def _create(ownership: Ownership) -> bool:
    """Create the file of the owner with its content at once; return False if there is one."""
    text = json.dumps(_describe_process(ownership.token))
    temporary = ownership.path.with_name(f".{ownership.path.name}.{ownership.token}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.link(temporary, ownership.path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno == errno.EACCES:
            raise UserError(
                f"{ownership.path.parent} cannot be written by this user; let a group write that all users are in"
            ) from error
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.ENOSYS):
            raise
        return _create_without_link(ownership.path, text)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def _create_without_link(path: Path, text: str) -> bool:
    """Create the file on a file system without hard links; another process may see it before its content."""
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        return False
    return True


def _describe_process(token: str) -> dict[str, Any]:
    environment = os.environ
    return {
        "token": token,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "slurm_job": environment.get("SLURM_JOB_ID", ""),
        "slurm_restarts": environment.get("SLURM_RESTART_COUNT", "0"),
        "user": environment.get("USER", ""),
    }


def describe_owner(owner: Mapping[str, Any]) -> str:
    """Return the name of an owner in a message: its process, host and SLURM job."""
    if not owner:
        return "another process"
    job = f"SLURM job {owner['slurm_job']}, " if owner.get("slurm_job") else ""
    return f"{job}process {owner.get('pid')} on {owner.get('host')}"


def _is_gone(owner: Mapping[str, Any], path: Path) -> bool:
    """Return whether the process of an owner has ended."""
    if _measure_silence_s(path) > SILENT_S:
        return True
    if not owner:  # it is being written
        return False
    if owner.get("host") == socket.gethostname():
        return not is_process_alive(int(owner["pid"]))
    job = str(owner.get("slurm_job") or "")
    # The same job on another node: SLURM has started it again after its node failed.
    return bool(job) and (job == os.environ.get("SLURM_JOB_ID") or _is_job_over(job))


def _is_job_over(job: str) -> bool:
    """Return whether SLURM says that a job has ended; False if it does not say so."""
    command = ["squeue", "--noheader", "--states=all", "--format=%T", "--jobs", job]
    try:
        process = subprocess.run(command, encoding="utf-8", capture_output=True, timeout=SLURM_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    if process.returncode != 0:
        return "Invalid job id" in process.stderr
    states = process.stdout.split()
    return bool(states) and all(
        state in ("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT")
        for state in states
    )


def _measure_silence_s(path: Path) -> float:
    """Return the age of a file in seconds by the clock of its file system."""
    probe = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        probe.touch()
        return probe.stat().st_mtime - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
    finally:
        probe.unlink(missing_ok=True)


def _discard(path: Path, owner: Mapping[str, Any]) -> None:
    """Remove the file of a gone owner, unless another process has replaced it."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        os.rename(path, aside)
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(
            f"{path} of {describe_owner(owner)}, which has ended, cannot be removed ({error.strerror}); remove it"
        ) from error
    if read_json_object(aside).get("token") not in (owner.get("token"), None):
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    aside.unlink()


def _keep_touching(ownership: Ownership, stop: threading.Event) -> None:
    while not stop.wait(TOUCH_EVERY_S):
        with contextlib.suppress(OSError):
            os.utime(ownership.path)
