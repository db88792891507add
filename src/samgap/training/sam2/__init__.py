"""Training of the model family `sam2`."""

from typing import Any


def open_task(**arguments: Any) -> Any:
    """Return the family's training task for `samgap.training.loop`; the arguments are those of `task.open_task`."""
    from samgap.training.sam2 import task

    return task.open_task(**arguments)
