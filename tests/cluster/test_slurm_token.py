"""A hub's token on a cluster: it is in the environment of the jobs and in no file of the run."""

import subprocess

import pytest

from tests.helpers.server import Hub, Server
from tests.workflow.conftest import SCENES, Checkout, small_config

pytestmark = pytest.mark.cluster
COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_thistokenmustnotappear"


@pytest.fixture
def finished_run(cluster, tmp_path, monkeypatch):
    """The folder, the output and the jobs of a run with one file that the hub has and one that it lacks."""
    served = tmp_path / "served" / "maker" / "model"
    served.mkdir(parents=True)
    (served / "sam3.pt").write_bytes(b"weights" * 1000)
    checkout = Checkout((tmp_path / "samgap").resolve())
    with Server(tmp_path / "served") as storage, Hub(tmp_path, storage=storage, commit=COMMIT, is_gated=True) as hub:
        hub.granted_tokens = {TOKEN}
        weights = {
            "sam3-demo": {"hub": "maker/model", "file": "sam3.pt", "revision": COMMIT},
            "sam2-demo": {"hub": "maker/model", "file": "absent.pt", "revision": COMMIT},
        }
        checkout.write_config(weights=weights, **small_config({**SCENES, "scenes": 1, "shards": 1}))
        for name, value in (("HF_TOKEN", TOKEN), ("HF_ENDPOINT", hub.base_url), ("HF_HOME", str(tmp_path / "hub"))):
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        cards = [f"resources/checkpoints/{model}/checkpoint.json" for model in weights]
        options = ["--profile", "profiles/slurm", "--configfile", "test.yaml", "--retries", "0", "--verbose"]
        options.append("--slurm-keep-successful-logs")
        run = cluster.snakemake(*options, *cards, cwd=checkout.folder)
    assert run.returncode == 0, run.stdout
    report = cluster.snakemake(*options, *cards, "--report", "report.html", cwd=checkout.folder)
    assert report.returncode == 0, report.stdout
    return checkout.folder, run.stdout + report.stdout, cluster.list_jobs(checkout.folder)


def test_the_token_is_in_no_job_script_no_log_and_no_output(finished_run):
    folder, output, jobs = finished_run
    # The token was used; otherwise its absence from the files would prove nothing.
    assert (folder / "resources/checkpoints/sam3-demo/weights.pt").stat().st_size == 7000
    assert "no such file" in (folder / "resources/checkpoints/sam2-demo/checkpoint.json").read_text(encoding="utf-8")
    assert len(jobs) == 2

    assert TOKEN not in output
    for job in jobs:
        assert TOKEN not in " ".join(job.values())
        command = ["scontrol", "write", "batch_script", job["JobId"], "-"]
        script = subprocess.run(command, encoding="utf-8", capture_output=True, check=True).stdout
        assert "--target-jobs" in script and TOKEN not in script
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any("slurm_logs" in path.parts for path in files) and folder / "report.html" in files
    for path in files:
        assert TOKEN.encode() not in path.read_bytes(), path
