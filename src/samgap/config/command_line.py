"""The options of Snakemake's command line that take several values, and so also a target that follows them.

Snakemake reads configuration files before the Snakefile, and fails with a traceback. Before that it reads
profiles/default/config.yaml, which calls `exit_if_invalid`.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from samgap.errors import UserError
from samgap.io.yaml_text import parse_config_text

CONFIG_FILE_OPTIONS = ("--configfile", "--configfiles")
CONFIG_OPTIONS = ("--config", "-C")
OUTPUT_FOLDERS = (("results",), ("resources",))
"""First parts of the paths that the workflow writes."""


def exit_if_invalid(arguments: Sequence[str]) -> None:
    """End the process with one line if `validate_arguments` finds an error."""
    try:
        validate_arguments(arguments)
    except UserError as error:
        sys.exit(f"error: {error}")


def validate_arguments(arguments: Sequence[str]) -> None:
    """Check the values of `--configfile` and `--config`, among which targets can be by mistake.

    Args:
        arguments: The command line without the name of the program.

    Raises:
        UserError: If a configuration file cannot be read, is neither YAML nor JSON, or has no keys, or if a value of
            `--config` is not KEY=VALUE.
    """
    groups = _group_arguments(arguments)
    # Of several values, the first is meant for the option, and the others can be targets.
    misread = [(option, value) for option, values in groups for value in values[1:] if _is_target(option, value)]
    if misread:
        targets = [value for _, value in misread]
        others = [argument for argument in arguments if argument not in targets]
        raise UserError(
            f"{misread[0][0]} takes '{targets[0]}' for one of its values; write targets before it: "
            + shlex.join(["snakemake", *targets, *others])
        )
    for option, values in groups:
        for value in values:
            if option in CONFIG_FILE_OPTIONS:
                _validate_config_file(value)
            elif option in CONFIG_OPTIONS and "=" not in value:
                raise UserError(f"{option} has the value '{value}'; write KEY=VALUE, such as {option} device=cpu")


def _group_arguments(arguments: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return (option, values up to the next option); targets before the first option have the option ''."""
    groups: list[tuple[str, list[str]]] = [("", [])]
    for argument in arguments:
        option, separator, value = argument.partition("=")
        if not argument.startswith("-"):
            groups[-1][1].append(argument)
        elif separator:
            groups += [(option, [value]), ("", [])]  # `--configfile=a.yaml` has one value
        else:
            groups.append((option, []))
    return groups


def _is_target(option: str, value: str) -> bool:
    if option in CONFIG_FILE_OPTIONS:
        path = Path(value)
        # A result of an earlier run exists, and may be JSON, which is YAML.
        is_output = path.parts[:1] in OUTPUT_FOLDERS and path.suffix not in (".yaml", ".yml")
        return is_output or not path.exists()
    return option in CONFIG_OPTIONS and "=" not in value


def _validate_config_file(file: str) -> None:
    try:
        content = parse_config_text(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"--configfile {file}: cannot be read ({error.strerror}); name a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"--configfile {file}: not valid YAML ({' '.join(str(error).split())}); correct it") from error
    if not isinstance(content, dict):
        raise UserError(f"--configfile {file}: has no keys; start from a copy of config/demo.yaml")
