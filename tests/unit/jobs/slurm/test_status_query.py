"""The query for the states of all jobs: its fallback to squeue, and its warnings of an outage."""

import asyncio
import logging

import pytest

from samgap.jobs.slurm import status_query
from samgap.jobs.slurm.status_query import StatusQuery, make_squeue_command

SACCT = "sacct -X --parsable2 --clusters all --noheader --format=JobIdRaw,State --endtime now --name samgap_a"


class Answers:
    """Answers queries by program; None is a failure."""

    def __init__(self, **answers):
        self.answers, self.commands = answers, []

    async def __call__(self, command, logger):
        self.commands.append(command)
        states = self.answers[command.split()[0]]
        return (states, 0.1) if states is not None else (None, None)


@pytest.fixture
def clock(monkeypatch):
    """The seconds of the clock, as a list of one number."""
    seconds = [1000.0]
    monkeypatch.setattr(status_query.time, "monotonic", lambda: seconds[0])
    return seconds


def ask(query: StatusQuery, command: str = SACCT):
    return asyncio.run(query(command, logging.getLogger("test")))


def test_sacct_is_asked_alone_if_it_answers():
    answers = Answers(sacct={"7": "RUNNING"})
    query = StatusQuery(answers)
    assert ask(query) == ({"7": "RUNNING"}, 0.1) and query.states == {"7": "RUNNING"}
    assert answers.commands == [SACCT] and not query.sacct_fails


def test_squeue_answers_in_the_place_of_sacct():
    answers = Answers(sacct=None, squeue={"7": "COMPLETED"})
    query = StatusQuery(answers)
    assert ask(query) == ({"7": "COMPLETED"}, 0.1) and query.sacct_fails
    assert answers.commands[1] == "squeue --format='%i|%T' --states=all --noheader --name samgap_a"


def test_jobs_of_earlier_runs_are_included():
    answers = Answers(sacct=None, squeue={})
    query = StatusQuery(answers)
    query.extra_names |= {"samgap_c", "samgap_b"}
    ask(query)
    assert answers.commands[0].endswith("--name samgap_a,samgap_b,samgap_c")
    assert make_squeue_command(answers.commands[0]).endswith("--name samgap_a,samgap_b,samgap_c")


def test_an_outage_is_told_after_a_minute_and_its_end(clock, caplog):
    answers = Answers(squeue=None)
    query = StatusQuery(answers)
    for seconds in (0, 30, 61, 70):
        clock[0] = 1000 + seconds
        assert ask(query, "squeue --name samgap_a") == (None, None)
    assert caplog.text.count("SLURM has not told the states of the jobs for 1 min (squeue fails)") == 1
    answers.answers["squeue"] = {}
    clock[0] = 1000 + 600
    ask(query, "squeue --name samgap_a")
    ask(query, "squeue --name samgap_a")
    assert caplog.text.count("SLURM answers again, after 10 min.") == 1


def test_a_short_outage_is_not_told(clock, caplog):
    answers = Answers(squeue=None)
    query = StatusQuery(answers)
    ask(query, "squeue --name samgap_a")
    answers.answers["squeue"] = {}
    ask(query, "squeue --name samgap_a")
    assert caplog.text == ""


def test_nothing_is_asked_after_the_end_of_the_run():
    answers = Answers(sacct={"7": "RUNNING"})
    query = StatusQuery(answers)
    query.has_ended.set()
    assert ask(query) == (None, None) and answers.commands == []
