"""The file and the line of a key that a message names."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

_PATH = r"[\w-]+(?:\.[\w-]+)*"
_KEY_PATHS = (
    re.compile(rf"^config: unknown key '(?P<key>[^']+)' in (?P<path>{_PATH})"),
    re.compile(rf"^config: (?P<path>{_PATH})"),
)
_Node = yaml.Node | None


def add_place(message: str, files: Iterable[str | Path]) -> str:
    """Return a message on one key of the configuration with the file and the line of that key at its end.

    Args:
        message: a message that starts with `config: ` and the key, such as `statistics.resamples`; others are returned
            as they are, and those on keys that no file has.
        files: the configuration files; of several with the key the last counts, as for Snakemake.
    """
    match = next((match for pattern in _KEY_PATHS if (match := pattern.match(message))), None)
    if match is None:
        return message
    parts = match.groupdict()
    keys = [*parts["path"].split("."), *([parts["key"]] if "key" in parts else [])]
    for file in reversed([*files]):
        if line := _find_line(Path(file), keys):
            return f"{message} ({file}, line {line})"
    return message


def _find_line(file: Path, keys: Sequence[str]) -> int | None:
    """Return the line, from 1 on, of a key in a file, or of the deepest of its parents below the first section."""
    try:
        node: _Node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, ValueError, yaml.YAMLError):
        return None
    line = None
    for depth, key in enumerate(keys):
        found = _find_child(node, key)
        if found is None:
            return line if depth > 1 else None
        line, node = found
    return line


def _find_child(node: _Node, key: str) -> tuple[int, _Node] | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                return name.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and key.isdigit() and int(key) < len(node.value):
        value = node.value[int(key)]
        return value.start_mark.line + 1, value
    return None
