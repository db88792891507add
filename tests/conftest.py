"""The order of the tests, options of pytest, hints on skipped tests, and fixtures of several folders."""

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.archives import write_orchard_folder

FIRST = (
    "cluster/test_slurm_workflow.py",
    "workflow",
    "cluster/test_slurm_basic.py",
    "contract",
    "cluster/test_faults_controller.py",
    "oracles",
    "cluster/test_slurm_token.py",
    "unit/models",
    "cluster/test_faults_killed_run.py",
    "unit/paper",
    "cluster/test_faults_jobs.py",
    "unit/training",
    "cluster/test_faults_settings.py",
    "unit/datasets",
    "cluster/test_faults_two_runs.py",
)
"""Files and folders in the order of their tests; the others follow. The longest come first, so that no long test runs
alone at the end, and those of the cluster do not follow each other, as a machine has one SLURM."""
HINTS = {
    "no SLURM here": "cluster tests: apt-get install munge slurmctld slurmd slurm-client (as root)",
    "real photographs": "tests on real photographs: set SAMGAP_REAL_DATA to the folder that holds orchard-real",
}
"""Part of a skip reason -> how to run these tests."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="also run the tests marked `slow`")
    parser.addoption("--write-images", action="store_true", help="write the reference images in tests/images")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--all"):
        skip = pytest.mark.skip(reason="slow: run with `make test-all`")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    path = item.path.relative_to(Path(__file__).parent)
    matches = [rank for rank, first in enumerate(FIRST) if path.is_relative_to(first)]
    return matches[0] if matches else len(FIRST)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    for part, hint in HINTS.items():
        if any(part in reason for reason in reasons):
            terminalreporter.write_line(f"to run the skipped {hint}")


@pytest.fixture
def orchard_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write `data/my-orchard` in both layouts of docs/how-to/your-own-data.md, and change to the folder above it."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data" / "my-orchard"
    write_orchard_folder(folder)
    return folder


@pytest.fixture
def check_image(tmp_path: Path, pytestconfig: pytest.Config) -> Callable[..., None]:
    """Function that compares a figure with the reference image of a name (tests/helpers/reference_images.py)."""
    from tests.helpers import reference_images  # imports matplotlib

    return functools.partial(
        reference_images.check_image, folder=tmp_path, write=pytestconfig.getoption("--write-images")
    )
