"""Real runs of the workflow, small, each in a copy of the checkout so that nothing of the user's is touched."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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

    def copy(self, folder: Path) -> "Checkout":
        """The whole of it, results and what Snakemake knows of them too."""
        shutil.copytree(self.folder, folder, symlinks=True)
        found = Checkout.__new__(Checkout)
        found.folder = folder
        return found

    def config(self, weights=None, **sections) -> Path:
        """The demo's configuration with `sections` in place of its own, as a file; `weights` by model likewise."""
        config = yaml.safe_load((self.folder / "config" / "demo.yaml").read_text())
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
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=900,
        )
        assert (done.returncode == 0) == ok, done.stdout[-6000:]
        return done.stdout


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path / "samgap")


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
