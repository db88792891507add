"""Small real runs of the workflow, each in a copy of the checkout, so that no file of the user is touched."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

from samgap.config.catalogs import merge_catalogs

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "rules", "scripts", "src", "config", "envs", "profiles", "report")


class Checkout:
    """A copy of the workflow in `folder`, run through its own `snakemake`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        for part in PARTS:
            source = ROOT / part
            ignore = shutil.ignore_patterns("__pycache__")
            if source.is_dir():
                shutil.copytree(source, folder / part, ignore=ignore)
            else:
                shutil.copy(source, folder / part)

    @classmethod
    def existing(cls, folder: Path) -> "Checkout":
        """The checkout that lies in `folder` already."""
        checkout = cls.__new__(cls)
        checkout.folder = folder
        return checkout

    def copy(self, folder: Path) -> "Checkout":
        """A copy with its results and Snakemake's own records of them."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Checkout.existing(folder)

    def config(self, weights=None, **sections) -> Path:
        """Write test.yaml: the demo's configuration with `sections` and the `weights` of models replaced."""
        config = yaml.safe_load((self.folder / "config" / "demo.yaml").read_text())
        config = merge_catalogs(config, self.folder)
        config.update(sections)
        for model, source in (weights or {}).items():
            config["models"][model]["weights"] = source
        path = self.folder / "test.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        return path

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", *arguments, "--cores", "1", "--configfile", "test.yaml"]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}

    def run(self, *arguments: str, ok: bool = True) -> str:
        """The output of a run; `ok` says whether it must succeed."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=280,  # below pytest's own limit, so that the output is shown
        )
        assert (done.returncode == 0) == ok, done.stdout[-6000:]
        return done.stdout


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path / "samgap")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A finished run of both demo models. Tests that change it work on a copy.

    Every worker of pytest-xdist uses the same one: the first makes it, the others wait.
    """
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder, mark = shared / "finished" / "samgap", shared / "finished.ok"
    with FileLock(shared / "finished.lock"):
        if not mark.exists():
            shutil.rmtree(folder.parent, ignore_errors=True)
            folder.parent.mkdir()
            checkout = Checkout(folder)
            checkout.config(**small_config(SCENES))
            checkout.run()
            mark.touch()
    return Checkout.existing(folder)


def small_config(dataset: dict) -> dict:
    """Sections of a run of both demo models on one small data set `orchard`."""
    prompts = ["box", "concepts"]
    cell = {"datasets": ["orchard"], "metrics": ["iou", "boundary-f-2px", "precision", "recall", "f1-50"]}
    return {
        "datasets": {"orchard": dataset},
        "trainings": {},
        "experiments": {
            "spatial-prompts": {
                "title": "Boxes",
                "models": ["sam2-demo", "filled-box", "ellipse"],
                "prompts": ["box"],
                **cell,
            },
            "concept-prompts": {"title": "Phrases", "models": ["sam3-demo"], "prompts": ["concepts"], **cell},
        },
        "figures": {
            "prompt-or-concept": {
                "number": "Figure 2 c, d",
                "title": "A spatial prompt beside a concept",
                "dataset": "orchard",
                "spatial": {"model": "sam2-demo", "prompts": prompts[0]},
                "concept": {"model": "sam3-demo", "prompts": prompts[1], "phrase": "apple"},
                "images": 2,
            },
            "contact-sheet": {
                "number": "beyond the paper",
                "title": "Labels",
                "dataset": "orchard",
                "images": 2,
            },
            "prompt-sheet": {
                "number": "beyond the paper",
                "title": "Prompts",
                "dataset": "orchard",
                "images": 2,
                "prompts": prompts,
            },
            "estimates": {
                "number": "beyond the paper",
                "title": "Estimates",
                "experiments": ["spatial-prompts", "concept-prompts"],
                "metrics": ["iou", "f1-50"],
            },
        },
        "tables": {
            "results": {
                "number": "beyond the paper",
                "title": "Results",
                "experiments": ["spatial-prompts", "concept-prompts"],
            },
            "comparisons": {"number": "beyond the paper", "title": "Comparisons"},
        },
        "comparisons": {
            "box-itself": {
                "title": "The box itself",
                "experiments": ["spatial-prompts"],
                "metrics": ["iou", "boundary-f-2px"],
                "baseline": {"model": "filled-box", "prompts": "box"},
            },
            "words": {
                "title": "Phrases or boxes",
                "experiments": ["spatial-prompts", "concept-prompts"],
                "metrics": ["iou"],
                "pairs": [
                    {
                        "candidate": {"model": "sam3-demo", "prompts": "concepts"},
                        "baseline": {"model": "sam2-demo", "prompts": "box"},
                    }
                ],
            },
        },
        "statistics": {"resamples": 500, "confidence": 0.95, "score-threshold": 0.5},
    }


SCENES = {"kind": "orchard-sim", "shards": 2, "scenes": 8, "size": 256, "seed": 21}
