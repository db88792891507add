"""The schema and the configurations of this repository."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from samgap.config.cells import list_cells
from samgap.config.plugin_options import load_schema
from samgap.config.validate import validate_config

ROOT = Path(__file__).parents[2]


def test_every_key_of_the_schema_has_a_description():
    schema = load_schema(ROOT)
    missing = []

    def visit(part: Any, key_path: str) -> None:
        if isinstance(part, dict):
            for key, value in part.get("properties", {}).items():
                reference = value.get("$ref", "").rpartition("/")[2]
                described = {**schema["$defs"].get(reference, {}), **value}
                # In an `if`, or where `then` requires one more key, a property is named without a description.
                if "description" not in described and not {"const", "required"} & described.keys():
                    missing.append(f"{key_path}.{key}")
            for key, value in part.items():
                visit(value, f"{key_path}.{key}")
        elif isinstance(part, list):
            for number, value in enumerate(part):
                visit(value, f"{key_path}.{number}")

    visit(schema, "")
    assert not missing


@pytest.mark.parametrize("name", ["config", "demo", "demo-models"])
def test_the_configurations_of_the_repository_are_valid(name):
    config = validate_config(yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text(encoding="utf-8")), ROOT)
    assert list_cells(config)
