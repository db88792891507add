"""The order of the tests, the option `--all`, and hints on skipped tests in the summary."""

from pathlib import Path

import pytest

LONGEST_FIRST = ("cluster", "workflow", "contract", "oracles")
"""Folders whose tests start first, so that no long test runs alone at the end."""
HINTS = {
    "no SLURM here": "cluster tests: apt-get install munge slurmctld slurmd slurm-client (as root)",
    "real photographs": "tests on real photographs: set SAMGAP_REAL_DATA to the folder that holds orchard-real",
}
"""Part of a skip reason -> how to run these tests."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="also run the tests marked `slow`")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--all"):
        skip = pytest.mark.skip(reason="slow: run with `make test-all`")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)
    root = Path(__file__).parent
    rank = {folder: index for index, folder in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: rank.get(item.path.relative_to(root).parts[0], len(rank)))
    for item in items:
        # A worker of pytest-xdist gets whole files, so that fixtures of a file are made once; there is one cluster.
        path = item.path.relative_to(root)
        item.add_marker(pytest.mark.xdist_group("cluster" if path.parts[0] == "cluster" else str(path)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    for part, hint in HINTS.items():
        if any(part in reason for reason in reasons):
            terminalreporter.write_line(f"to run the skipped {hint}")
