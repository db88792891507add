"""Names of functions, and docstrings of what is public."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PREPOSITIONS = {"after", "before", "between", "by", "for", "in", "into", "of", "on", "over", "with", "without"}


def iter_functions(*folders: str) -> Iterator[tuple[str, ast.FunctionDef, ast.AST]]:
    """Yield the place, the definition and the parent of each function and method in the folders."""
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for parent in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                for node in ast.iter_child_nodes(parent):
                    if isinstance(node, ast.FunctionDef):
                        yield f"{file.relative_to(ROOT)}:{node.lineno} {node.name}", node, parent


def is_no_verb(name: str) -> bool:
    """Return whether a name is a participle alone, or starts with a preposition (`from_…` and `to_…` convert)."""
    words = name.strip("_").split("_")
    is_participle = len(words) == 1 and words[0].endswith(("ed", "ing", "shown")) and words[0] not in ("seed", "embed")
    return is_participle or words[0] in PREPOSITIONS


def test_functions_are_not_named_by_participles_or_prepositions() -> None:
    functions = iter_functions("src", "scripts", "benchmarks", "tests")
    # A property is a noun.
    found = [place for place, node, _ in functions if is_no_verb(node.name) and not node.decorator_list]
    assert found == []
    assert is_no_verb("_assigned") and is_no_verb("without") and is_no_verb("by_loop")
    assert not (is_no_verb("from_check") or is_no_verb("embed") or is_no_verb("matched_iou"))


def test_public_functions_and_methods_have_docstrings() -> None:
    missing = [
        place
        for place, node, parent in iter_functions("src")
        if isinstance(parent, ast.Module | ast.ClassDef)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
    ]
    assert missing == []
