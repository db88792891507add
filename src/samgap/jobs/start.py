"""What happens at a start of Snakemake before it reads configuration files: profiles/default calls it."""

from collections.abc import MutableMapping, Sequence

from samgap.config import command_line
from samgap.jobs import surroundings

CACHE_FOLDER = ".snakemake/cache"
"""The folder for caches if the user's cannot be written, relative to the working directory."""


def prepare_start(arguments: Sequence[str], environment: MutableMapping[str, str]) -> None:
    """End the process with one line if the command line is invalid, and name a cache folder that can be written.

    Without it, a target after an option that takes several values, and a home folder that cannot be written, end in a
    traceback.

    Args:
        arguments: The command line without the name of the program.
        environment: The environment variables of the process, to which those of the cache folder are added.

    Raises:
        SystemExit: If the command line is invalid.
    """
    command_line.exit_if_invalid(arguments)
    environment.update(surroundings.make_cache_variables(environment, CACHE_FOLDER))
