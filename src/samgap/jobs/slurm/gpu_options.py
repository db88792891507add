"""The options of sbatch that request GPUs, for types of GPU with a hyphen in their name."""

from collections.abc import Callable
from typing import Any

HYPHEN = "__HYPHEN__"
"""Replaces a hyphen while the plugin checks a name, in which it allows letters, digits, underscores and dots."""


class _Resources:
    """The resources of a job; those that name a GPU are without hyphens."""

    def __init__(self, resources: Any) -> None:
        self.resources = resources

    def get(self, name: str, default: Any = None) -> Any:
        """Return a resource; the type of a GPU is without hyphens."""
        value = self.resources.get(name, default)
        return value.replace("-", HYPHEN) if name in ("gres", "gpu_model") and isinstance(value, str) else value

    def __getattr__(self, name: str) -> Any:
        return self.get(name)


class _Job:
    def __init__(self, job: Any) -> None:
        self.resources = _Resources(job.resources)


def allow_hyphens(make_options: Callable[[Any], str]) -> Callable[[Any], str]:
    """Return the plugin's function that makes the options of a job, which then accepts a type such as `rtx-a6000`."""

    def make_gpu_options(job: Any) -> str:
        return make_options(_Job(job)).replace(HYPHEN, "-")

    return make_gpu_options
