"""The records of submitted jobs: what makes two jobs the same, and when one has finished."""

import asyncio
import json
import os
from types import SimpleNamespace

import pytest

from samgap.jobs.slurm import records
from tests.helpers.slurm_fakes import make_group, make_job


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working directory, with an input file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.txt").write_text("a", encoding="utf-8")
    return tmp_path


def test_jobs_with_the_same_inputs_and_parameters_have_the_same_hash():
    first, second = (make_job(["out"], ("in.txt",), code="1", options={"b": 1, "a": [2]}) for _ in range(2))
    assert records.hash_job(first) == records.hash_job(second)


@pytest.mark.parametrize(
    "other",
    [
        lambda: make_job(["out"], ("in.txt",), code="2"),
        lambda: make_job(["out", "more"], ("in.txt",), code="1"),
        lambda: make_job(["out"], (), code="1"),
        lambda: make_job(["out"], ("in.txt",), code="1", more=None),
        lambda: make_group(make_job(["out"], ("in.txt",), code="1"), make_job(["two"], code="1")),
    ],
)
def test_other_code_inputs_outputs_or_parameters_have_another_hash(other):
    assert records.hash_job(make_job(["out"], ("in.txt",), code="1")) != records.hash_job(other())


def test_a_changed_input_file_has_another_hash(folder):
    before = records.hash_job(make_job(["out"], ("in.txt",)))
    os.utime(folder / "in.txt", (1, 1))
    assert records.hash_job(make_job(["out"], ("in.txt",))) != before


def test_a_record_is_read_as_written_and_removed():
    job = make_group(make_job(["b"]), make_job(["a"]))
    records.write_record("7_2", "samgap_x", job)
    (read,) = records.read_records()
    assert read == records.SubmittedJob("7_2", "samgap_x", ("a", "b"), records.hash_job(job))
    records.remove_record("7_2")
    records.remove_record("7_2")
    assert records.read_records() == []


def test_a_damaged_record_is_no_record(folder):
    records.write_record("7", "samgap_x", make_job(["a"]))
    (folder / records.FOLDER / "8.json").write_text("{", encoding="utf-8")
    (folder / records.FOLDER / "9.json").write_text(json.dumps({"run": "x"}), encoding="utf-8")
    assert [record.id for record in records.read_records()] == ["7"]


def test_a_job_has_finished_when_it_has_said_so_of_all_outputs_and_they_exist(folder):
    records.write_record("7", "samgap_x", make_job(["a", "b"]))
    (job,) = records.read_records()
    (folder / "a").touch()
    (folder / "b").touch()
    assert not records.has_finished(job)
    records.add_receipt(["a"], {"SLURM_JOB_ID": "7"})
    assert not records.has_finished(job)
    records.add_receipt(["b"], {"SLURM_JOB_ID": "7"})
    assert records.has_finished(job)
    (folder / "b").unlink()
    assert not records.has_finished(job)


def test_a_job_writes_a_receipt_in_the_place_of_removing_snakemakes_marks(folder):
    persistence = SimpleNamespace()
    environment = {"SLURM_JOB_ID": "11", "SLURM_ARRAY_JOB_ID": "9", "SLURM_ARRAY_TASK_ID": "3"}
    records.keep_markers(persistence, environment)
    asyncio.run(persistence.finished(None, make_job(["a"])))
    assert (folder / records.FOLDER / "9_3.finished").read_text(encoding="utf-8") == "a\n"
