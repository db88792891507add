"""Import of plug-ins.

This module does not import `samgap.config.plugins`, so an edit of the checks in that module reruns no rule.
"""

import importlib
from types import ModuleType


def import_plugin(stage: str, id: str) -> ModuleType:
    """Import the module of a kind or family: `samgap.datasets.orchard_sim` for `orchard-sim` of stage `datasets`."""
    return importlib.import_module(f"samgap.{stage}.{id.replace('-', '_')}")
