"""Read the facts that figures show: YAML files in config/paper, checked against config/facts.schema.yaml."""

from pathlib import Path
from typing import Any

from samgap.config.schema import suggest, validate
from samgap.config.yaml_files import load_yaml
from samgap.errors import UserError
from samgap.io.yaml_text import parse_yaml

ROOT = Path(__file__).parents[3]
SCHEMA_FILE = "config/facts.schema.yaml"


def read_facts(figure_id: str, file: str, definition: str) -> dict[str, Any]:
    """Return the content of a file of facts, with defaults.

    Args:
        figure_id: Id of the figure whose option `facts` names the file, for messages.
        file: The file; relative to the root of the repository, absolute, or from `~`.
        definition: The part of `$defs` of the schema that the file must satisfy.

    Raises:
        UserError: The file cannot be read, or has content that the schema does not allow.
    """
    schema = parse_yaml((ROOT / SCHEMA_FILE).read_text(encoding="utf-8"))
    content = load_yaml(f"figures.{figure_id}.facts", file, ROOT, dict)
    return validate(content, {**schema["$defs"][definition], "$defs": schema["$defs"]}, str(file))


def require_id(id: str, ids: list[str], place: str) -> None:
    """Raise UserError if `id`, which `place` of a file of facts names, is not one of `ids`."""
    if id not in ids:
        raise UserError(f"{place} names '{id}', which is none of its ids; {suggest(id, ids)}")
