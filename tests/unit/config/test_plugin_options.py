"""Options that a kind or a family declares in its module."""

from pathlib import Path

import pytest

from samgap.config.plugin_options import list_path_options, load_schema
from samgap.config.schema import validate
from samgap.config.validate import validate_config
from samgap.errors import UserError
from tests.helpers.small_config import DATASET, change

ROOT = Path(__file__).parents[3]
SCHEMA = """
$schema: https://json-schema.org/draft/2020-12/schema
type: object
properties:
  datasets: &entries
    type: object
    default: {}
    additionalProperties:
      type: object
      properties: {kind: {type: string}, family: {type: string}}
      unevaluatedProperties: false
  prompts: *entries
  models: *entries
  trainings: *entries
  figures: &items
    type: object
    default: {}
    additionalProperties:
      type: object
      required: [number]
      properties: {number: {type: string}}
      unevaluatedProperties: false
  tables: *items
$defs:
  text: {type: string, minLength: 1}
"""
OPTIONS = """
{
    "required": ["radius"],
    "properties": {
        "radius": {"description": "Radius, px.", "type": "integer", "minimum": 1},
        "colour": {"description": "Colour.", "$ref": "#/$defs/text", "default": "red"},
    },
}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/schema.yaml").write_text(SCHEMA, encoding="utf-8")
    return tmp_path


def add_module(root: Path, stage: str, text: str) -> None:
    file = root / "src/samgap" / stage / "new_one.py"
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("stage", "marker", "section", "key"),
    [
        ("datasets", "def iter_images(): ...", "datasets", "kind"),
        ("prompts", "def generate_prompts(): ...", "prompts", "kind"),
        ("models", "KINDS = ('box',)", "models", "family"),
        ("training", "def open_task(): ...", "trainings", "family"),
    ],
)
def test_options_of_a_module_are_part_of_the_schema(root, stage, marker, section, key):
    add_module(root, stage, f"import a_module_that_does_not_exist\n{marker}\nOPTIONS = {OPTIONS.strip()}\n")
    schema = load_schema(root)
    config = validate({section: {"x": {key: "new-one", "radius": 3}}}, schema)
    assert config[section]["x"] == {key: "new-one", "radius": 3, "colour": "red"}
    for entry, message in [
        ({}, f"{section}.x lacks the key 'radius' \\(Radius, px\\)"),
        ({"radius": 0}, f"{section}.x.radius is 0, less than 1"),
        ({"radius": 1, "color": "red"}, f"unknown key 'color' in {section}.x; did you mean 'colour'"),
    ]:
        with pytest.raises(UserError, match=message):
            validate({section: {"x": {key: "new-one", **entry}}}, schema)
    with pytest.raises(UserError, match="unknown key 'radius'"):
        validate({section: {"x": {key: "another", "radius": 3}}}, schema)


def test_a_kind_may_have_another_default_of_a_key_of_every_entry(root):
    file = root / "config/schema.yaml"
    file.write_text(
        file.read_text(encoding="utf-8").replace(
            "family: {type: string}}", "family: {type: string}, open: {type: boolean}}"
        ),
        encoding="utf-8",
    )
    options = "{'properties': {'open': {'description': 'As for every entry.', 'default': False}}}"
    add_module(root, "datasets", f"def iter_images(): ...\nOPTIONS = {options}\n")
    schema = load_schema(root)
    entries = {"a": {"kind": "new-one"}, "b": {"kind": "new-one", "open": True}, "c": {"kind": "another"}}
    config = validate({"datasets": entries}, schema)
    assert config["datasets"] == {**entries, "a": {"kind": "new-one", "open": False}}
    with pytest.raises(UserError, match=r"datasets\.a\.open is 'yes', not of type boolean"):
        validate({"datasets": {"a": {"kind": "new-one", "open": "yes"}}}, schema)


@pytest.mark.parametrize("section", ["figures", "tables"])
def test_options_of_a_figure_or_table_are_those_of_its_own_entry(root, section):
    add_module(root, f"paper/{section}", f"OPTIONS = {OPTIONS.strip()}\n")
    schema = load_schema(root)
    config = validate({section: {"new-one": {"number": "1", "radius": 3}, "other": {"number": "2"}}}, schema)
    assert config[section] == {"new-one": {"number": "1", "radius": 3, "colour": "red"}, "other": {"number": "2"}}
    for id, entry, message in [
        ("new-one", {"number": "1"}, f"{section}.new-one lacks the key 'radius'"),
        ("new-one", {"radius": 1}, f"{section}.new-one lacks the key 'number'"),
        ("new-one", {"number": "1", "radius": 0}, f"{section}.new-one.radius is 0, less than 1"),
        ("new-one", {"number": "1", "radius": 1, "color": "red"}, f"unknown key 'color' in {section}.new-one"),
        ("other", {"number": "1", "radius": 1}, f"unknown key 'radius' in {section}.other"),
    ]:
        with pytest.raises(UserError, match=message):
            validate({section: {id: entry}}, schema)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("dict(properties={})", "OPTIONS is not a literal"),
        ("{'radius': {'type': 'integer'}}", "OPTIONS is not a literal"),
        (
            "{'properties': {'radius': {'description': 'x', 'type': 'int'}}}",
            "OPTIONS is not a JSON schema: 'int' is not",
        ),
        ("{'properties': {'radius': {'type': 'integer'}}}", "the option 'radius' of OPTIONS has no description"),
        ("{'properties': {'kind': {'description': 'x'}}}", "the option 'kind' of OPTIONS is a key of every entry"),
        (
            "{'properties': {'kind': {'description': 'x', 'default': 'a', 'type': 'string'}}}",
            "the option 'kind' of OPTIONS is a key of every entry",
        ),
        (
            "{'properties': {'x': {'$ref': '#/$defs/txt'}}}",
            r"OPTIONS refers to #/\$defs/txt; did you mean '#/\$defs/text'",
        ),
    ],
)
def test_invalid_options_are_one_line_that_names_the_module(root, options, message):
    add_module(root, "prompts", f"def generate_prompts(): ...\nOPTIONS = {options}\n")
    with pytest.raises(UserError, match=f"src/samgap/prompts/new_one.py: .*{message}"):
        load_schema(root)


def test_modules_that_are_not_plugins_are_ignored(root):
    add_module(root, "prompts", "OPTIONS = 3\n")
    assert load_schema(root)["properties"]["prompts"]["additionalProperties"]["allOf"] == []


def test_the_options_of_the_repositorys_plugins_are_valid():
    assert load_schema(ROOT)


def test_a_new_kind_without_options_needs_no_declaration(repository):
    (repository / "src/samgap/datasets/field.py").write_text(DATASET, encoding="utf-8")
    assert validate_config(change("datasets/x", {"kind": "field"}), repository)["datasets"]["x"] == {
        "kind": "field",
        "shards": 1,
        "exhaustive": True,
        "labelled-distance": 0.1,
    }


def test_options_that_the_kinds_of_data_sets_declare_as_paths() -> None:
    entries = {"coco": ["path", "files"], "minneapple-layout": ["path", "files", "ignore"], "minneapple": ["ignore"]}
    for kind, keys in (entries | {"orchard-sim": []}).items():
        assert sorted(list_path_options(ROOT, "datasets", "mine", {"kind": kind})) == sorted(keys), kind


@pytest.mark.parametrize(
    ("stage", "section", "entry"),
    [
        ("models", "models", {"family": "new-one"}),
        ("demo_models", "trainings", {"family": "sam2", "method": "new-one"}),
        ("paper/figures", "figures", {"number": "1"}),
    ],
)
def test_an_option_with_the_format_path_is_a_path(root: Path, stage: str, section: str, entry: dict) -> None:
    for name in ("sam2", "new_one"):
        (root / "src/samgap/training").mkdir(parents=True, exist_ok=True)
        (root / f"src/samgap/training/{name}.py").touch()
    words = '"words": {"description": "Words.", "type": "string", "format": "path"}'
    add_module(root, stage, f"OPTIONS = {{'properties': {{{words}, 'colour': {{'$ref': '#/$defs/text'}}}}}}\n")
    assert list_path_options(root, section, "new-one", entry) == ("words",)
