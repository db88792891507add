"""The files of a report, of which some do not exist after a run that failed in part."""

import pytest

from samgap.errors import UserError
from samgap.jobs.report_files import validate_report_files


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working directory, in which one of two figures exists."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "a.png").touch()


def test_missing_files_are_one_line_that_names_an_existing_one():
    with pytest.raises(UserError) as error:
        validate_report_files([], ["figures/b.png", "figures/a.png"])
    assert str(error.value) == (
        "--report: 1 of 2 figures, tables and pages do not exist, the first is figures/b.png; finish the run, or name "
        "files that exist before --report, such as figures/a.png"
    )


def test_named_files_alone_are_checked():
    validate_report_files(["figures/a.png", "all"], ["figures/b.png"])
    with pytest.raises(UserError, match=r"1 of 1 figures.*figures/b.png; finish the run$"):
        validate_report_files(["figures/b.png"], ["figures/a.png"])


def test_a_finished_run_has_all_files():
    validate_report_files([], ["figures/a.png"])
