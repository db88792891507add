"""Time to determine the state of a folder of data (`samgap.jobs.local_inputs`), as each start of Snakemake does.

    PYTHONPATH=src python benchmarks/local_inputs.py --files 100000

Makes a folder of empty files, half of them photographs and half masks, in sub-folders. Prints the processor time and
the elapsed time of the first examination, and the median processor time of further ones. The limit is 2 s.
"""

import argparse
import tempfile
import time
from pathlib import Path

from _measuring import describe_machine, median_cpu_seconds

from samgap.jobs.local_inputs import describe_state

FILES_PER_ROW = 1000


def make_files(folder: Path, n_files: int) -> None:
    """Make `n_files` empty files in sub-folders."""
    for number in range(n_files):
        name, suffix = (("images", "jpg"), ("masks", "png"))[number % 2]
        subfolder = folder / name / f"row_{number // FILES_PER_ROW:04}"
        subfolder.mkdir(parents=True, exist_ok=True)
        (subfolder / f"row_{number // FILES_PER_ROW:04}_{number // 2:06}.{suffix}").touch()


def examine(folder: Path) -> str:
    """Return the state of a folder as a new process determines it."""
    describe_state.cache_clear()
    return describe_state(str(folder))


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        make_files(Path(name), options.files)
        start, cpu_start = time.perf_counter(), time.process_time()
        state = examine(Path(name))
        elapsed, cpu = time.perf_counter() - start, time.process_time() - cpu_start
        median = median_cpu_seconds(lambda: examine(Path(name)), options.repeats)
    print(describe_machine())
    first = f"{cpu:.2f} s of processor time, {elapsed:.2f} s elapsed"
    print(f"{state.split(',')[0]}: {first}; median of further ones {median:.2f} s")


if __name__ == "__main__":
    main()
