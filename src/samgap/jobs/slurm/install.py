"""Puts the guarded executor into Snakemake's registry of plugins, for the version with which it was tested."""

import sys
from importlib import metadata
from typing import Any

from samgap.jobs.slurm.executor import GuardedExecutor
from samgap.jobs.slurm.gpu_options import allow_hyphens
from samgap.jobs.slurm.status_query import StatusQuery

DISTRIBUTION = "snakemake-executor-plugin-slurm"
TESTED_VERSION = "2.8"
"""The version whose methods `GuardedExecutor` replaces."""


def install_guards(registry: Any, logger: Any) -> None:
    """Let Snakemake start the guarded executor; do nothing, with a warning, with another version of the plugin.

    Args:
        registry: Snakemake's registry of executor plugins.
        logger: receives the warning.
    """
    module = sys.modules.get(DISTRIBUTION.replace("-", "_"))
    if module is None or not registry.is_installed("slurm"):
        return
    if not (version := metadata.version(DISTRIBUTION)).startswith(f"{TESTED_VERSION}."):
        logger.warning(
            f"{DISTRIBUTION} is {version}, and the guards for outages and refused settings are for {TESTED_VERSION}: "
            "they are off. `make env` installs the locked version."
        )
        return
    plugin = registry.get_plugin("slurm")
    if issubclass(plugin.executor, GuardedExecutor):
        return
    query = StatusQuery(module.query_job_status)
    module.query_job_status = query  # type: ignore[attr-defined]
    module.set_gres_string = allow_hyphens(module.set_gres_string)  # type: ignore[attr-defined]
    # With `slurm-array-jobs` the plugin waits for more ready jobs of a rule and forgets those that it has.
    module.pending_jobs_for_rule = lambda *_: 0  # type: ignore[attr-defined]
    plugin.executor = make_guarded(plugin.executor, module, query)


def make_guarded(executor: type, module: Any, query: StatusQuery) -> type:
    """Return the plugin's class of executors with the guards before it."""
    return type("Executor", (GuardedExecutor, executor), {"plugin": module, "query": query})
