"""The log of a rule keeps all attempts, although Snakemake removes it before each."""

import pytest

from samgap.jobs import attempt_log
from samgap.jobs.attempt_log import open_attempt_log


def write_attempt(path, text, **environment):
    with open_attempt_log(path, environment) as stream:
        stream.write(f"{text}\n")


@pytest.mark.parametrize("is_removed", [True, False])
def test_attempts_are_numbered_and_kept(tmp_path, is_removed):
    path = tmp_path / "logs" / "rule.log"
    write_attempt(path, "first")
    if is_removed:
        path.unlink()
    write_attempt(path, "second", SLURM_JOB_ID="17")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("=== attempt 1, ") and "SLURM" not in lines[0] and lines[1] == "first"
    assert lines[2].startswith("=== attempt 2, ") and lines[2].endswith(", SLURM job 17") and lines[3:] == ["second"]


def test_a_file_system_without_hard_links_has_the_log_of_the_last_attempt(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(attempt_log.os, "link", refuse)
    path = tmp_path / "rule.log"
    write_attempt(path, "first")
    path.unlink()
    write_attempt(path, "second")
    assert path.read_text(encoding="utf-8").splitlines()[-1] == "second"


def test_a_line_that_another_process_adds_is_kept(tmp_path):
    path = tmp_path / "rule.log"
    write_attempt(path, "first")
    with path.open("a", encoding="utf-8") as stream:
        stream.write("SLURM job 7 ended with TIMEOUT\n")
    path.unlink()
    write_attempt(path, "second")
    assert path.read_text(encoding="utf-8").splitlines()[2] == "SLURM job 7 ended with TIMEOUT"
