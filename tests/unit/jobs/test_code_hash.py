"""A hash of code changes with the statements that a script can run, and not with other text."""

from pathlib import Path

import pytest

from samgap.jobs import code_hash

SOURCES = {
    "src/samgap/__init__.py": "",
    "src/samgap/low.py": '"""A docstring."""\nVALUE = 1\nOPTIONS = {"properties": {"x": {"description": "x"}}}\n',
    "src/samgap/middle.py": "from samgap.low import VALUE\n",
    "src/samgap/other.py": "import os\n",
    "src/samgap/typing_only.py": "VALUE = 1\n",
    "src/samgap/by_name.py": "VALUE = 1\n",
    "src/samgap/plugin.py": "import samgap.other as other\n",
    "src/samgap/stage/__init__.py": "def f():\n    from samgap.stage import two\n",
    "src/samgap/stage/one.py": (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from samgap.typing_only import VALUE\n"
        "def f():\n    from samgap import middle\n"
    ),
    "src/samgap/stage/two.py": "import samgap.other as other\nimport numpy\n",
    "scripts/run.py": '"""Rule run."""\nfrom samgap.stage.one import f\n\ndef g():\n    """A docstring."""\n    f()\n',
    "scripts/call.py": "from samgap.stage import f\n",
    "scripts/by_name.py": 'importlib.import_module("samgap.by_name")\n',
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A repository with a small package `samgap`, and with two scripts."""
    for name, text in SOURCES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(code_hash, "PACKAGE_DIR", tmp_path / "src" / "samgap")
    code_hash.clear_caches()
    yield tmp_path
    code_hash.clear_caches()


def append(file: Path, text: str) -> None:
    """Add text to a source file, as an edit between two runs would."""
    with open(file, "a", encoding="utf-8") as stream:
        stream.write(text)
    code_hash.clear_caches()


def test_imports_are_followed_to_the_end(root):
    modules = code_hash.find_imported_modules("samgap.stage.one")
    assert modules == {"samgap", "samgap.stage", "samgap.stage.one", "samgap.middle", "samgap.low"}


def test_a_package_imported_for_its_module_does_not_run_its_functions(root):
    assert "samgap.stage.two" not in code_hash.find_imported_modules("samgap.stage.one")
    assert code_hash.find_imported_modules("samgap.stage") >= {"samgap.stage.two", "samgap.other"}


@pytest.mark.parametrize(
    ("script", "plugins", "edited", "changes"),
    [
        ("scripts/run.py", [], "scripts/run.py", True),
        ("scripts/run.py", [], "src/samgap/stage/__init__.py", True),
        ("scripts/run.py", [], "src/samgap/low.py", True),
        ("scripts/run.py", [], "src/samgap/other.py", False),
        ("scripts/run.py", [], "src/samgap/stage/two.py", False),
        ("scripts/run.py", [], "src/samgap/typing_only.py", False),
        ("scripts/run.py", ["samgap.plugin"], "src/samgap/plugin.py", True),
        ("scripts/run.py", ["samgap.plugin"], "src/samgap/other.py", True),
        ("scripts/call.py", [], "src/samgap/stage/two.py", True),
        ("scripts/by_name.py", [], "src/samgap/by_name.py", True),
    ],
)
def test_a_script_hash_changes_with_the_script_and_its_imports(root, script, plugins, edited, changes):
    before = code_hash.hash_script(script, *plugins)
    assert len(before) == 16
    append(root / edited, "EDITED = True\n")
    assert (code_hash.hash_script(script, *plugins) != before) == changes


@pytest.mark.parametrize(
    ("edited", "old", "new"),
    [
        ("scripts/run.py", "f()\n", "f()\n\n\n# A comment.\n"),
        ("scripts/run.py", "Rule run.", "Another text."),
        ("scripts/run.py", '"""A docstring."""', '"""Another text."""'),
        ("src/samgap/low.py", "A docstring.", "Another text."),
        ("src/samgap/low.py", '"description": "x"', '"description": "Another text."'),
        ("src/samgap/low.py", "OPTIONS = {", "OPTIONS: dict = {"),
        ("src/samgap/low.py", "VALUE = 1\n", 'VALUE = (\n    1\n)\n"""What the attribute means."""\n'),
    ],
)
def test_comments_docstrings_and_layout_do_not_change_a_hash(root, edited, old, new):
    before = code_hash.hash_script("scripts/run.py")
    text = (root / edited).read_text(encoding="utf-8")
    assert old in text
    (root / edited).write_text(text.replace(old, new), encoding="utf-8")
    code_hash.clear_caches()
    assert code_hash.hash_script("scripts/run.py") == before


def test_options_that_a_module_reads_are_part_of_its_hash(root):
    append(root / "src/samgap/low.py", "NAMES = list(OPTIONS)\n")
    before = code_hash.hash_script("scripts/run.py")
    append(root / "src/samgap/low.py", "OPTIONS = {}\n")
    assert code_hash.hash_script("scripts/run.py") != before


def test_the_order_of_modules_does_not_matter(root):
    low_other = code_hash.hash_modules("samgap.low", "samgap.other")
    assert low_other == code_hash.hash_modules("samgap.other", "samgap.low") != code_hash.hash_modules("samgap.low")


def test_other_packages_that_a_script_can_import_are_found(root):
    assert code_hash.find_imported_packages("scripts/run.py") == set()
    assert code_hash.find_imported_packages("scripts/call.py") == {"numpy"}
    append(root / "src/samgap/low.py", "def f():\n    from PIL import Image\n    import os.path\n")
    assert code_hash.find_imported_packages("scripts/run.py") == {"PIL"}
    assert code_hash.find_imported_packages("scripts/run.py", "samgap.stage.two") == {"PIL", "numpy"}


def test_modules_that_are_not_imported_in_this_use_are_left_out(root):
    assert "samgap.low" not in code_hash.find_imported_modules("samgap.stage.one", without=("samgap.middle",))
    before = code_hash.hash_script("scripts/run.py", without=("samgap.middle",))
    assert before != code_hash.hash_script("scripts/run.py")
    append(root / "src/samgap/low.py", "OTHER = 1\n")
    assert code_hash.hash_script("scripts/run.py", without=("samgap.middle",)) == before
