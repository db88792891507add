"""How this repository is written: rules files, imports, lengths of files, and equal versions in all environments."""

import ast
import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DIRECTIVE_ORDER = ["input", "output", "log", "benchmark", "conda", "threads", "resources", "params", "script"]
MAX_LINES = 300


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
    output = set() if name == "verify" else {"output"}
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
    packages = {path.name for path in (ROOT / "src" / "samgap").iterdir()}
    stages = {file.stem for file in (ROOT / "rules").glob("*.smk")}
    assert stages - {"common", "demo"} <= packages


# --- source files


def count_lines(file: Path) -> int:
    """Return the number of lines of a file."""
    return len(file.read_text(encoding="utf-8").splitlines())


def test_no_module_is_loose_in_the_package_but_errors():
    assert {path.name for path in (ROOT / "src" / "samgap").glob("*.py")} == {"__init__.py", "errors.py"}


def test_no_source_file_is_long():
    files = [file for folder in ("src", "scripts") for file in (ROOT / folder).rglob("*.py")]
    files += [ROOT / "Snakefile", *(ROOT / "rules").rglob("*.smk")]
    lengths = {str(file.relative_to(ROOT)): count_lines(file) for file in files}
    assert {file: length for file, length in lengths.items() if length > MAX_LINES} == {}


# --- imports


def imports(file: Path) -> set[str]:
    """Return the full names of all modules that a file imports at any level."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def top_level_packages(*files: Path) -> set[str]:
    """Return the top-level packages that files import."""
    return {name.split(".")[0] for file in files for name in imports(file)}


PACKAGE = sorted((ROOT / "src" / "samgap").rglob("*.py"))
SCRIPTS = sorted((ROOT / "scripts").rglob("*.py"))
WITH_TORCH = {"models", "training", "demo_models"}


def needs_torch(file: Path) -> bool:
    """Whether a module is in a package that may import torch."""
    return file.relative_to(ROOT / "src" / "samgap").parts[0] in WITH_TORCH


def test_imports_keep_the_contract():
    """The contract is in pyproject.toml: [tool.importlinter]."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
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
        if "training" in file.relative_to(ROOT / "src" / "samgap").parts:
            assert not any(name.startswith("samgap.demo_models") for name in imports(file)), file


# --- environments


def normalize(name: str) -> str:
    """Return the normalized name of a distribution."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(name: str) -> dict[str, str]:
    """Return distribution -> version of a lock file."""
    text = (ROOT / "envs" / name).read_text(encoding="utf-8")
    return {normalize(match[1]): match[2] for match in re.finditer(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)}


def read_conda_environment(name: str) -> dict[str, str]:
    """Return distribution -> version of a conda environment."""
    entries = yaml.safe_load((ROOT / "envs" / name).read_text(encoding="utf-8"))["dependencies"]
    (pip,) = [entry["pip"] for entry in entries if isinstance(entry, dict)]
    return dict(line.split("==") for line in pip)


def distributions(names: set[str]) -> set[str]:
    """Return the distributions that installed top-level packages come from."""
    installed = packages_distributions()
    return {normalize(installed[name][0]) for name in names if name in installed and name != "samgap"}


LOCK = read_lock("requirements.lock")


def test_the_locks_have_hashes_and_no_addresses():
    for name in ("requirements.lock", "bootstrap.lock"):
        text = (ROOT / "envs" / name).read_text(encoding="utf-8")
        assert "://" not in text
        for entry in re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]:
            assert "--hash=sha256:" in entry, entry


def test_the_locks_agree():
    bootstrap = read_lock("bootstrap.lock")
    assert {"uv", "setuptools", "wheel"} <= bootstrap.keys()
    assert {name: version for name, version in bootstrap.items() if LOCK.get(name, version) != version} == {}


@pytest.mark.parametrize("name", ["tables.yaml", "models.yaml"])
def test_conda_environments_have_the_locks_versions(name):
    pins = read_conda_environment(name)
    assert pins == {package: LOCK[package] for package in pins}


def test_conda_environments_have_all_that_is_imported():
    light = [file for file in PACKAGE if not needs_torch(file)]
    assert distributions(top_level_packages(*light)) <= read_conda_environment("tables.yaml").keys()
    assert "torch" not in read_conda_environment("tables.yaml")
    post = (ROOT / "envs" / "models.post-deploy.sh").read_text(encoding="utf-8")
    assert f"sam2=={LOCK['sam2']}" in post
    assert distributions(top_level_packages(*PACKAGE, *SCRIPTS)) <= read_conda_environment("models.yaml").keys() | {
        "sam2"
    }


def test_all_that_is_imported_is_a_requirement():
    lines = (ROOT / "envs" / "requirements.in").read_text(encoding="utf-8").splitlines()
    required = {normalize(re.match(r"[\w.-]+", line)[0]) for line in lines if line and not line.startswith("#")}
    assert required <= LOCK.keys()
    tests = sorted((ROOT / "tests").rglob("*.py"))
    assert distributions(top_level_packages(*PACKAGE, *SCRIPTS, *tests) - {"tests", "helpers"}) - required == set()
