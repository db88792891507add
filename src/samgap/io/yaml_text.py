"""YAML text, parsed by the loader in C where PyYAML has it: it takes a fraction of the time of the loader in Python."""

import json
from typing import Any

import yaml

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _UniqueKeyLoader(_BASE):
    """A loader that refuses a key that a mapping has twice; PyYAML silently keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping of a node.

        Raises:
            yaml.constructor.ConstructorError: A key is there twice.
        """
        _refuse_repeated_keys(node)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def _refuse_repeated_keys(node: yaml.MappingNode) -> None:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        # A merged mapping (`<<`) may have keys that the node replaces.
        if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
            continue
        if key.value in lines:
            raise yaml.constructor.ConstructorError(
                problem=f"the key '{key.value}' is in line {lines[key.value]} and again", problem_mark=key.start_mark
            )
        lines[key.value] = key.start_mark.line + 1


def parse_yaml(text: str) -> Any:
    """Return the value of a YAML text.

    Raises:
        yaml.YAMLError: If the text is not YAML, or a mapping has a key twice.
    """
    return yaml.load(text, Loader=_UniqueKeyLoader)


def parse_config_text(text: str) -> Any:
    """Return the value of a configuration file's text, which is JSON or YAML, as Snakemake reads it.

    Some numbers of JSON, such as 1e-3, are texts in YAML.

    Raises:
        yaml.YAMLError: If the text is neither.
    """
    try:
        return json.loads(text)
    except ValueError:
        return parse_yaml(text)
