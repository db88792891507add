"""Catalogs: entries that several configurations share."""

from pathlib import Path

import pytest
import yaml

from samgap.config.catalogs import TYPE_KEYS, merge_catalogs
from samgap.config.validate import validate_config
from samgap.errors import UserError

ROOT = Path(__file__).parents[3]
CATALOG = {
    "prompts": {"grid": {"kind": "grid", "side": 32}, "mask": {"kind": "mask", "coarse": "eroded", "amount": 0.2}},
    "models": {"oval": {"family": "shape", "shape": "ellipse"}},
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "shared.yaml").write_text(yaml.safe_dump(CATALOG), encoding="utf-8")
    return tmp_path


def test_a_configuration_has_the_entries_of_its_catalogs(root):
    config = merge_catalogs({"catalogs": ["shared.yaml"], "run": "x"}, root)
    assert config == {"catalogs": ["shared.yaml"], "run": "x", **CATALOG}


def test_an_entry_of_the_configuration_replaces_the_catalogs(root):
    config = {"catalogs": ["shared.yaml"], "prompts": {"mask": {"kind": "mask", "coarse": "blocky"}}}
    assert merge_catalogs(config, root)["prompts"] == {
        "grid": CATALOG["prompts"]["grid"],
        "mask": {"kind": "mask", "coarse": "blocky"},
    }


def test_an_entry_without_its_kind_changes_the_catalogs(root):
    config = {"catalogs": ["shared.yaml"], "prompts": {"mask": {"amount": 0.4}}}
    assert merge_catalogs(config, root)["prompts"]["mask"] == {"kind": "mask", "coarse": "eroded", "amount": 0.4}


def test_a_later_catalog_replaces_an_earlier_one(root):
    (root / "later.yaml").write_text("prompts: {grid: {kind: grid, side: 8}}\n", encoding="utf-8")
    config = merge_catalogs({"catalogs": ["shared.yaml", "later.yaml"]}, root)
    assert config["prompts"] == {"mask": CATALOG["prompts"]["mask"], "grid": {"kind": "grid", "side": 8}}


def test_a_catalog_outside_the_repository(root, tmp_path_factory):
    file = tmp_path_factory.mktemp("elsewhere") / "catalog.yaml"
    file.write_text("prompts: {far: {kind: box}}\n", encoding="utf-8")
    assert merge_catalogs({"catalogs": [str(file)]}, root)["prompts"] == {"far": {"kind": "box"}}


def test_merging_changes_neither_its_argument_nor_a_merged_configuration(root):
    config = {"catalogs": ["shared.yaml"], "prompts": {"mask": {"amount": 0.4}}}
    merged = merge_catalogs(config, root)
    assert config == {"catalogs": ["shared.yaml"], "prompts": {"mask": {"amount": 0.4}}}
    assert merge_catalogs(merged, root) == merged


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prompt: {}\n", "the catalog broken.yaml has the key 'prompt'; did you mean 'prompts'"),
        ("experiments: {}\n", "the catalog broken.yaml has the key 'experiments'; there is datasets, models, prompts"),
        ("prompts: [box]\n", "prompts in the catalog broken.yaml is not a mapping"),
        ("- box\n", "catalogs names the file broken.yaml, which has no keys"),
        ("a: [\n", "catalogs names the file broken.yaml, which is not valid YAML"),
        (None, "catalogs names the file broken.yaml, which cannot be read"),
    ],
)
def test_an_invalid_catalog_is_one_line(root, text, message):
    if text is not None:
        (root / "broken.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        merge_catalogs({"catalogs": ["broken.yaml"]}, root)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["config", "demo", "demo-models"])
def test_the_repositorys_configurations_share_the_catalog_of_prompts(name):
    config = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))
    catalog = yaml.safe_load((ROOT / "config/prompts.yaml").read_text(encoding="utf-8"))["prompts"]
    assert config["catalogs"][0] == "config/prompts.yaml"
    repeated = [id for id, entry in config.get("prompts", {}).items() if catalog.get(id) == entry]
    assert not repeated


def test_the_demos_configurations_repeat_no_entry():
    files = [ROOT / "config" / name for name in ("demo.yaml", "demo-models.yaml", "demo/catalog.yaml")]
    first, second, catalog = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)
    assert first["catalogs"] == second["catalogs"] == ["config/prompts.yaml", "config/demo/catalog.yaml"]
    for section in TYPE_KEYS:
        entries = [*first.get(section, {}), *second.get(section, {}), *catalog[section]]
        assert len(entries) == len(set(entries)), section


def test_a_change_of_one_entry_of_the_catalog_changes_that_prompt_set_alone(tmp_path):
    config = yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8"))
    before = validate_config(config, ROOT)
    catalog = yaml.safe_load((ROOT / "config/prompts.yaml").read_text(encoding="utf-8"))
    catalog["prompts"]["grid"]["side"] = 16
    (tmp_path / "prompts.yaml").write_text(yaml.safe_dump(catalog), encoding="utf-8")
    after = validate_config({**config, "catalogs": [str(tmp_path / "prompts.yaml"), *config["catalogs"][1:]]}, ROOT)
    assert [id for id in before["prompts"] if before["prompts"][id] != after["prompts"][id]] == ["grid"]
    assert {key for key in before if before[key] != after[key]} == {"catalogs", "prompts"}
