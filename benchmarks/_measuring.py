"""What the programs here measure with."""

import os
import platform
import re
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def describe_machine() -> str:
    """The processor, and how many processes wanted it over the last five minutes."""
    lines = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    found = re.search(r"model name\s*: (.*)", lines)
    return f"{os.cpu_count()} cores ({found[1] if found else platform.machine()}), load {os.getloadavg()[1]:.1f}"


def median_cpu_seconds(function: Callable[[], Any], n_repeats: int) -> float:
    """Processor seconds: wall time on an idle machine, and hardly more on a busy one."""
    found = []
    for _ in range(n_repeats):
        start = time.process_time()
        function()
        found.append(time.process_time() - start)
    return statistics.median(found)


def peak_memory_mb() -> float:
    """Of this process, so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
