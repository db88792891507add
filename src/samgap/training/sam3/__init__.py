"""Training of the model family `sam3`."""

from typing import Any


def open_task(**arguments: Any) -> Any:
    """Return the family's training task for `samgap.training.loop`; the arguments are those of `task.open_task`."""
    from samgap.training.sam3 import task

    return task.open_task(**arguments)
