"""How this repository is written: rules files, source files, their tests, and imports."""

import ast
import os
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.helpers.source_files import PACKAGE, ROOT, count_code_lines, count_lines, list_imports

DIRECTIVE_ORDER = [
    "input",
    "output",
    "log",
    "benchmark",
    "wildcard_constraints",
    "conda",
    "threads",
    "resources",
    "params",
    "script",
]
MAX_LINES = 300
PACKAGE_ROOT = ROOT / "src" / "samgap"
TESTS_ROOT = ROOT / "tests" / "unit"


def parse_rules() -> dict[str, dict[str, list[str]]]:
    """Return rule -> directive -> its lines, of all files in rules/."""
    rules: dict[str, dict[str, list[str]]] = {}
    for file in sorted((ROOT / "rules").glob("*.smk")):
        for part in re.split(r"^(?=rule )", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            name = part[len("rule ") : part.index(":")]
            directives: dict[str, list[str]] = {}
            for line in part.splitlines()[1:]:
                if head := re.match(r" {4}(\w+):$", line):
                    current = directives.setdefault(head[1], [])
                elif re.match(r" {8}", line):
                    current.append(line[8:])
                elif line and not line.startswith(" "):
                    break  # the end of the rule
            rules[name] = directives
    return rules


# A rule with neither script nor output only names targets.
RULES = {name: rule for name, rule in parse_rules().items() if rule.keys() != {"input"}}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_has_its_directives_in_order_and_names_its_files(name):
    rule = RULES[name]
    assert list(rule) == [directive for directive in DIRECTIVE_ORDER if directive in rule]
    # A rule without an output runs whenever it is requested: `snakemake verify`.
    output = set() if name in ("verify", "plan", "costs", "site_check") else {"output"}
    assert {"log", "conda", "resources", "params", "script"} | output <= rule.keys()
    for directive in ("input", "output"):
        for line in rule.get(directive, []):
            # Indented lines and closing brackets continue the line before.
            assert re.match(r"\w+=|unpack\(|#|[ )\]]", line), f"{directive} without a name: {line}"
    assert any(line.startswith("code=") for line in rule["params"])
    resources = dict(line.rstrip(",").split("=", 1) for line in rule["resources"])
    assert {"mem_mb", "runtime"} <= resources.keys()
    assert "gpu" not in resources or "benchmark" in rule


@pytest.mark.parametrize("name", RULES)
def test_a_rules_script_and_environment_exist(name):
    script = RULES[name]["script"][0].strip('"').removeprefix("../")
    pattern = re.sub(r"\{wildcards\.\w+\}", "*", script)
    assert list(ROOT.glob(pattern)), f"{name}: no {script}"
    assert (ROOT / RULES[name]["conda"][0].strip('"').removeprefix("../")).is_file()


def test_every_script_is_named_by_a_rule():
    patterns = [re.sub(r"\{wildcards\.\w+\}", "*", rule["script"][0].strip('"')) for rule in RULES.values()]
    named = {path for pattern in patterns for path in ROOT.glob(pattern.removeprefix("../"))}
    assert set((ROOT / "scripts").rglob("*.py")) == named


def test_rules_have_neither_lambdas_nor_run_blocks():
    for file in [ROOT / "Snakefile", *(ROOT / "rules").rglob("*.smk")]:
        assert not re.search(r"\blambda\b|^    run:", file.read_text(encoding="utf-8"), re.MULTILINE), file


def test_shared_rule_code_is_short():
    assert count_lines(ROOT / "rules" / "common.smk") < 150


def test_a_rules_file_belongs_to_a_package_of_its_name():
    packages = {path.name for path in PACKAGE_ROOT.iterdir()}
    stages = {file.stem for file in (ROOT / "rules").glob("*.smk")}
    assert stages - {"common", "demo"} <= packages


# --- source files


def test_no_module_is_loose_in_the_package_but_errors():
    assert {path.name for path in PACKAGE_ROOT.glob("*.py")} == {"__init__.py", "errors.py"}


def test_no_source_file_is_long():
    files = [file for folder in ("src", "scripts", "tests", "docs") for file in (ROOT / folder).rglob("*.py")]
    files += [ROOT / "Snakefile", *(ROOT / "rules").rglob("*.smk")]
    lengths = {str(file.relative_to(ROOT)): count_lines(file) for file in files}
    assert {file: length for file, length in lengths.items() if length > MAX_LINES} == {}


# --- tests of modules: tests/unit mirrors src/samgap


MAX_UNTESTED_LINES = 40
"""A module with more lines of code has a test file."""
COMPARED_BYTES = "tests/contract/test_orchard_sim_page.py compares the bytes of rendered scenes"
WITHOUT_TEST_FILE = {
    "datasets/orchard_sim/background.py": COMPARED_BYTES,
    "datasets/orchard_sim/branches.py": COMPARED_BYTES,
    "datasets/orchard_sim/leaves.py": COMPARED_BYTES,
    "datasets/archive_limits.py": "the tests of tar_archive and zip_archive exceed each limit",
    "inventory/probes/*.py": "tests/unit/inventory/probes/test_probes.py checks what each probe measures",
    "metrics/*.py": "tests/oracles/test_every_metric.py compares each metric with a reference and fails without one",
    "*/sam[23]/__init__.py": "declares options, which tests/unit/config/test_plugin_options.py checks",
    "tables/[mps]*.py": "declares columns; tests/unit/tables/test_parquet.py tests what all tables have in common",
}
"""Modules (patterns) without a test file of their own, and what tests them."""

ACROSS_MODULES = {
    "download/test_http_variables.py": "the values of environment variables are in requests and in no file or message",
    "models/test_not_finite.py": "all families report values that are not finite alike",
    "training/test_overfitting.py": "one batch can be learned by each family, kind of prompt and term of the loss",
    "models/test_own_weights.py": "all families load weights files of other trainings alike",
    "metrics/test_exhaustive_labels.py": "every metric declares whether unlabelled objects change it",
    "metrics/test_ignored_presence.py": "no metric of presence takes an ignored instance for an absent one",
    "statistics/test_strata_boxes.py": "matching and strata count the boxes of an instance alike",
    "statistics/test_strata_phrases.py": "the strata that the phrases of a prompt set have, in values of metrics",
    "statistics/test_label_coverage.py": "estimates and comparisons state what the labels do not cover",
    "statistics/test_lost_labels.py": "the values of a difference are of the same images, whichever labels were lost",
    "statistics/test_coverage.py": "resamples and intervals together contain the true value",
    "predictions/test_not_finite.py": "images and sequences count values that are not finite alike",
}
"""Test files of several modules, with the behaviour that they test. Random input is in `test_<module>_fuzz.py`."""


def list_missing_test_files() -> list[str]:
    """Return the modules that have more than MAX_UNTESTED_LINES lines of code and no test file."""
    missing = []
    for file in PACKAGE:
        path = file.relative_to(PACKAGE_ROOT)
        if count_code_lines(file) > MAX_UNTESTED_LINES and not get_test_file(path).is_file():
            missing.append(path.as_posix())
    return missing


def get_test_file(module: Path) -> Path:
    """Return the test file of a module, whose path is relative to src/samgap; that of a package is in its folder."""
    name = module.parent.name if module.name == "__init__.py" else module.stem
    return TESTS_ROOT / module.parent / f"test_{name}.py"


def test_each_unit_test_file_has_its_module():
    expected = {get_test_file(file.relative_to(PACKAGE_ROOT)) for file in PACKAGE}
    expected |= {file.with_stem(f"{file.stem}_fuzz") for file in expected}
    others = {str(file.relative_to(TESTS_ROOT)) for file in set(TESTS_ROOT.rglob("test_*.py")) - expected}
    assert others == ACROSS_MODULES.keys()


def test_each_module_has_its_unit_test_file():
    missing = list_missing_test_files()
    assert [path for path in missing if not any(fnmatch(path, pattern) for pattern in WITHOUT_TEST_FILE)] == []
    # A pattern that no module needs any more is removed.
    assert [pattern for pattern in WITHOUT_TEST_FILE if not any(fnmatch(path, pattern) for path in missing)] == []


def test_code_lines_exclude_docstrings_comments_and_blank_lines(tmp_path):
    file = tmp_path / "module.py"
    file.write_text(
        '"""A module.\n\nMore.\n"""\n\n# why\nX = 1\n"""What."""\n\n\ndef f():\n    """Do."""\n    return """\n"""\n',
        encoding="utf-8",
    )
    assert count_code_lines(file) == 4


# --- imports


def test_imports_keep_the_contract():
    """The contract is in pyproject.toml: [tool.importlinter]."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]


def private_names_of_others(file: Path, package: str) -> list[str]:
    """Return the underscore names of other packages of samgap that a file uses.

    Args:
        file: a Python file
        package: the package that it is in (`samgap.models`); an empty string for a script
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    modules: dict[str, str] = {}  # name in this file -> the module or object of samgap
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "samgap":
            modules |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            modules |= {alias.asname: alias.name for alias in node.names if alias.asname}
    names += modules.values()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            names.append(f"{modules[node.value.id]}.{node.attr}")
    return [
        name
        for name in names
        if name.startswith("samgap.")
        and re.search(r"\._(?!_)", name)
        and not (package and name.startswith(f"{package}."))
    ]


@pytest.mark.parametrize("folder", ["src", "scripts", "benchmarks"])
def test_private_names_stay_in_their_package(folder):
    for file in sorted((ROOT / folder).rglob("*.py")):
        parts = file.relative_to(ROOT).parts
        package = ".".join(parts[1:3]) if folder == "src" else ""
        assert private_names_of_others(file, package) == [], file


def test_private_names_of_another_package_are_detected(tmp_path):
    file = tmp_path / "module.py"
    file.write_text(
        "from samgap.masks import rle, _helper\nfrom samgap.masks.rle import _decode\n"
        "import samgap.io.files as files\nrle._decode_runs\nfiles._get_umask\nrle.encode\n",
        encoding="utf-8",
    )
    expected = ["samgap.masks._helper", "samgap.masks.rle._decode", "samgap.masks.rle._decode_runs"]
    assert private_names_of_others(file, "samgap.io") == expected
    assert private_names_of_others(file, "samgap.masks") == ["samgap.io.files._get_umask"]


def test_training_does_not_import_the_demo_models():
    for file in PACKAGE:
        if "training" in file.relative_to(PACKAGE_ROOT).parts:
            assert not any(name.startswith("samgap.demo_models") for name in list_imports(file)), file
