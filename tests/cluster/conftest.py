"""A SLURM of its own on this one machine: a controller and three nodes, two of them with two stand-in GPUs each.

It needs Linux, root and the packages munge, slurmctld, slurmd and slurm-client; otherwise the tests skip with one line.
"""

import contextlib
import fcntl
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

REPOSITORY = Path(__file__).parents[2]
# Always the same folder, and a mark in the environment of all that is started here: so what a killed run left is found.
FOLDER = Path(tempfile.gettempdir()) / "samgap-cluster"
MARK = "SAMGAP_TEST_CLUSTER"
ETC = Path("/etc/slurm")
NODES = ("cpu1", "gpu1", "gpu2")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scancel", "scontrol", "sinfo", "squeue", "sacct")

# The jobs' own steps strip SLURM_* from the environment, SLURM_CONF with it: so the files must lie in /etc/slurm.
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
# What a site writes for `slurm-partition-config`: GPU jobs go to the partition with GPUs, all others to the first.
PARTITIONS = """\
partitions:
  cpu:
    max_runtime: 1440
  gpu:
    max_runtime: 1440
    max_gpu: 2
"""


class Cluster:
    """The running cluster: Snakemake on it, and what became of its jobs."""

    def snakemake(self, *arguments: str, cwd: Path, timeout: int = 480) -> subprocess.CompletedProcess[str]:
        """Run `snakemake <arguments>` in `cwd` with what this small cluster needs besides the profile."""
        site = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1"]
        site += ["--slurm-partition-config", str(FOLDER / "partitions.yaml"), "--latency-wait", "10"]
        command = [sys.executable, "-m", "snakemake", *arguments, *site]
        # Quiet settings of the one who runs the tests: they are not the repository's.
        environment = {key: value for key, value in _environment().items() if not key.startswith("SNAKEMAKE_")}
        streams = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        try:
            return subprocess.run(command, cwd=cwd, env=environment, timeout=timeout, check=False, **streams)
        except subprocess.TimeoutExpired as late:
            output = (late.output or b"").decode(errors="replace")
            pytest.fail(f"not finished after {timeout} s\n{output[-6000:]}\n{_run('squeue')}")

    def jobs(self, folder: Path) -> list[dict[str, str]]:
        """What SLURM knows of every job submitted from `folder`, oldest first: NodeList, JobState, Comment (the rule) …

        The controller keeps finished jobs for MinJobAge, so this needs no accounting.
        """
        lines = _run("scontrol", "--oneliner", "show", "jobs").splitlines()
        found = [dict(part.split("=", 1) for part in line.split() if "=" in part) for line in lines]
        mine = [job for job in found if job.get("WorkDir") == str(folder)]
        return sorted(mine, key=lambda job: int(job["JobId"]))


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster that is idle at first and gone at the end, whatever happens between; one at a time on a machine."""
    if why := _why_not():
        pytest.skip(f"no SLURM here: {why}")
    lock = os.open(ETC, os.O_RDONLY)
    try:
        deadline = time.monotonic() + 400
        while not _locked(lock):
            if time.monotonic() > deadline:
                pytest.fail("another run of these tests has been using SLURM for 400 s")
            time.sleep(0.5)
        _stop()
        try:
            _start()
            yield Cluster()
        finally:
            _stop()
    finally:
        os.close(lock)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _why_not() -> str | None:
    if sys.platform != "linux":
        return f"{sys.platform} is not Linux"
    if os.geteuid() != 0:
        return "its daemons need root"
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        return f"{', '.join(missing)} not found (Debian: apt-get install munge slurmctld slurmd slurm-client)"
    if not ETC.is_dir():
        return f"{ETC} does not exist"
    daemons = [(process, name) for process, name in _processes() if name in ("slurmctld", "slurmd")]
    if foreign := [name for process, name in daemons if not _ours(process, name)]:
        return f"{foreign[0]} of another cluster runs already"
    return None


def _start() -> None:
    for name in ("state", "spool", "log", "dev", "munge"):
        (FOLDER / name).mkdir(parents=True)
    FOLDER.chmod(0o755)
    for gpu in range(2):  # SLURM wants a character device, and is content with this one
        (FOLDER / "dev" / f"nvidia{gpu}").symlink_to("/dev/null")
    host = socket.gethostname().split(".")[0]
    for name, text in (("slurm.conf", SLURM_CONF), ("gres.conf", GRES_CONF), ("partitions.yaml", PARTITIONS)):
        (FOLDER / name).write_text(text.format(host=host, folder=FOLDER))
    for name in ("slurm.conf", "gres.conf"):
        if os.path.lexists(ETC / name):
            (ETC / name).rename(_kept(name))
        (ETC / name).symlink_to(FOLDER / name)

    # Its own munge with its own key, beside whatever munge the machine has.
    key = FOLDER / "munge" / "key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o600)
    files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    _run("munged", *(f"--{option}={FOLDER / 'munge' / file}" for option, file in files.items()))
    _run("slurmctld", "-c")
    for node in NODES:
        _run("slurmd", "-N", node)

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(RuntimeError):
            if _run("sinfo", "--noheader", "--Node", "--format=%T").split() == ["idle"] * len(NODES):
                return
        time.sleep(0.2)
    logs = "\n".join(f"{path.name}: {path.read_text()[-2000:]}" for path in sorted(FOLDER.glob("log/*")))
    raise RuntimeError(f"the nodes did not become idle within 30 s\n{logs}")


def _stop() -> None:
    """End every process of this or an earlier cluster, put /etc/slurm back and delete the folder."""
    deadline = time.monotonic() + 20
    while processes := [process for process, name in _processes() if _ours(process, name)]:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise RuntimeError(f"processes of the test cluster do not end: {processes}")
        time.sleep(0.1)
    for name in ("slurm.conf", "gres.conf"):
        if (ETC / name).is_symlink() and Path(os.readlink(ETC / name)) == FOLDER / name:
            (ETC / name).unlink()
        if os.path.lexists(_kept(name)):
            _kept(name).rename(ETC / name)
    shutil.rmtree(FOLDER, ignore_errors=True)


def _kept(name: str) -> Path:
    return ETC / f"{name}.before-samgap-test"


def _processes() -> Iterator[tuple[int, str]]:
    """Number and program name of every live process."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            name, state = process.joinpath("stat").read_text().partition("(")[2].rsplit(") ", 1)
            if state[0] != "Z":
                yield int(process.name), name


def _ours(process: int, name: str) -> bool:
    """Does it carry the mark: Snakemake, daemons and jobs, whoever their parent is now?

    SLURM's step managers overwrite their environment, but work in the log folder.
    """
    with contextlib.suppress(OSError):
        if f"{MARK}={FOLDER}\0".encode() in Path(f"/proc/{process}/environ").read_bytes():
            return True
        return name.startswith("slurm") and Path(os.readlink(f"/proc/{process}/cwd")).is_relative_to(FOLDER)
    return False


def _environment() -> dict[str, str]:
    return {**os.environ, MARK: str(FOLDER), "OMP_NUM_THREADS": "1"}


def _run(*command: str) -> str:
    done = subprocess.run(command, env=_environment(), text=True, capture_output=True, timeout=60, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}")
    return done.stdout
