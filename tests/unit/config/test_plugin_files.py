"""Local paths of data sets that Snakemake can use, and one line for others and for an id without its file."""

import shutil
import sys
from pathlib import Path

import pytest

from samgap.config.plugin_files import validate_files
from samgap.config.validate import validate_config
from samgap.errors import UserError
from tests.helpers.small_config import change, get_error

ROOT = Path(__file__).parents[3]


def make_config(path: Path) -> dict:
    """Return the parts of a validated configuration that name a data set at `path`."""
    experiment = {"datasets": ["mine"], "models": ["ellipse"], "prompts": ["box"], "metrics": ["iou"]}
    return {
        "datasets": {"mine": {"kind": "coco", "path": str(path)}},
        "models": {"ellipse": {"family": "shape"}},
        "prompts": {"box": {"kind": "box"}},
        "experiments": {"boxes": experiment},
        "figures": {},
        "tables": {},
    }


@pytest.mark.parametrize("name", ["my photos", "ü", "it's", "a$b", "a[b]*", "a:b;c&d", '#"%s'])
def test_a_path_can_have_other_characters(name: str, tmp_path: Path) -> None:
    (tmp_path / name).mkdir()
    validate_files(make_config(tmp_path / name), ROOT)


def test_braces_are_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "a{b}"
    folder.mkdir()
    with pytest.raises(UserError) as error:
        validate_files(make_config(folder), ROOT)
    assert str(error.value) == (
        f"config: datasets.mine.path is {folder}, whose braces Snakemake takes for wildcards; rename it, or name a link"
    )


@pytest.mark.parametrize(("encoding", "name", "has_hint"), [
    ("iso8859-1", "Äpfel", True), ("iso8859-1", "apples", False), ("utf-8", "Äpfel", False),
])  # fmt: skip
def test_a_missing_path_in_another_locale_has_a_hint(encoding, name, has_hint, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: encoding)
    with pytest.raises(UserError, match=r"^config: datasets\.mine\.path is .*, which does not exist; ") as error:
        validate_files(make_config(tmp_path / name), ROOT)
    assert ("PYTHONUTF8=1" in str(error.value)) == has_hint


def test_facts_of_a_figure_that_cannot_be_read_are_one_line_before_the_run(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    (tmp_path / "list.yaml").write_text("- no keys", encoding="utf-8")
    for file, reason in (("no/such.yaml", "cannot be read"), ("list.yaml", "has no keys")):
        config["figures"] = {"timeline": {"facts": str(tmp_path / file)}}
        message = rf"^config: figures\.timeline\.facts names the file .*{file}, which {reason}"
        with pytest.raises(UserError, match=message):
            validate_files(config, ROOT)


def test_facts_are_named_from_the_root_of_the_repository(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = make_config(tmp_path)
    config["figures"] = {"timeline": {"facts": "config/paper/timeline.yaml"}}
    validate_files(config, ROOT)


@pytest.mark.parametrize(
    ("key_path", "value", "parts"),
    [
        (
            "datasets/orchard",
            {"kind": "cocoa", "path": "labels", "absent": ["pear"]},
            ["datasets.orchard.kind names 'cocoa'", "src/samgap/datasets/cocoa.py", "did you mean 'coco'?"],
        ),
        (
            "datasets/orchard",
            {"kind": "minneapple-layout", "path": "no/such/folder"},
            ["datasets.orchard.path is no/such/folder", "does not exist", "https://"],
        ),
        ("trainings/learn/method", "sam3-dens", ["trainings.learn.method names 'sam3-dens'", "'sam3-dense'?"]),
        ("datasets/x", {"kind": "orchards"}, ["datasets.x.kind", "'orchards'", "src/samgap/datasets/orchards.py"]),
        ("datasets/x", {"kind": "write"}, ["datasets.x.kind", "src/samgap/datasets/write.py"]),
        ("prompts/x", {"kind": "scribble"}, ["prompts.x.kind", "src/samgap/prompts/scribble.py"]),
        ("models/x", {"family": "sam-4"}, ["models.x.family", "'sam-4'", "src/samgap/models/sam_4.py"]),
        ("experiments/boxes/metrics", ["f1-75"], ["metrics", "'f1-75'", "src/samgap/metrics/f1_75.py", "'f1-50'?"]),
        ("experiments/boxes/metrics", ["f1-iou-50"], ["metrics", "`f1-iou-50` is dropped", "write `f1-50`"]),
        ("figures/side", {"number": "1", "title": "x"}, ["figures", "'side'", "src/samgap/paper/figures/side.py"]),
        ("tables/result", {"number": "1", "title": "x"}, ["tables", "'result'", "src/samgap/paper/tables/result.py"]),
    ],
)
def test_an_id_or_a_path_without_its_file_is_one_line(repository, key_path, value, parts):
    message = get_error(change(key_path, value), repository)
    for part in parts:
        assert part in message


@pytest.mark.parametrize("key_path", ["figures/sides", "tables/results"])
def test_a_figure_or_table_that_the_configuration_does_not_name_is_no_error(repository, key_path):
    section, id = key_path.split("/")
    assert id not in validate_config(change(key_path, ...), repository)[section]


def test_a_missing_path_of_a_models_option_is_one_line(tmp_path: Path) -> None:
    for name in ("config", "src"):
        shutil.copytree(ROOT / name, tmp_path / name)
    file = tmp_path / "src/samgap/models/shape.py"
    option = '"properties": {"outlines": {"description": "A folder.", "type": "string", "format": "path"}, '
    file.write_text(file.read_text(encoding="utf-8").replace('"properties": {', option, 1), encoding="utf-8")
    config = make_config(tmp_path)
    validate_files(config, tmp_path)
    config["models"]["ellipse"]["outlines"] = "no/such/folder"
    with pytest.raises(UserError) as error:
        validate_files(config, tmp_path)
    assert str(error.value) == (
        "config: models.ellipse.outlines is no/such/folder, which does not exist; name a path on this machine"
    )
