"""Import of plug-ins: apart from `samgap.config.plugins`, so that an edit of the checks there reruns no rule."""

import importlib
from types import ModuleType


def import_plugin(stage: str, id: str) -> ModuleType:
    """Import the module of a kind or family: `samgap.datasets.orchard_sim` for `orchard-sim` of stage `datasets`."""
    return importlib.import_module(f"samgap.{stage}.{id.replace('-', '_')}")
