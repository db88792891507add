"""The changes of docs/reference/reruns.md, each as an edit of a copy of the workflow with a finished run."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import yaml

SOURCE_FOLDERS = ("src", "scripts")
Edit = Callable[[Path], None]


def list_sources(root: Path) -> list[Path]:
    """Return the Python files of the package and of the scripts."""
    return [file for folder in SOURCE_FOLDERS for file in sorted((root / folder).rglob("*.py"))]


def add_comments(root: Path) -> None:
    """Add a comment to all sources, rules, environments and the configuration, and words to docstrings of modules.

    Docstrings of figures and tables are their captions.
    """
    others = [root / "Snakefile", root / "test.yaml", *(root / "rules").rglob("*.smk"), *(root / "envs").glob("*.yaml")]
    for file in [*list_sources(root), *others]:
        text = file.read_text(encoding="utf-8")
        if file.suffix == ".py" and file.parent.name not in ("figures", "tables"):
            text = re.sub(r'^("""[^"\n]+)', r"\1, edited", text, count=1)
        file.write_text(f"{text}\n# Edited.\n", encoding="utf-8")


def touch_code(root: Path) -> None:
    """Give all files of code a new time, as `git checkout` does."""
    for file in [*list_sources(root), root / "Snakefile", *(root / "rules").rglob("*.smk"), root / "test.yaml"]:
        os.utime(file)


def append_code(*files: str) -> Edit:
    """Return an edit that adds a statement to source files."""

    def edit(root: Path) -> None:
        for file in files:
            with open(root / file, "a", encoding="utf-8") as stream:
                stream.write("\nEDITED = True\n")

    return edit


def replace_text(file: str, old: str, new: str) -> Edit:
    """Return an edit that replaces a text of a file, which has it."""

    def edit(root: Path) -> None:
        text = (root / file).read_text(encoding="utf-8")
        assert old in text
        (root / file).write_text(text.replace(old, new), encoding="utf-8")

    return edit


def set_key(key_path: str, value: object) -> Edit:
    """Return an edit that sets a key (`a/b/c`) of the configuration."""

    def edit(root: Path) -> None:
        config = yaml.safe_load((root / "test.yaml").read_text(encoding="utf-8"))
        *parents, key = key_path.split("/")
        entry = config
        for parent in parents:
            entry = entry[parent]
        assert entry.get(key) != value
        entry[key] = value
        (root / "test.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")

    return edit


def install_version(package: str, version: str) -> Edit:
    """Return an edit after which another version of a package seems to be installed: Python finds this one first."""

    def edit(root: Path) -> None:
        folder = root / "src" / f"{package.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n", encoding="utf-8"
        )

    return edit


CHANGES: dict[str, Edit] = {
    "a comment in every file of code; a docstring of every module but figures and tables": add_comments,
    "the docstring of a table (`paper/tables/claims.py`), which is its caption": replace_text(
        "src/samgap/paper/tables/claims.py", '"""The', '"""Edited. The'
    ),
    "`touch` or `git checkout` of all code": touch_code,
    "an edit of a rule's memory or run time": replace_text(
        "rules/common.smk", "return 120 * attempt", "return 240 * attempt"
    ),
    "an edit of `models/sam2/image.py`": append_code("src/samgap/models/sam2/image.py"),
    "an edit of `scripts/predictions/predict.py`": append_code("scripts/predictions/predict.py"),
    "an edit of `masks/boundaries.py`": append_code("src/samgap/masks/boundaries.py"),
    "an edit of `statistics/comparisons.py`": append_code("src/samgap/statistics/comparisons.py"),
    "an edit of `paper/tables/claims.py`": append_code("src/samgap/paper/tables/claims.py"),
    "`device: auto` → `cpu`": set_key("device", "cpu"),
    "`seed`": set_key("seed", 7),
    "`datasets.orchard.shards: 2` → `1`": set_key("datasets/orchard/shards", 1),
    "`models.sam2-demo.label`": set_key("models/sam2-demo/label", "Another name"),
    "a phrase of a prompt set": replace_text("test.yaml", "phrase: ripe apple", "phrase: red apple"),
    "another version of sam2": install_version("sam2", "9.9"),
    "another version of pycocotools": install_version("pycocotools", "9.9"),
    "another version of matplotlib": install_version("matplotlib", "9.9"),
}
"""The change as in the page -> the edit."""
