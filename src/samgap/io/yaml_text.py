"""YAML text, parsed by the loader in C where PyYAML has it: it takes a fraction of the time of the loader in Python."""

import json
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(text: str) -> Any:
    """Return the value of a YAML text.

    Raises:
        yaml.YAMLError: If the text is not YAML.
    """
    return yaml.load(text, Loader=_LOADER)


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
