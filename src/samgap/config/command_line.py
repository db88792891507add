"""Targets among the values of Snakemake's options, and values and configuration files that Snakemake cannot read.

Many options of Snakemake take several values, and so also a target that follows them: `--forcerun predict verify`
forces two rules, and makes everything. For others, Snakemake fails with a traceback before it reads the Snakefile. Even
before that it reads profiles/default/config.yaml, which calls `exit_if_invalid`.
"""

import difflib
import functools
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from samgap.errors import UserError
from samgap.io import redaction
from samgap.io.yaml_text import parse_config_text

CONFIG_FILE_OPTIONS = ("--configfile", "--configfiles")
CONFIG_OPTIONS = ("--config", "-C")
OUTPUT_FOLDERS = (("results",), ("resources",))
"""First parts of the paths that the workflow writes."""
CONFIG_SUFFIXES = (".yaml", ".yml")
"""Suffixes of configuration files, which no output of the workflow has."""


class PairForm(NamedTuple):
    """The form of the values of an option such as `--set-threads RULE=THREADS`."""

    pattern: str
    form: str
    example: str


_NAME_VALUE = r"[^=\s]+=.+"
PAIR_OPTIONS = {
    # Snakemake takes no other names: a dot in a key, or a key of one letter, is a traceback.
    **dict.fromkeys(CONFIG_OPTIONS, PairForm(r"[a-zA-Z_][\w-]*\w=.*", "KEY=VALUE", "device=cpu")),
    **dict.fromkeys(("--resources", "--res"), PairForm(_NAME_VALUE, "NAME=NUMBER", "gpu=2")),
    **dict.fromkeys(("--default-resources", "--default-res"), PairForm(_NAME_VALUE, "NAME=VALUE", "mem_mb=4000")),
    "--set-threads": PairForm(r"\w+=[1-9]\d*", "RULE=THREADS", "predict=4"),
    "--set-resources": PairForm(r"\w+:\w+=.+", "RULE:RESOURCE=VALUE", "predict:mem_mb=16000"),
    "--set-resource-scopes": PairForm(r"\w+=(local|global|excluded)", "RESOURCE=SCOPE", "gpu=local"),
    "--set-scatter": PairForm(r"\w+=[1-9]\d*", "NAME=NUMBER", "parts=4"),
    "--groups": PairForm(_NAME_VALUE, "RULE=GROUP", "predict=first"),
    "--group-components": PairForm(r"\w+=[1-9]\d*", "GROUP=NUMBER", "first=4"),
    "--consider-ancient": PairForm(_NAME_VALUE, "RULE=INPUTS", "predict=weights"),
}
"""Options whose values are pairs."""
RULE_OPTIONS = (
    *("--forcerun", "-R", "--until", "-U", "--omit-from", "-O", "--prioritize", "-P"),
    *("--allowed-rules", "--cache", "--preemptible-rules"),
)
"""Options whose values are names of rules, or files that rules write."""
TEXT_OPTIONS = (
    *("--cleanup-metadata", "--cm", "--wait-for-files", "--unneeded-temp-files", "--omit-flags", "--envvars"),
    "--target-jobs",
)
"""Options whose values are other names or files."""
CHOICE_OPTIONS = (
    *("--quiet", "-q", "--rerun-triggers", "--strict-dag-evaluation", "--shared-fs-usage", "--logger"),
    *("--software-deployment-method", "--deployment-method", "--deployment", "--sdm"),
    *("--lint", "--containerize", "--dag", "--rulegraph", "--scheduler", "--conda-cleanup-pkgs"),
)
"""Options with a fixed list of values. Snakemake itself refuses a target after them, before it reads the profile. Their
values, such as `--quiet all`, are no targets."""
OPTIONAL_VALUE_OPTIONS = ("--report", "--generate-unit-tests")
"""Options whose one value, a file or a folder, can be left out, so they take a target that follows them for it."""
ROOT = Path(__file__).parents[3]


def exit_if_invalid(arguments: Sequence[str]) -> None:
    """End the process with one line if `validate_arguments` finds an error."""
    try:
        validate_arguments(arguments)
    except UserError as error:
        sys.exit(f"error: {redaction.redact(str(error))}")


def validate_arguments(arguments: Sequence[str]) -> None:
    """Check the values of options that take several, among which targets can be by mistake.

    Args:
        arguments: The command line without the name of the program.

    Raises:
        UserError: If a value is a target, or not a pair of the form that its option needs, or if a configuration file
            cannot be read, is neither YAML nor JSON, or has no keys.
    """
    groups = _group_arguments(arguments)
    has_target = _has_target(groups)
    misread = [
        (option, value)
        for option, values in groups
        for position, value in enumerate(values)
        if _is_target(option, values[0], value, position, has_target)
    ]
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
            elif option in PAIR_OPTIONS:
                _validate_pair(option, value)


