"""The context of a rule's script: its log, its error messages, its warnings, and provenance."""

import hashlib
import json
import logging
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from samgap.errors import DamagedResultError, UserError
from samgap.jobs.script import collect_provenance, job_context
from samgap.tables.images import IMAGES


@pytest.fixture
def snakemake(tmp_path):
    """The attributes of Snakemake's object that `job_context` reads."""
    return SimpleNamespace(
        log=[str(tmp_path / "logs" / "rule.log")], rule="rule", input=[], params={"code": "abc"}, config={}
    )


@pytest.fixture
def read_log(snakemake):
    """A function that returns the content of the log."""

    def read() -> str:
        with open(snakemake.log[0], encoding="utf-8") as stream:
            return stream.read()

    return read


def test_the_log_has_all_messages_and_the_terminal_only_warnings(snakemake, read_log, capsys):
    with job_context(snakemake) as log:
        log.info("3 images — done")
        log.warning("one image skipped")
    assert "INFO 3 images — done" in read_log() and "WARNING one image skipped" in read_log()
    assert capsys.readouterr().err == "one image skipped\n"


def test_python_warnings_are_in_the_log_and_not_on_the_terminal(snakemake, read_log, capsys):
    showwarning = warnings.showwarning
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with job_context(snakemake):
            np.log(np.zeros(1))
    assert "RuntimeWarning: divide by zero" in read_log()
    assert capsys.readouterr().err == ""
    assert warnings.showwarning is showwarning
    assert logging.getLogger("py.warnings").propagate


def test_bad_input_ends_with_one_line(snakemake, read_log, capsys):
    with pytest.raises(SystemExit) as stop, job_context(snakemake):
        raise UserError("labels.json: not JSON; correct it")
    assert stop.value.code == 1
    assert capsys.readouterr().err == "error: labels.json: not JSON; correct it\n"
    assert "ERROR error: labels.json" in read_log() and "Traceback" not in read_log()


def test_an_unexpected_error_leaves_its_traceback_in_the_log(snakemake, read_log, capsys):
    with pytest.raises(SystemExit) as stop, job_context(snakemake):
        raise ValueError("first line\nsecond line")
    assert stop.value.code == 1
    assert capsys.readouterr().err == f"error: ValueError: first line second line (traceback: {snakemake.log[0]})\n"
    assert "Traceback" in read_log()


def test_a_credential_is_neither_in_the_log_nor_on_the_terminal(snakemake, read_log, capsys, monkeypatch):
    monkeypatch.setenv("SAMGAP_TEST_WORD", "pear-and-plum")
    snakemake.config = {"archives": {"a": {"url": "https://host/a?x=${SAMGAP_TEST_WORD}"}}}

    def fail(log: logging.Logger) -> None:
        log.warning("repeating %s", "/a?token=short")
        try:
            raise OSError("/a?x=pear-and-plum cannot be reached")
        except OSError as error:
            raise ValueError("https://me:short@host/a?x=pear-and-plum") from error

    with pytest.raises(SystemExit), job_context(snakemake) as log:
        fail(log)
    text = read_log() + capsys.readouterr().err
    assert "repeating /a?token=(hidden)" in text and "OSError: /a?x=(hidden) cannot be reached" in text
    assert "ValueError: https://(hidden)@host/a?x=(hidden)" in text
    assert "pear-and" not in text and "short" not in text


def test_provenance_has_the_checksums_of_input_files(snakemake, tmp_path):
    (tmp_path / "table.parquet").write_bytes(b"table")
    (tmp_path / "images").mkdir()
    snakemake.input = [str(tmp_path / "table.parquet"), str(tmp_path / "images")]
    assert collect_provenance(snakemake, seed=1) == {
        "rule": "rule",
        "code": "abc",
        "inputs": {str(tmp_path / "table.parquet"): hashlib.sha256(b"table").hexdigest()},
        "seed": 1,
    }


def test_a_damaged_result_is_moved_aside_so_that_its_rule_runs_again(snakemake, tmp_path, capsys):
    table = tmp_path / "images.parquet"
    row = {"image_id": 1, "file": "1.png", "width": 9, "height": 9, "group": "a"}
    IMAGES.write(table, [row])
    content = bytearray(table.read_bytes())
    content[40] ^= 4
    table.write_bytes(content)
    snakemake.input = [str(table)]
    with pytest.raises(SystemExit), job_context(snakemake):
        IMAGES.read(table)
    message = capsys.readouterr().err
    assert message.startswith(f"error: {table}: damaged (its content has changed since it was written); the rule")
    assert message.endswith(f"it is moved to {table}.damaged; run the same command again\n")
    assert not table.exists() and (tmp_path / "images.parquet.damaged").read_bytes() == content


def test_a_damaged_file_that_is_no_input_stays(snakemake, tmp_path, capsys):
    table = tmp_path / "images.parquet"
    table.write_bytes(b"PAR1")
    with pytest.raises(SystemExit), job_context(snakemake):
        IMAGES.read(table)
    assert table.exists() and capsys.readouterr().err.endswith("the rule that writes it has to run again\n")


@pytest.mark.parametrize(("name", "key"), [("instances.json", "instances_sha256"), ("images.parquet", "table_sha256")])
def test_ground_truth_that_is_not_the_recorded_one_is_damaged(snakemake, tmp_path, name, key):
    file, card = tmp_path / name, tmp_path / "dataset.json"
    file.write_bytes(b"{}")
    card.write_text(json.dumps({key: hashlib.sha256(b"{}").hexdigest()}), encoding="utf-8")
    snakemake.input = [str(file)]
    assert collect_provenance(snakemake)["inputs"]
    file.write_bytes(b"[]")
    with pytest.raises(DamagedResultError, match=f"{name}: damaged"):
        collect_provenance(snakemake)
    card.unlink()
    assert collect_provenance(snakemake)["inputs"]
