"""The declarations of the families, and the imports between the modules of the package."""

import ast
from pathlib import Path

import pytest

from samgap.config.module_literals import read_literals
from samgap.config.plugins import list_plugins

ROOT = Path(__file__).parents[3]
MODELS = ROOT / "src" / "samgap" / "models"
FAMILIES = list_plugins(ROOT, "models")
FILES = {
    ".".join(path.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(MODELS.rglob("*.py"))
}


def read_imports(module: str) -> set[str]:
    """Return the modules and names that a module imports, at its top level or in functions, as full names."""
    imports = set()
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imports |= {f"{node.module}.{alias.name}" for alias in node.names}
    return imports


def read_imported_modules(module: str) -> set[str]:
    """Return the modules of this package that a module imports."""
    return {
        next((name for name in (imported, imported.rpartition(".")[0]) if name in FILES), module)
        for imported in read_imports(module)
        if imported.startswith("samgap.models")
    }


def test_all_families_declare_their_kinds():
    assert sorted(FAMILIES) == ["grounded", "owlv2", "sam2", "sam3", "shape"]
    for file in FAMILIES.values():
        assert read_literals(file, "KINDS")["KINDS"]


@pytest.mark.parametrize("family", FAMILIES)
def test_all_families_but_shape_need_a_gpu(family):
    needs_gpu = read_literals(FAMILIES[family], "NEEDS_GPU").get("NEEDS_GPU", True)
    assert needs_gpu == (family != "shape")


def test_no_module_imports_in_a_cycle():
    imports = {module: read_imported_modules(module) - {module} for module in FILES}
    while leaves := [module for module, imported in imports.items() if not imported & imports.keys()]:
        for module in leaves:
            del imports[module]
    assert imports == {}


def test_runtime_does_not_import_families():
    for module in FILES:
        if module.startswith("samgap.models.runtime"):
            others = {name for name in read_imported_modules(module) if not name.startswith("samgap.models.runtime")}
            assert others <= {"samgap.models"}, module


@pytest.mark.parametrize("module", FILES)
def test_modules_import_public_names_only(module):
    assert not {name for name in read_imports(module) if name.startswith("samgap.") and "._" in name}