def _find_tab(file: Path, error: Exception) -> int | None:
    """Return the line, from 1 on, at which YAML was refused if it is indented with a tab; else None."""
    mark = getattr(error, "problem_mark", None)
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    is_indented = mark is not None and mark.line < len(lines) and re.match(r" *\t", lines[mark.line])
    return mark.line + 1 if mark and is_indented else None


def list_target_rules(root: Path) -> set[str]:
    """Return the names of the rules without an output: targets, which nothing can depend on.

    Args:
        root: The root of the repository, whose Snakefile and rules are read as texts.
    """
    names = set()
    for file in (root / "Snakefile", *sorted((root / "rules").glob("*.smk"))):
        rules = re.findall(r"^rule (\w+):\n((?:[ \t].*\n|\n)*)", file.read_text(encoding="utf-8"), re.MULTILINE)
        names |= {name for name, body in rules if not re.search(r"^    output:", body, re.MULTILINE)}
    return names


@functools.cache
def _list_own_target_rules() -> set[str]:
    return list_target_rules(ROOT)


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


def _has_target(groups: Sequence[tuple[str, Sequence[str]]]) -> bool:
    """Whether a target is where Snakemake takes it for one: not after an option that takes several values."""
    several = (*CONFIG_FILE_OPTIONS, *PAIR_OPTIONS, *RULE_OPTIONS, *TEXT_OPTIONS, *CHOICE_OPTIONS)
    return any(
        _is_target_rule(value) or _is_output(value)
        for option, values in groups
        if option not in (*several, *OPTIONAL_VALUE_OPTIONS)
        for value in values
    )


def _is_target(option: str, first: str, value: str, position: int, has_target: bool) -> bool:
    """Whether a value is a target. The first value of most options is meant for the option, whatever it is."""
    if option in OPTIONAL_VALUE_OPTIONS:
        return _is_target_rule(value)
    if position == 0:
        return False
    if option in CONFIG_FILE_OPTIONS:
        # A result of an earlier run exists, and may be JSON, which is YAML.
        path = Path(value)
        return path.suffix not in CONFIG_SUFFIXES and (_is_output(value) or not path.exists())
    if option in PAIR_OPTIONS:
        return "=" not in value
    if option in TEXT_OPTIONS:
        return _is_target_rule(value)
    # With a target elsewhere, `--forcerun predict results/…` names two things to force. A rule without an output is
    # never forced, but `--allowed-rules` must name it, too.
    if option in RULE_OPTIONS and not (has_target and (_is_output(value) or option == "--allowed-rules")):
        return _is_target_rule(value) or (_is_output(value) and not _is_output(first))
    return False


def _is_target_rule(value: str) -> bool:
    return value.isidentifier() and value in _list_own_target_rules()


def _is_output(value: str) -> bool:
    path = Path(value)
    return path.parts[:1] in OUTPUT_FOLDERS and path.suffix not in CONFIG_SUFFIXES


def _validate_pair(option: str, value: str) -> None:
    pattern, form, example = PAIR_OPTIONS[option]
    if not re.fullmatch(pattern, value, re.DOTALL):
        is_nested = option in CONFIG_OPTIONS and re.match(r"[\w-]+(\.[\w-]+)+=", value)
        hint = " (write nested keys as YAML: 'datasets={orchard: {scenes: 4}}')" if is_nested else ""
        raise UserError(f"{option} has the value '{value}'; write {form}, such as {option} {example}{hint}")


def _validate_config_file(file: str) -> None:
    try:
        content = parse_config_text(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"--configfile {file}: cannot be read ({error.strerror}); {_suggest_config_file(Path(file))}"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        if line := _find_tab(Path(file), error):
            raise UserError(f"--configfile {file}: line {line} is indented with a tab; use spaces") from error
        raise UserError(f"--configfile {file}: not valid YAML ({' '.join(str(error).split())}); correct it") from error
    if not isinstance(content, dict):
        raise UserError(f"--configfile {file}: has no keys; start from a copy of config/demo.yaml")


def _suggest_config_file(file: Path) -> str:
    """Return "did you mean …?" if the folder of `file` has a YAML file with a similar name."""
    by_name = {path.stem: path for path in sorted(file.parent.glob("*")) if path.suffix in CONFIG_SUFFIXES}
    names = [] if file.exists() else difflib.get_close_matches(file.stem, by_name, n=1, cutoff=0.6)
    return f"did you mean '{by_name[names[0]]}'?" if names else "name a YAML file"
