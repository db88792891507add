"""The guards in Snakemake's registry, and the locked version of the plugin for which they are."""

import importlib
import logging
from importlib import metadata
from types import SimpleNamespace

import pytest

from samgap.jobs.slurm import install
from samgap.jobs.slurm.executor import GuardedExecutor
from tests.helpers.slurm_fakes import make_job

REPLACED = ("check_active_jobs", "get_status_command", "sleep", "report_job_success", "report_job_error", "run_jobs")
REPLACED += ("run_job", "run_array_jobs", "_report_job_error_threadsafe", "report_job_submission", "cancel")
REPLACED += ("cancel_jobs", "shutdown")


@pytest.fixture
def plugin(monkeypatch):
    """The plugin's module; what is replaced in it is restored."""
    module = importlib.import_module("snakemake_executor_plugin_slurm")
    for name in ("query_job_status", "set_gres_string", "pending_jobs_for_rule"):
        monkeypatch.setattr(module, name, getattr(module, name))
    return module


def make_registry(executor):
    plugin = SimpleNamespace(executor=executor)
    return SimpleNamespace(is_installed=lambda name: name == "slurm", get_plugin=lambda name: plugin)


def test_the_locked_version_has_what_the_guards_replace_and_call(plugin):
    for name in (*REPLACED, "_report_job_submission_threadsafe"):
        assert callable(getattr(plugin.Executor, name)), name
    assert callable(plugin.get_job_wildcards) and callable(plugin.SubmittedJobInfo)
    own = {name for name in vars(GuardedExecutor) if callable(vars(GuardedExecutor)[name])}
    assert set(REPLACED) <= own


def test_the_guarded_executor_takes_the_place_of_the_plugins(plugin):
    registry = make_registry(plugin.Executor)
    install.install_guards(registry, logging.getLogger("test"))
    guarded = registry.get_plugin("slurm").executor
    assert issubclass(guarded, GuardedExecutor) and issubclass(guarded, plugin.Executor)
    assert guarded.query is plugin.query_job_status
    install.install_guards(registry, logging.getLogger("test"))
    assert registry.get_plugin("slurm").executor is guarded


def test_another_version_is_left_as_it_is_with_a_warning(plugin, monkeypatch, caplog):
    monkeypatch.setattr(metadata, "version", lambda _: "2.9.0")
    registry = make_registry(plugin.Executor)
    install.install_guards(registry, logging.getLogger("test"))
    assert registry.get_plugin("slurm").executor is plugin.Executor
    assert "snakemake-executor-plugin-slurm is 2.9.0" in caplog.text and "make env" in caplog.text


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_jobs_of_an_array_are_submitted_although_others_of_the_rule_are_ready(plugin, n_jobs):
    registry = make_registry(plugin.Executor)
    install.install_guards(registry, logging.getLogger("test"))
    executor = object.__new__(registry.get_plugin("slurm").executor)
    executor.logger, executor.array_jobs, executor.max_array_size = logging.getLogger("test"), {"predict"}, 100
    executor._main_event_loop = None
    ready = [make_job([f"ready-{number}"]) for number in range(5)]
    executor.workflow = SimpleNamespace(dag=SimpleNamespace(ready_jobs=ready))
    submitted = []
    executor._submit_job, executor._submit_array_jobs = submitted.append, submitted.extend
    jobs = [make_job([f"{number}"]) for number in range(n_jobs)]
    plugin.Executor.run_jobs(executor, jobs)
    assert submitted == jobs
