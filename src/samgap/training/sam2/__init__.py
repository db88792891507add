"""Training of the family `sam2`."""

from typing import Any


def open_task(**arguments: Any) -> Any:
    """The training task of the family, as `samgap.training.loop` runs it."""
    from samgap.training.sam2 import task

    return task.open_task(**arguments)
