"""The hash of a rule's code changes with what the code uses, and with nothing else."""

from pathlib import Path

import pytest

from samgap.jobs import code_hash

SOURCES = {
    "__init__.py": "",
    "low.py": "VALUE = 1\n",
    "middle.py": "from samgap.low import VALUE\n",
    "other.py": "import os\n",
    "stage/__init__.py": "",
    "stage/one.py": "def f():\n    from samgap import middle\n",
    "stage/two.py": "import samgap.other as other\nimport numpy\n",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name, text in SOURCES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(code_hash, "PACKAGE_DIR", tmp_path)
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    """Both keep what they read for the life of a process, in which sources do not change."""
    code_hash.code_hash.cache_clear()
    code_hash._find_direct_imports.cache_clear()


def test_modules_follows_imports_to_the_end(package):
    assert code_hash.find_imported_modules("samgap.stage.one") == {
        "samgap",
        "samgap.stage.one",
        "samgap.middle",
        "samgap.low",
    }
    assert code_hash.find_imported_modules("samgap.stage.two") == {"samgap.stage.two", "samgap.other"}


def test_a_package_is_all_its_modules(package):
    assert code_hash.find_imported_modules("samgap.stage") >= {
        "samgap.stage",
        "samgap.stage.one",
        "samgap.stage.two",
        "samgap.low",
    }


@pytest.mark.parametrize(("edited", "changes"), [("low.py", True), ("stage/one.py", True), ("other.py", False)])
def test_the_hash_changes_with_what_is_imported_alone(package, edited, changes):
    before = code_hash.code_hash("samgap.stage.one")
    assert len(before) == 16
    with open(package / edited, "a") as stream:
        stream.write("# an edit\n")
    forget()
    assert (code_hash.code_hash("samgap.stage.one") != before) == changes


def test_the_order_of_names_does_not_matter(package):
    one = code_hash.code_hash("samgap.low", "samgap.other")
    assert one == code_hash.code_hash("samgap.other", "samgap.low") != code_hash.code_hash("samgap.low")


def test_a_metric_does_not_touch_inference():
    used = code_hash.find_imported_modules("samgap.models.sam2.image") | code_hash.find_imported_modules(
        "samgap.predictions"
    )
    assert not {name for name in used if name.startswith(("samgap.metrics", "samgap.statistics", "samgap.paper"))}
