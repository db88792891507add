"""Number of GPUs that a rule's jobs request."""

import functools
from collections.abc import Mapping
from typing import Any

from samgap.config import module_literals, plugins
from samgap.jobs.code_hash import PACKAGE_DIR


def count_gpus(config: Mapping[str, Any], stage: str, family: str) -> int:
    """Return the number of GPUs that a job of a model family requests: 0 if it needs none or `device` is `cpu`, else 1.

    Args:
        config: the checked configuration
        stage: `models` or `training`, the package with the family's module
        family: id of the family; its module defines `NEEDS_GPU = False` if it runs without a GPU
    """
    return int(config["device"] != "cpu" and needs_gpu(stage, family))


@functools.cache
def needs_gpu(stage: str, family: str) -> bool:
    """Return whether the jobs of a family run a network, on a GPU if there is one; the arguments are as above."""
    file = plugins.list_plugins(PACKAGE_DIR.parents[1], stage)[family]
    return module_literals.read_literals(file, "NEEDS_GPU").get("NEEDS_GPU", True)
