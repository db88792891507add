"""Local paths of data sets: those that Snakemake can use, and one line for the others."""

import sys
from pathlib import Path

import pytest

from samgap.config.plugin_files import validate_files
from samgap.errors import UserError

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
