"""Measurements that the benchmarks share: processor time, peak memory and a description of the machine."""

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
    """Return the number and model of the cores, and the load average over five minutes."""
    cpu_info = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    match = re.search(r"model name\s*: (.*)", cpu_info)
    return f"{os.cpu_count()} cores ({match[1] if match else platform.machine()}), load {os.getloadavg()[1]:.1f}"


def median_cpu_seconds(function: Callable[[], Any], n_repeats: int) -> float:
    """Return the median processor time of a function, which depends little on other processes."""
    seconds = []
    for _ in range(n_repeats):
        start = time.process_time()
        function()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def peak_memory_mb() -> float:
    """Return the highest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
