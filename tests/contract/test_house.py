"""The house rules: how rules are written, what may import what, and that every environment says the same."""

import ast
import re
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ORDER = ["input", "output", "log", "benchmark", "conda", "threads", "resources", "params", "script"]


def rules() -> dict[str, dict[str, list[str]]]:
    """{rule: {directive: its lines}} of all files in rules/."""
    found: dict[str, dict[str, list[str]]] = {}
    for file in sorted((ROOT / "rules").glob("*.smk")):
        for part in re.split(r"^(?=rule )", file.read_text(), flags=re.MULTILINE)[1:]:
            name = part[len("rule ") : part.index(":")]
            directives: dict[str, list[str]] = {}
            for line in part.splitlines()[1:]:
                if head := re.match(r" {4}(\w+):$", line):
                    current = directives.setdefault(head[1], [])
                elif re.match(r" {8}", line):
                    current.append(line[8:])
                elif line and not line.startswith(" "):
                    break  # what follows the rule
            found[name] = directives
    return found


RULES = rules()


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_written_as_the_house_has_it(name):
    rule = RULES[name]
    assert list(rule) == [directive for directive in ORDER if directive in rule]
    # A rule without an output runs whenever it is asked for: `snakemake verify`.
    output = set() if name == "verify" else {"output"}
    assert {"log", "conda", "resources", "params", "script"} | output <= rule.keys()
    for directive in ("input", "output"):
        for line in rule.get(directive, []):
            # Deeper lines and closing brackets go on with what the line before named.
            assert re.match(r"\w+=|unpack\(|#|[ )\]]", line), f"{directive} without a name: {line}"
    assert any(line.startswith("code=") for line in rule["params"])
    asked = dict(line.rstrip(",").split("=", 1) for line in rule["resources"])
    assert {"mem_mb", "runtime"} <= asked.keys()
    assert "gpu" not in asked or "benchmark" in rule


@pytest.mark.parametrize("name", RULES)
def test_a_rules_script_and_environment_exist(name):
    script = RULES[name]["script"][0].strip('"').removeprefix("../")
    pattern = re.sub(r"\{wildcards\.\w+\}", "*", script)
    assert list(ROOT.glob(pattern)), f"{name}: no {script}"
    assert (ROOT / RULES[name]["conda"][0].strip('"').removeprefix("../")).is_file()


def test_every_script_is_named_by_a_rule():
    patterns = [re.sub(r"\{wildcards\.\w+\}", "*", rule["script"][0].strip('"')) for rule in RULES.values()]
    named = {path for pattern in patterns for path in ROOT.glob(pattern.removeprefix("../"))}
    scripts = {path for path in (ROOT / "scripts").rglob("*.py") if not path.stem.startswith("_")}
    assert scripts == {path for path in named if not path.stem.startswith("_")}


def test_rules_hold_no_program():
    for file in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]:
        assert not re.search(r"\blambda\b|^    run:", file.read_text(), re.MULTILINE), file


# --- what may import what


def imports(file: Path) -> set[str]:
    """The full names of all that a file imports, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def tops(*files: Path) -> set[str]:
    return {name.split(".")[0] for file in files for name in imports(file)}


PACKAGE = sorted((ROOT / "src" / "samgap").rglob("*.py"))
SCRIPTS = sorted((ROOT / "scripts").rglob("*.py"))
WITH_TORCH = {"models", "training", "demo_models"}


def of_models(file: Path) -> bool:
    return file.relative_to(ROOT / "src" / "samgap").parts[0] in WITH_TORCH


def test_only_models_and_training_import_torch():
    others = [file for file in PACKAGE if not of_models(file)]
    for file in others:
        assert not {"torch", "torchvision", "sam2", "sam3", "training"} & tops(file), file


def test_the_package_never_imports_snakemake():
    for file in PACKAGE:
        assert "snakemake" not in tops(file), file


def test_no_stage_imports_a_later_one():
    order = ["datasets", "checkpoints", "prompts", "models", "predictions", "metrics", "statistics", "paper"]
    for position, stage in enumerate(order):
        for file in (ROOT / "src" / "samgap" / stage).glob("*.py"):
            stages = {name.split(".")[1] for name in imports(file) if name.startswith("samgap.")}
            assert not stages & set(order[position + 1 :]), file


def test_training_does_not_import_the_demo_models():
    for file in PACKAGE:
        if "training" in file.relative_to(ROOT / "src" / "samgap").parts:
            assert not any(name.startswith("samgap.demo_models") for name in imports(file)), file


# --- environments


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def lock(name: str) -> dict[str, str]:
    text = (ROOT / "envs" / name).read_text()
    return {normal(found[1]): found[2] for found in re.finditer(r"^([\w.-]+)==(\S+)", text, re.MULTILINE)}


def conda(name: str) -> dict[str, str]:
    entries = yaml.safe_load((ROOT / "envs" / name).read_text())["dependencies"]
    (pip,) = [entry["pip"] for entry in entries if isinstance(entry, dict)]
    return dict(line.split("==") for line in pip)


def distributions(names: set[str]) -> set[str]:
    """The distributions that installed top-level packages come from."""
    known = packages_distributions()
    return {normal(known[name][0]) for name in names if name in known and name != "samgap"}


LOCK = lock("requirements.lock")


def test_the_locks_name_no_address_and_hash_everything():
    for name in ("requirements.lock", "bootstrap.lock"):
        text = (ROOT / "envs" / name).read_text()
        assert "://" not in text
        for entry in re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]:
            assert "--hash=sha256:" in entry, entry


def test_the_locks_agree():
    bootstrap = lock("bootstrap.lock")
    assert {"uv", "setuptools", "wheel"} <= bootstrap.keys()
    assert {name: version for name, version in bootstrap.items() if LOCK.get(name, version) != version} == {}


@pytest.mark.parametrize("name", ["tables.yaml", "models.yaml"])
def test_conda_environments_have_the_locks_versions(name):
    pins = conda(name)
    assert pins == {package: LOCK[package] for package in pins}


def test_conda_environments_hold_what_is_imported():
    light = [file for file in PACKAGE if not of_models(file)]
    assert distributions(tops(*light)) <= conda("tables.yaml").keys()
    assert "torch" not in conda("tables.yaml")
    post = (ROOT / "envs" / "models.post-deploy.sh").read_text()
    assert f"sam2=={LOCK['sam2']}" in post
    assert distributions(tops(*PACKAGE, *SCRIPTS)) <= conda("models.yaml").keys() | {"sam2"}


def test_what_is_imported_is_asked_for():
    lines = (ROOT / "envs" / "requirements.in").read_text().splitlines()
    asked = {normal(re.match(r"[\w.-]+", line)[0]) for line in lines if line and not line.startswith("#")}
    assert asked <= LOCK.keys()
    tests = sorted((ROOT / "tests").rglob("*.py"))
    assert distributions(tops(*PACKAGE, *SCRIPTS, *tests) - {"tests", "helpers"}) - asked == set()
