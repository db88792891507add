"""The environments have the same versions, and all that is imported."""

import re
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

from tests.helpers.source_files import PACKAGE, ROOT, SCRIPTS, top_level_packages

WITH_TORCH = {"models", "training", "inventory", "demo_models"}


def needs_torch(file: Path) -> bool:
    """Whether a module is in a package that may import torch."""
    return file.relative_to(ROOT / "src" / "samgap").parts[0] in WITH_TORCH


def normalize(name: str) -> str:
    """Return the normalized name of a distribution."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(name: str) -> dict[str, str]:
    """Return distribution -> version of a lock file."""
    text = (ROOT / "envs" / name).read_text(encoding="utf-8")
    return {normalize(match[1]): match[2] for match in re.finditer(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)}


def read_conda_environment(name: str) -> dict[str, str]:
    """Return distribution -> version of a conda environment."""
    entries = yaml.safe_load((ROOT / "envs" / name).read_text(encoding="utf-8"))["dependencies"]
    (pip,) = [entry["pip"] for entry in entries if isinstance(entry, dict)]
    return dict(line.split("==") for line in pip)


def distributions(names: set[str]) -> set[str]:
    """Return the distributions that installed top-level packages come from."""
    installed = packages_distributions()
    return {normalize(installed[name][0]) for name in names if name in installed and name != "samgap"}


LOCK = read_lock("requirements.lock")


def test_the_locks_have_hashes_and_no_addresses():
    for name in ("requirements.lock", "bootstrap.lock"):
        text = (ROOT / "envs" / name).read_text(encoding="utf-8")
        assert "://" not in text
        for entry in re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]:
            assert "--hash=sha256:" in entry, entry


def test_the_locks_agree():
    bootstrap = read_lock("bootstrap.lock")
    assert {"uv", "setuptools", "wheel"} <= bootstrap.keys()
    assert {name: version for name, version in bootstrap.items() if LOCK.get(name, version) != version} == {}


@pytest.mark.parametrize("name", ["tables.yaml", "models.yaml"])
def test_conda_environments_have_the_locks_versions(name):
    pins = read_conda_environment(name)
    assert pins == {package: LOCK[package] for package in pins}


def test_conda_environments_have_all_that_is_imported():
    light = [file for file in PACKAGE if not needs_torch(file)]
    assert distributions(top_level_packages(*light)) <= read_conda_environment("tables.yaml").keys()
    assert "torch" not in read_conda_environment("tables.yaml")
    post = (ROOT / "envs" / "models.post-deploy.sh").read_text(encoding="utf-8")
    assert f"sam2=={LOCK['sam2']}" in post
    assert distributions(top_level_packages(*PACKAGE, *SCRIPTS)) <= read_conda_environment("models.yaml").keys() | {
        "sam2"
    }


def test_all_that_is_imported_is_a_requirement():
    lines = (ROOT / "envs" / "requirements.in").read_text(encoding="utf-8").splitlines()
    required = {normalize(re.match(r"[\w.-]+", line)[0]) for line in lines if line and not line.startswith("#")}
    assert required <= LOCK.keys()
    tests = sorted((ROOT / "tests").rglob("*.py"))
    assert distributions(top_level_packages(*PACKAGE, *SCRIPTS, *tests) - {"tests", "helpers"}) - required == set()
