"""YAML and JSON texts, and the loader that parses them."""

import re
from pathlib import Path

import pytest
import yaml

from samgap.io.yaml_text import parse_config_text, parse_yaml

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / "config").rglob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(ROOT)) for file in FILES])
def test_the_files_of_the_repository_have_the_values_that_the_loader_in_python_reads(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert parse_yaml(text) == yaml.safe_load(text)


def test_a_configuration_is_json_or_yaml() -> None:
    text = '{\n\t"run": "x", "rate": 1e-3}'
    assert parse_config_text(text) == {"run": "x", "rate": 0.001}
    assert parse_yaml(text) == {"run": "x", "rate": "1e-3"}
    assert parse_config_text("run: x\nrate: 0.001") == {"run": "x", "rate": 0.001}


@pytest.mark.parametrize("text", ["run: [x", "!!python/object/apply:os.getcwd []"])
def test_what_is_not_plain_yaml_is_an_error(text: str) -> None:
    with pytest.raises(yaml.YAMLError):
        parse_config_text(text)


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "x: {a: 1, a: 1}\n", "- a: 1\n  b: 0\n  a: 2\n"])
def test_a_key_twice_is_an_error_that_names_it_and_its_line(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match="the key 'a' is in line 1 and again"):
        parse_yaml(text)


def test_a_merged_mapping_may_have_the_keys_of_the_one_that_it_is_merged_into() -> None:
    text = "base: &base {a: 1, b: 2}\nother: {<<: *base, a: 3}\n"
    assert parse_yaml(text)["other"] == {"a": 3, "b": 2}


def test_all_modules_parse_yaml_with_the_loader_in_c() -> None:
    calls = {
        str(file.relative_to(ROOT))
        for folder in ("src", "scripts", "rules")
        for file in (ROOT / folder).rglob("*")
        if file.suffix in (".py", ".smk") and re.search(r"yaml\.(safe_|full_)?load", file.read_text(encoding="utf-8"))
    }
    assert calls == {"src/samgap/io/yaml_text.py"}
