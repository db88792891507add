"""The section `costs`: what the plan of a run assumes of models, of a GPU, and of data sets that are not there yet."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.config.schema import validate
from samgap.config.yaml_files import load_yaml
from samgap.io.yaml_text import parse_yaml

SCHEMA_FILE = "config/facts.schema.yaml"


def load_costs(config: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """Return a validated configuration with the content of the file that its key `costs` names, if it has the key.

    Args:
        config: A configuration that the schema accepts, with defaults.
        root: The root of the repository.

    Raises:
        UserError: The file cannot be read, or has content that config/facts.schema.yaml does not allow.
    """
    if "costs" not in config:
        return dict(config)
    content = load_yaml("costs", config["costs"], root, dict)
    definitions = parse_yaml((root / SCHEMA_FILE).read_text(encoding="utf-8"))["$defs"]
    return {**config, "costs": validate(content, {**definitions["costs"], "$defs": definitions}, config["costs"])}
