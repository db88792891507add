"""A copy of the workflow."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKFLOW_FOLDERS = ("rules", "scripts", "src", "config", "envs", "profiles", "report")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the workflow without data, weights and environment."""
    folder = tmp_path / "samgap"
    for name in WORKFLOW_FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.pt"))
    shutil.copy(ROOT / "Snakefile", folder)
    return folder
