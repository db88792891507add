"""What the simulations of inference share: their arguments, the standard error of a share, and tables in Markdown."""

import argparse
from collections.abc import Iterable, Sequence


def parse_arguments(description: str | None, repetitions: int, quick_repetitions: int) -> tuple[int, str | None]:
    """Parse the arguments of a simulation.

    Args:
        description: Docstring of the program.
        repetitions: Default number of repetitions.
        quick_repetitions: The number with `--quick`.

    Returns:
        Number of repetitions, and the metric whose rows alone are simulated, if one is given.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=repetitions)
    parser.add_argument("--quick", action="store_true", help=f"{quick_repetitions} repetitions, to try the program")
    parser.add_argument("--metric", help="only the rows of this metric")
    arguments = parser.parse_args()
    return quick_repetitions if arguments.quick else arguments.repetitions, arguments.metric


def standard_error(share: float, repetitions: int) -> float:
    """Return the standard error of a simulated share, in percent."""
    return 100 * (share * (1 - share) / repetitions) ** 0.5


def print_table(title: str, sizes: Sequence[int], rows: Iterable[tuple[str, Iterable[str]]]) -> None:
    """Print a table as Markdown, each row as soon as it is ready.

    Args:
        title: Header of the first column.
        sizes: Headers of the others: numbers of clusters.
        rows: Name and cells of each row.
    """
    print(f"| {title} | {' | '.join(map(str, sizes))} |\n|---|{'---|' * len(sizes)}")
    for name, cells in rows:
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
