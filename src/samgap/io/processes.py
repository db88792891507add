"""Processes of this machine."""

import os


def is_process_alive(pid: int) -> bool:
    """Return whether a process of this id exists on this machine, of any user."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True
