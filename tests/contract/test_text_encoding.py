"""Text is read and written as UTF-8 in any locale: every call says so.

ruff's rule PLW1514 finds only calls whose object has a type that it can infer.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [
    file
    for folder in ("src", "scripts", "benchmarks", "docs", "tests")
    for file in sorted((ROOT / folder).rglob("*.py"))
]
PATH_METHODS = {"read_text", "write_text"}
OPENERS = {"open", "fdopen", "FileHandler", "TemporaryFile", "NamedTemporaryFile", "TextIOWrapper"}
ARCHIVES = {"archive", "tarfile", "zipfile"}
"""Names of objects whose method `open` opens an archive or a file in one, as bytes."""
PROCESSES = {"run", "Popen", "check_output", "check_call", "call"}


def find_calls_without_encoding(source: str) -> Iterator[int]:
    """Yield the line of each call that reads or writes text in the encoding of the locale."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        is_method = isinstance(node.func, ast.Attribute)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        if "encoding" in keywords:
            continue
        if name == "open" and is_method and getattr(node.func.value, "id", "") in ARCHIVES:
            continue
        texts = [value.value for value in (*node.args, keywords.get("mode")) if isinstance(value, ast.Constant)]
        modes = [text for text in texts if isinstance(text, str) and set(text) <= set("rwxabt+")]
        # `Image.open(path)` and `tarfile.open(path)` are methods with a path and without a mode.
        is_file = name in OPENERS and (name != "open" or not is_method or modes or not node.args)
        is_text = not any("b" in mode for mode in modes) and name not in ("TemporaryFile", "NamedTemporaryFile")
        is_text_process = name in PROCESSES and bool({"text", "universal_newlines"} & keywords.keys())
        is_text_file = is_file and (is_text or any("b" not in mode for mode in modes))
        if (name in PATH_METHODS and not _has_positional_encoding(name, node)) or is_text_file or is_text_process:
            yield node.lineno


def _has_positional_encoding(name: str, node: ast.Call) -> bool:
    # csv.write_text(path, text) is a function of this project, whose files are UTF-8.
    return len(node.args) > (0 if name == "read_text" else 1)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_text_has_an_encoding(file: Path) -> None:
    assert list(find_calls_without_encoding(file.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "call",
    [
        "open(path)",
        "open(path, 'w')",
        "open(path, mode='a')",
        "path.open()",
        "path.open('r')",
        "path.read_text()",
        "path.write_text(text)",
        "logging.FileHandler(path)",
        "tempfile.NamedTemporaryFile('w')",
        "subprocess.run(command, text=True)",
        "Popen(command, universal_newlines=True)",
    ],
)
def test_a_call_without_an_encoding_is_found(call: str) -> None:
    assert list(find_calls_without_encoding(f"x = 1\n{call}\n")) == [2]


@pytest.mark.parametrize(
    "call",
    [
        "open(path, 'rb')",
        "open(path, encoding='utf-8')",
        "path.open('wb')",
        "Image.open(path)",
        "tarfile.open(path, 'r:*')",
        "tarfile.open(fileobj=stream, mode='w')",
        "archive.open('a.png', 'w')",
        "path.read_text('utf-8')",
        "path.write_text(text, encoding='utf-8')",
        "tempfile.TemporaryFile()",
        "subprocess.run(command)",
        "subprocess.run(command, encoding='utf-8')",
    ],
)
def test_other_calls_are_not(call: str) -> None:
    assert list(find_calls_without_encoding(call)) == []
