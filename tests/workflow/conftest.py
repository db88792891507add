"""Small real runs of the workflow, each in a copy of the repository, so that no file of the user is changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

from samgap.config.catalogs import merge_catalogs
from tests.helpers.workflow_copy import copy_workflow

SCENES = {"kind": "orchard-sim", "shards": 2, "scenes": 4, "size": 256, "seed": 21}
"""The entry of the data set `orchard`."""
OTHER_SCENES = {**SCENES, "shards": 1, "scenes": 2, "seed": 22}
"""The entry of the data set on which the score threshold is chosen."""
PHRASES = [
    {"phrase": "apple", "noun": "apple"},
    {"phrase": "ripe apple", "noun": "apple", "attributes": {"ripeness": "ripe"}},
    {"phrase": "orange", "noun": "orange"},
]


class Checkout:
    """A copy of the workflow in `folder`, in which Snakemake is run."""

    def __init__(self, folder: Path) -> None:
        self.folder = copy_workflow(folder)

    @classmethod
    def reuse(cls, folder: Path) -> "Checkout":
        """Return the checkout that exists in `folder`."""
        checkout = cls.__new__(cls)
        checkout.folder = folder
        return checkout

    def copy(self, folder: Path) -> "Checkout":
        """Return a copy with the results and Snakemake's records of them."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Checkout.reuse(folder)

    def write_config(self, weights=None, **sections) -> Path:
        """Write test.yaml: the demo's configuration with other `sections` and other `weights` of models."""
        config = yaml.safe_load((self.folder / "config" / "demo.yaml").read_text(encoding="utf-8"))
        config = merge_catalogs(config, self.folder)
        config.update(sections)
        for model, source in (weights or {}).items():
            config["models"][model]["weights"] = source
        path = self.folder / "test.yaml"
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        return path

    def command(self, *arguments: str, cores: int = 1) -> list[str]:
        """Return the command line of Snakemake with `arguments`."""
        # Threads: without them Snakemake starts a process of its own for each job.
        options = ["--cores", str(cores), "--configfile", "test.yaml", "--force-use-threads"]
        return [sys.executable, "-m", "snakemake", *arguments, *options]

    def environment(self) -> dict[str, str]:
        """Return the environment variables of Snakemake."""
        return {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}

    def run(self, *arguments: str, succeeds: bool = True, cores: int = 1) -> str:
        """Run Snakemake and return its output; `succeeds` is whether it must succeed."""
        process = subprocess.run(
            self.command(*arguments, cores=cores),
            cwd=self.folder,
            env=self.environment(),
            encoding="utf-8",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=280,  # below pytest's limit, so that a failure shows the output
        )
        assert (process.returncode == 0) == succeeds, process.stdout[-6000:]
        return process.stdout


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path / "samgap")


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """A finished run of both demo models. Tests that change it work on a copy.

    All workers of pytest-xdist share it: the first makes it, and the others wait.
    """
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    folder, marker = shared / "finished" / "samgap", shared / "finished.ok"
    with FileLock(shared / "finished.lock"):
        if not marker.exists():
            shutil.rmtree(folder.parent, ignore_errors=True)
            folder.parent.mkdir()
            checkout = Checkout(folder)
            checkout.write_config(**small_config(SCENES))
            checkout.run(cores=2)
            marker.touch()
    return Checkout.reuse(folder)


def small_config(dataset: dict) -> dict:
    """Return the sections of a run of both demo models on one small data set `orchard`."""
    prompts = ["box", "concepts"]
    cell = {"datasets": ["orchard"], "metrics": ["iou", "boundary-f-2px", "precision", "recall", "f1-50"]}
    return {
        "datasets": {"orchard": dataset, "other-scenes": OTHER_SCENES},
        "thresholds": {"dataset": "other-scenes", "prompts": "concepts", "models": ["sam3-demo"]},
        "prompts": {"box": {"kind": "box"}, "concepts": {"kind": "phrases", "phrases": PHRASES}},
        "trainings": {},
        "experiments": {
            "spatial-prompts": {
                "title": "Boxes",
                "models": ["sam2-demo", "filled-box"],
                "prompts": ["box"],
                **cell,
            },
            "concept-prompts": {
                "title": "Phrases",
                "models": ["sam3-demo"],
                "prompts": ["concepts"],
                **cell,
            },
        },
        "figures": {
            "prompt-or-concept": {
                "number": "Figure 2 c, d",
                "title": "A spatial prompt and a concept",
                "dataset": "orchard",
                "spatial": {"model": "sam2-demo", "prompts": prompts[0]},
                "concept": {"model": "sam3-demo", "prompts": prompts[1], "phrase": "apple"},
                "images": 2,
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
                "metrics": ["iou"],
            },
            "comparisons": {"number": "beyond the paper", "title": "Comparisons"},
            "claims": {"number": "beyond the paper", "title": "Claims"},
        },
        "claims": {
            "statements": "config/paper/claims.yaml",
            "sources": "config/paper/sources.yaml",
            "datasets": {"main": "orchard"},
            "models": {"sam2": "sam2-demo", "sam3": "sam3-demo"},
        },
        "rank-correlations": {},
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
                "margin": 0.02,
                "strata": ["area"],
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


def baseline_config(dataset: dict) -> dict:
    """Return the sections of a run of the baselines alone, which need no network and take seconds."""
    sections = small_config(dataset)
    sections["experiments"] = {"spatial-prompts": sections["experiments"]["spatial-prompts"]}
    sections["experiments"]["spatial-prompts"]["models"] = ["filled-box", "ellipse"]
    sections["figures"] = {"estimates": {**sections["figures"]["estimates"], "experiments": ["spatial-prompts"]}}
    sections["tables"]["results"]["experiments"] = ["spatial-prompts"]
    del sections["tables"]["claims"]  # it needs the inventory, which imports torch
    sections["comparisons"] = {"box-itself": sections["comparisons"]["box-itself"]}
    return sections
