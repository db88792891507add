"""A run of two shards whose jobs can be disturbed: its checkout, its tables, and the family of models that waits."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from tests.helpers.workflow_copy import copy_workflow

# A baseline without torch that can be told to wait, or to use too much memory. Its predictions are those of `shape`.
FAMILY = '''"""Family `slow`: the filled box, with faults that a test asks for by files in the folder `faults`."""

import time
from pathlib import Path

from samgap.models.shape import Shape

KINDS = ("boxes",)
NEEDS_GPU = False
OPTIONS = {"required": [], "properties": {}}
FAULTS = Path("faults")


def open_model(options, weights, device):
    return Slow("box")


class Slow(Shape):
    def set_image(self, image):
        if (FAULTS / "memory").exists():
            (FAULTS / "memory").unlink()
            data = b"x" * 1_500_000_000
            time.sleep(30)
        if (FAULTS / "pace").exists():
            time.sleep(float((FAULTS / "pace").read_text()))
        with (FAULTS / "images").open("a") as stream:
            stream.write("x")
        super().set_image(image)
'''
CONFIG = {
    "run": "faults",
    "seed": 42,
    "device": "cpu",
    "archives": {},
    "datasets": {"scenes": {"kind": "orchard-sim", "shards": 2, "scenes": 12, "size": 64, "seed": 3}},
    "models": {"slow": {"label": "box", "family": "slow"}},
    "prompts": {"box": {"kind": "box"}},
    "experiments": {
        "boxes": {"title": "Boxes", "datasets": ["scenes"], "models": ["slow"], "prompts": ["box"], "metrics": ["iou"]}
    },
    "figures": {},
    "tables": {},
    "comparisons": {},
}
TABLES = "results/faults/predictions/**/masks.parquet"
TARGETS = ["--until", "predict", "--configfile", "faults.yaml"]


class FaultRun:
    """A checkout with everything up to the prompts, in which `predict` is run.

    Attributes:
        folder: the checkout.
        faults: the folder of the files that ask for faults.
        output: the file with the messages of the last Snakemake that was started.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults = folder / "faults"
        self.output = folder / "output.txt"

    @classmethod
    def make(cls, folder: Path) -> "FaultRun":
        """Return a new checkout in `folder`, in which an undisturbed run without a cluster has finished."""
        copy_workflow(folder, with_weights=False)
        (folder / "slurm").symlink_to("profiles/slurm")
        (folder / "src/samgap/models/slow.py").write_text(FAMILY, encoding="utf-8")
        (folder / "faults.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False), encoding="utf-8")
        run = cls(folder)
        run.faults.mkdir()
        command = [sys.executable, "-m", "snakemake", *TARGETS, "--cores", "2", "--force-use-threads"]
        process = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            encoding="utf-8",
            capture_output=True,
            timeout=250,
        )
        assert process.returncode == 0, process.stderr[-6000:]
        return run

    def copy(self, folder: Path) -> "FaultRun":
        """Return a copy without predictions."""
        shutil.copytree(self.folder, folder, symlinks=True)
        shutil.rmtree(folder / "results/faults/predictions")
        shutil.rmtree(folder / "logs")
        copy = FaultRun(folder)
        (copy.faults / "images").unlink()
        return copy

    def read_tables(self) -> dict[str, list[dict]]:
        """Return the rows of the tables of masks, by path."""
        return {
            str(path.relative_to(self.folder)): pq.read_table(path).to_pylist()
            for path in sorted(self.folder.glob(TABLES))
        }

    def set_pace(self, seconds: float) -> None:
        """Let each image take this time."""
        (self.faults / "pace").write_text(str(seconds), encoding="utf-8")

    def count_images(self) -> int:
        """Return how many images have been predicted, also repeatedly."""
        path = self.faults / "images"
        return path.stat().st_size if path.exists() else 0

    def read_output(self) -> str:
        """Return the messages of the last Snakemake that was started."""
        return self.output.read_text(encoding="utf-8")

    def read_logs(self) -> str:
        """Return the logs of all jobs of `predict`."""
        return "\n".join(
            path.read_text(encoding="utf-8") for path in sorted(self.folder.glob("logs/faults/predict/*.log"))
        )

    def wait_for(self, condition, seconds: float = 120) -> None:
        """Wait until `condition()` is true."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not after {seconds} s\n{self.read_output()[-4000:]}\n{self.read_logs()[-4000:]}")
            time.sleep(0.2)
