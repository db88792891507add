"""YAML files that a configuration names instead of a mapping or a list."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from samgap.errors import UserError
from samgap.io.yaml_text import parse_config_text, parse_yaml

MODEL_FILE_TYPES: dict[str, type] = {"overrides": dict, "architecture": dict}
"""Keys of a model whose value may be the path of a YAML file, and the type of its content."""
PROMPT_FILE_TYPES: dict[str, type] = {"phrases": list, "words": dict, "unseen": list}
"""Keys of a prompt set whose value may be the path of a YAML file, and the type of its content."""
DATASET_FILE_TYPES: dict[str, type] = {"without": list}
"""Keys of a data set whose value may be the path of a YAML file, and the type of its content."""


def load_model_files(models: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Return the section `models` with the content of each YAML file instead of its path."""
    return {name: _load_entry_files(f"models.{name}", entry, root, MODEL_FILE_TYPES) for name, entry in models.items()}


def load_entry_files(config: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Return a configuration that is not yet validated, with the content of the files of its prompt and data sets."""
    loaded = dict(config)
    for section, types in (("prompts", PROMPT_FILE_TYPES), ("datasets", DATASET_FILE_TYPES)):
        if isinstance(entries := config.get(section), Mapping):
            loaded[section] = {
                name: _load_entry_files(f"{section}.{name}", entry, root, types)
                if isinstance(entry, Mapping)
                else entry
                for name, entry in entries.items()
            }
    return loaded


def validate_config_files(files: Iterable[str | Path]) -> None:
    """Raise UserError if a configuration file has a key twice, of which Snakemake silently keeps the last.

    Args:
        files: Files that Snakemake has read, so they are YAML or JSON.
    """
    for file in files:
        try:
            parse_config_text(Path(file).read_text(encoding="utf-8"))
        except yaml.constructor.ConstructorError as error:
            mark = error.problem_mark
            place = f", line {mark.line + 1}" if mark else ""
            raise UserError(f"config: {file}{place}: {error.problem}; join the two") from error


def load_yaml(key_path: str, file: str, root: Path, expected_type: type) -> Any:
    """Return the content of a YAML file that the configuration names.

    Args:
        key_path: The key that names the file, for messages (`models.sam3.architecture`).
        file: Its path: relative to `root`, absolute, or from `~`.
        root: The root of the repository.
        expected_type: `list` or `dict`.

    Raises:
        UserError: If the file cannot be read, is not YAML, or has content of another type.
    """
    try:
        content = parse_yaml((root / Path(file).expanduser()).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"config: {key_path} names the file {file}, which cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"config: {key_path} names the file {file}, which is not valid YAML: {reason}") from error
    if not isinstance(content, expected_type):
        missing, example = ("no list", "- item") if expected_type is list else ("no keys", "key: value")
        raise UserError(f"config: {key_path} names the file {file}, which has {missing}; write one `{example}` a line")
    return content


def _load_entry_files(key_path: str, entry: Mapping[str, Any], root: Path, types: Mapping[str, type]) -> dict[str, Any]:
    """Return an entry with the content of each file instead of its path; other values are unchanged."""
    content = {
        key: load_yaml(f"{key_path}.{key}", entry[key], root, expected_type)
        for key, expected_type in types.items()
        if isinstance(entry.get(key), str)
    }
    return {**entry, **content}
