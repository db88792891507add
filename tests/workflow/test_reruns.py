"""The table of docs/reference/reruns.md: the jobs of a finished run that are planned again after a change."""

import re
import shutil
from pathlib import Path

import pytest

from tests.helpers.rerun_changes import CHANGES
from tests.helpers.workflow_copy import WORKFLOW_FILES

from .conftest import Checkout

pytestmark = pytest.mark.workflow

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "reruns.md"


def read_page() -> dict[str, dict[str, int]]:
    """Return change -> rule -> number of jobs, from the rows of the page's table."""
    rows = re.findall(r"^\| (.+?) \| (\d+) \| (.*?) ?\|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    jobs = {
        change: {rule: int(count) for count, rule in re.findall(r"(\d+) `(\w+)`", text)} for change, _, text in rows
    }
    assert all(sum(jobs[change].values()) == int(total) for change, total, _ in rows)
    return jobs


def plan_jobs(checkout: Checkout) -> dict[str, int]:
    """Return rule -> number of planned jobs, without the target `all`."""
    output = checkout.run("--dry-run", "--quiet", "rules")
    if "Nothing to be done" in output:
        return {}
    table = output.split("Job stats:")[1]
    jobs = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}
    assert jobs.pop("total") == sum(jobs.values())
    jobs.pop("all")
    return jobs


@pytest.fixture(scope="module")
def checkout(finished_run, tmp_path_factory):
    """A copy of the finished run."""
    return finished_run.copy(tmp_path_factory.mktemp("reruns") / "samgap")


def test_the_page_has_all_changes():
    assert read_page().keys() == CHANGES.keys()


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_reruns_the_jobs_of_the_page(checkout, tmp_path, change):
    # Copies keep the times of files, which the states of local files have.
    saved = [*WORKFLOW_FILES, "test.yaml"]
    for name in saved:
        copy = shutil.copytree if (checkout.folder / name).is_dir() else shutil.copy2
        copy(checkout.folder / name, tmp_path / name)
    try:
        CHANGES[change](checkout.folder)
        assert plan_jobs(checkout) == read_page()[change]
    finally:
        for name in saved:
            if (checkout.folder / name).is_dir():
                shutil.rmtree(checkout.folder / name)
                shutil.copytree(tmp_path / name, checkout.folder / name)
            else:
                shutil.copy2(tmp_path / name, checkout.folder / name)
