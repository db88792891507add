"""Files that stand for a mapping or a list of a configuration."""

from pathlib import Path

import pytest
import yaml

from samgap.config.validate import validate_config
from samgap.config.yaml_files import validate_config_files
from samgap.errors import UserError
from tests.helpers.small_config import CONFIG, change, get_error


def test_the_content_of_a_settings_file_is_part_of_the_configuration(repository):
    assert validate_config(CONFIG, repository)["models"]["words"]["architecture"] == {"size": 224}


@pytest.mark.parametrize(
    ("key_path", "value", "parts"),
    [
        ("prompts/concepts/phrases", "config/none.yaml", ["prompts.concepts.phrases", "config/none.yaml", "be read"]),
        ("prompts/concepts/phrases", "config/small.yaml", ["prompts.concepts.phrases", "has no list"]),
        ("models/words/architecture", "config/none.yaml", ["models.words.architecture", "config/none.yaml"]),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(repository, key_path, value, parts):
    message = get_error(change(key_path, value), repository)
    for part in parts:
        assert part in message


@pytest.mark.parametrize("text", ["- 1\n", "a: [\n", ""])
def test_an_invalid_settings_file_is_an_error(repository, text):
    (repository / "config" / "small.yaml").write_text(text, encoding="utf-8")
    message = get_error(CONFIG, repository)
    assert "models.words.architecture" in message
    assert "config/small.yaml" in message


ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("section", "entry", "key"),
    [
        ("datasets", {"kind": "orchard-sim", "scenes": 1, "size": 64}, "without"),
        (
            "prompts",
            {"kind": "templates", "templates": ["{x}"], "words": {"x": {"apple": {"noun": "apple"}}}},
            "unseen",
        ),
    ],
)
def test_combinations_may_be_the_path_of_a_file(tmp_path, section, entry, key):
    file = tmp_path / "unseen.yaml"
    file.write_text("- {noun: pear, health: damaged}\n", encoding="utf-8")
    config = yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8"))
    config.setdefault(section, {})["x"] = {**entry, key: str(file)}
    assert validate_config(config, ROOT)[section]["x"][key] == [{"noun": "pear", "health": "damaged"}]


def test_a_configuration_file_with_a_key_twice_is_one_line(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("prompts:\n  box: {kind: box}\nrun: x\nprompts:\n  point: {kind: point}\n", encoding="utf-8")
    with pytest.raises(UserError) as error:
        validate_config_files([file])
    assert str(error.value) == f"config: {file}, line 4: the key 'prompts' is in line 1 and again; join the two"
    file.write_text('{"run": "x"}', encoding="utf-8")
    validate_config_files([file])
