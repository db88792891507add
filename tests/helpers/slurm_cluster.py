"""A SLURM cluster on this machine: a controller and three nodes, two of them with two simulated GPUs each.

It needs Linux, root and the packages munge, slurmctld, slurmd and slurm-client.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import slurm_accounting

SNAKEMAKE = Path(__file__).parents[1] / "cluster" / "snakemake_without_waits.py"
# The folder is the same in every run, and all processes have the variable MARKER in their environment, so that the
# processes and files of a killed run can be removed.
FOLDER = Path(tempfile.gettempdir()) / "samgap-cluster"
MARKER = "SAMGAP_TEST_CLUSTER"
ETC = Path("/etc/slurm")
NODES = ("cpu1", "gpu1", "gpu2")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "scontrol", "sinfo", "squeue", "sacct")

# Job steps remove SLURM_* from the environment, and with it SLURM_CONF: the files must be in /etc/slurm.
SLURM_CONF = """\
ClusterName=samgap-test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=17000
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,sched_min_interval=0,defer_batch
ReturnToService=2
SlurmdTimeout=30
KillWait=5
MinJobAge=3600
GresTypes=gpu
DefMemPerCPU=200
SlurmdParameters=config_overrides
NodeName=cpu1 NodeHostname={host} NodeAddr=127.0.0.1 Port=17001 CPUs=4 RealMemory=64000 State=UNKNOWN
NodeName=gpu[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[17002-17003] CPUs=4 RealMemory=64000 Gres=gpu:a100:2
PartitionName=cpu Nodes=cpu1 Default=YES MaxTime=1-00:00:00 State=UP
PartitionName=gpu Nodes=gpu[1-2] MaxTime=1-00:00:00 State=UP
"""
GRES_CONF = "NodeName=gpu[1-2] Name=gpu Type=a100 File={folder}/dev/nvidia[0-1]\n"
# The site's file for `slurm-partition-config`: GPU jobs run in the partition with GPUs, others in the first one.
PARTITIONS = """\
partitions:
  cpu:
    max_runtime: 1440
  gpu:
    max_runtime: 1440
    max_gpu: 2
"""


class Cluster:
    """The running cluster: runs Snakemake and lists jobs."""

    def snakemake(self, *arguments: str, cwd: Path, timeout: int = 250) -> subprocess.CompletedProcess[str]:
        """Run `snakemake <arguments>` in `cwd` with the options that this cluster needs in addition to the profile."""
        streams = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        try:
            return subprocess.run(_command(*arguments), cwd=cwd, env=_user(), timeout=timeout, check=False, **streams)
        except subprocess.TimeoutExpired as error:
            output = (error.output or b"").decode(errors="replace")
            pytest.fail(f"not finished after {timeout} s\n{output[-6000:]}\n{_run('squeue')}")

    def start_snakemake(self, *arguments: str, cwd: Path, output: Path) -> subprocess.Popen:
        """Start the same command, with its messages in the file `output`, and return its process."""
        with output.open("wb") as stream:
            return subprocess.Popen(_command(*arguments), cwd=cwd, env=_user(), stdout=stream, stderr=subprocess.STDOUT)

    def run(self, *command: str) -> str:
        """Run a command of SLURM and return its output; a failure raises RuntimeError."""
        return _run(*command)

    def stop_controller(self) -> None:
        """Kill the controller. Jobs and nodes continue."""
        _kill_daemon(FOLDER / "slurmctld.pid")

    def start_controller(self) -> None:
        """Start the controller with the state that it saved, and wait until it answers."""
        _run("slurmctld")
        self.wait_for_answer()

    def wait_for_answer(self) -> None:
        """Wait until the controller answers."""
        deadline = time.monotonic() + 60
        while True:
            try:
                _run("squeue")
                return
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    def stop_node(self, node: str) -> None:
        """Kill the daemon of a node and the processes of its jobs, as if the machine had lost its power."""
        _kill_daemon(FOLDER / f"slurmd-{node}.pid")
        for process_id, name in _list_processes():
            if name.startswith("slurmstepd") or _runs_on(process_id, node):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process_id, signal.SIGKILL)

    def start_node(self, node: str) -> None:
        """Start the daemon of a node again."""
        _run("slurmd", "-N", node)

    def list_jobs(self, folder: Path) -> list[dict[str, str]]:
        """Return the fields of all jobs submitted from `folder`, oldest first: NodeList, JobState, Comment (the rule) …

        The controller keeps finished jobs for MinJobAge, so no accounting is needed.
        """
        lines = _run("scontrol", "--oneliner", "show", "jobs").splitlines()
        jobs = [dict(part.split("=", 1) for part in line.split() if "=" in part) for line in lines]
        return sorted((job for job in jobs if job.get("WorkDir") == str(folder)), key=lambda job: int(job["JobId"]))


def _command(*arguments: str) -> list[str]:
    site_options = ["--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10"]
    site_options += ["--slurm-partition-config", str(FOLDER / "partitions.yaml")]
    return [sys.executable, str(SNAKEMAKE), *arguments, *site_options]


def _user() -> dict[str, str]:
    """Return the environment variables of a user. SNAKEMAKE_* are settings of the user, not of the repository."""
    return {key: value for key, value in _environment().items() if not key.startswith("SNAKEMAKE_")}


def _kill_daemon(pid_file: Path) -> None:
    """Kill the daemon of a pid file and wait for its end."""
    process_id = int(pid_file.read_text(encoding="utf-8"))
    os.kill(process_id, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while any(process_id == other for other, _ in _list_processes()):
        assert time.monotonic() < deadline, f"process {process_id} does not end"
        time.sleep(0.1)


def _runs_on(process_id: int, node: str) -> bool:
    """Return whether a process belongs to a job on a node."""
    with contextlib.suppress(OSError):
        return f"SLURMD_NODENAME={node}\0".encode() in Path(f"/proc/{process_id}/environ").read_bytes()
    return False


def find_obstacle() -> str | None:
    """Return why no cluster can be started on this machine; None if it can."""
    if sys.platform != "linux":
        return f"{sys.platform} is not Linux"
    if os.geteuid() != 0:
        return "its daemons need root"
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        return f"{', '.join(missing)} not found (Debian: apt-get install munge slurmctld slurmd slurm-client)"
    if not ETC.is_dir():
        return f"{ETC} does not exist"
    daemons = [(process_id, name) for process_id, name in _list_processes() if name in ("slurmctld", "slurmd")]
    if foreign := [name for process_id, name in daemons if not _belongs_to_test_cluster(process_id, name)]:
        return f"{foreign[0]} of another cluster is running"
    return None


def start_cluster(has_accounting: bool = False) -> None:
    """Write the configuration, start all daemons and wait until the nodes are idle."""
    for name in ("state", "spool", "log", "dev", "munge"):
        (FOLDER / name).mkdir(parents=True)
    FOLDER.chmod(0o755)
    for gpu in range(2):  # SLURM requires a character device; any will do
        (FOLDER / "dev" / f"nvidia{gpu}").symlink_to("/dev/null")
    host = socket.gethostname().split(".")[0]
    for name, text in (("slurm.conf", SLURM_CONF), ("gres.conf", GRES_CONF), ("partitions.yaml", PARTITIONS)):
        if has_accounting:
            text = text.replace("AccountingStorageType=accounting_storage/none\n", slurm_accounting.SLURM_CONF)
        (FOLDER / name).write_text(text.format(host=host, folder=FOLDER), encoding="utf-8")
    for name in ("slurm.conf", "gres.conf"):
        if os.path.lexists(ETC / name):
            (ETC / name).rename(_backup_path(name))
        (ETC / name).symlink_to(FOLDER / name)

    # A separate munge with a separate key, because the machine may have another one.
    key = FOLDER / "munge" / "key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    _run("munged", *(f"--{option}={FOLDER / 'munge' / file}" for option, file in files.items()))
    if has_accounting:
        slurm_accounting.start_accounting(FOLDER, ETC, _environment(), _run)
    _run("slurmctld", "-c")
    for node in NODES:
        _run("slurmd", "-N", node)

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(RuntimeError):
            if _run("sinfo", "--noheader", "--Node", "--format=%T").split() == ["idle"] * len(NODES):
                return
        time.sleep(0.2)
    logs = "\n".join(
        f"{path.name}: {path.read_text(encoding='utf-8')[-2000:]}" for path in sorted(FOLDER.glob("log/*"))
    )
    raise RuntimeError(f"the nodes did not become idle within 30 s\n{logs}")


def stop_cluster() -> None:
    """End every process of this or an earlier test cluster, restore /etc/slurm and delete the folder."""
    deadline = time.monotonic() + 20
    while process_ids := [
        process_id for process_id, name in _list_processes() if _belongs_to_test_cluster(process_id, name)
    ]:
        for process_id in process_ids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise RuntimeError(f"processes of the test cluster do not end: {process_ids}")
        time.sleep(0.1)
    for name in ("slurm.conf", "gres.conf", "slurmdbd.conf"):
        if (ETC / name).is_symlink() and Path(os.readlink(ETC / name)) == FOLDER / name:
            (ETC / name).unlink()
        if os.path.lexists(_backup_path(name)):
            _backup_path(name).rename(ETC / name)
    shutil.rmtree(FOLDER, ignore_errors=True)


def _backup_path(name: str) -> Path:
    """Return the path of the machine's file while the tests replace it."""
    return ETC / f"{name}.before-samgap-test"


def _list_processes() -> Iterator[tuple[int, str]]:
    """Yield the id and the program name of every live process."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            name, state = folder.joinpath("stat").read_text(encoding="utf-8").partition("(")[2].rsplit(") ", 1)
            if state[0] != "Z":
                yield int(folder.name), name


def _belongs_to_test_cluster(process_id: int, name: str) -> bool:
    """Whether a process is a daemon or a job of a test cluster, or the Snakemake that submitted the jobs.

    Its environment has MARKER. SLURM's step managers overwrite their environment; their working directory is in FOLDER.
    """
    with contextlib.suppress(OSError):
        if f"{MARKER}={FOLDER}\0".encode() in Path(f"/proc/{process_id}/environ").read_bytes():
            return True
        return name.startswith("slurm") and Path(os.readlink(f"/proc/{process_id}/cwd")).is_relative_to(FOLDER)
    return False


def _environment() -> dict[str, str]:
    """Return the environment variables of all processes of the cluster."""
    return {**os.environ, MARKER: str(FOLDER), "OMP_NUM_THREADS": "1"}


def _run(*command: str) -> str:
    """Run a command and return its output; a failure raises RuntimeError with the message of the command."""
    process = subprocess.run(
        command, env=_environment(), encoding="utf-8", capture_output=True, timeout=60, check=False
    )
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {(process.stderr or process.stdout).strip()}")
    return process.stdout
