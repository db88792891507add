"""Which rules run again after an edit of a source file, in both directions.

Hashes of code are compared before and after an edit, for every rule and for every plug-in of the demo's configuration
and of its models' configuration. One dry run of Snakemake confirms that the rules use these hashes.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from samgap.config.validate import validate_config
from samgap.jobs import code_hash, plugin_modules
from samgap.jobs.code_hash import hash_script
from tests.helpers.edits import EDITS
from tests.helpers.workflow_copy import copy_workflow

ROOT = Path(__file__).parents[2]
CONFIGS = {
    name: validate_config(yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text(encoding="utf-8")), ROOT)
    for name in ("demo", "demo-models")
}
# Modules that are plug-ins of no entry in either configuration are edited too.
EXTRA = {
    "datasets": {"coco": {"kind": "coco"}, "minneapple": {"kind": "minneapple"}},
    "models": {"owlv2": {"family": "owlv2"}, "words": {"family": "sam3"}},
}


def add_hash(hashes: dict[str, str], key: str, value: str) -> None:
    """Add a hash whose key may be there already, for entries of one kind; these have one hash."""
    assert hashes.setdefault(key, value) == value, key


def list_hashes() -> dict[str, str]:
    """Return `rule` or `rule:id` -> hash of its code, from the same functions that the rules call."""
    demo, models = CONFIGS["demo"], CONFIGS["demo-models"]
    config = {section: {**models[section], **demo[section]} for section in ("datasets", "prompts", "models")}
    config = {section: {**entries, **EXTRA.get(section, {})} for section, entries in config.items()}
    hashes = {
        "fetch_archive": hash_script("scripts/datasets/fetch_archive.py"),
        "checkpoint": hash_script("scripts/checkpoints/checkpoint.py"),
        "verify": hash_script("scripts/checkpoints/verify.py"),
        "match_predictions": hash_script("scripts/matching/match.py"),
        "choose_threshold": hash_script("scripts/statistics/choose_threshold.py"),
        "estimate": hash_script(
            "scripts/statistics/estimate.py", *plugin_modules.list_metric_modules(demo["experiments"].values())
        ),
        "compare": hash_script(
            "scripts/statistics/compare.py", *plugin_modules.list_metric_modules(demo["comparisons"].values())
        ),
        "correlate": hash_script(
            "scripts/statistics/correlate.py", *plugin_modules.list_metric_modules([{"metrics": ["iou"]}])
        ),
        "inventory": hash_script(
            "scripts/inventory/inventory.py",
            *plugin_modules.list_probe_modules(),
            *sorted({module for model in demo["models"] for module in plugin_modules.list_model_modules(demo, model)}),
        ),
        "claims": hash_script("scripts/claims/claims.py"),
        "paper_page": hash_script("scripts/paper/page.py"),
        "plan": hash_script("scripts/paper/plan.py"),
        "costs": hash_script("scripts/paper/costs.py"),
        "site_job": hash_script("scripts/jobs/site_job.py"),
        "site_check": hash_script("scripts/jobs/site_check.py"),
        "manifest": hash_script("scripts/paper/manifest.py"),
        "demo_card": hash_script("scripts/demo/card.py"),
        "verify_demo_weights": hash_script(
            "scripts/demo/compare_card.py", *plugin_modules.list_metric_modules(models["experiments"].values())
        ),
    }
    for dataset, entry in config["datasets"].items():
        module = plugin_modules.get_dataset_module(config, dataset)
        add_hash(hashes, f"dataset:{entry['kind']}", hash_script("scripts/datasets/dataset.py", module))
    for prompts, entry in config["prompts"].items():
        module = plugin_modules.get_prompts_module(config, prompts)
        add_hash(hashes, f"prompts:{entry['kind']}", hash_script("scripts/prompts/prompts.py", module))
    for model, entry in config["models"].items():
        modules = plugin_modules.list_model_modules(config, model)
        unused = plugin_modules.list_unused_modules(config, model)
        key = f"predict:{entry['family']}{'-interactive' if entry.get('interactive') else ''}"
        add_hash(hashes, key, hash_script("scripts/predictions/predict.py", *modules, without=unused))
    for training, entry in models["trainings"].items():
        module = plugin_modules.get_training_module(models, training)
        key = f"train:{entry.get('method', entry['family'])}"
        add_hash(hashes, key, hash_script("scripts/training/train.py", module))
    for section in ("figures", "tables"):
        for id in demo[section]:
            rule = section.removesuffix("s")
            hashes[f"{rule}:{id}"] = hash_script(*plugin_modules.list_paper_code(demo, section, id))
    return hashes


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the sources, which the hashes are computed from."""
    root = tmp_path_factory.mktemp("repository")
    for folder in ("src", "scripts"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    with pytest.MonkeyPatch.context() as monkeypatch:
        for module in (code_hash, plugin_modules):
            monkeypatch.setattr(module, "PACKAGE_DIR", root / "src" / "samgap")
        code_hash.clear_caches()
        yield root
    code_hash.clear_caches()


def changed_rules(repository: Path, edits: dict[str, str]) -> set[str]:
    """Return the keys of `list_hashes` that change when the files in `edits` have the new content there."""
    before = list_hashes()
    originals = {file: (repository / file).read_text(encoding="utf-8") for file in edits}
    try:
        for file, text in edits.items():
            (repository / file).write_text(text, encoding="utf-8")
        code_hash.clear_caches()
        after = list_hashes()
    finally:
        for file, text in originals.items():
            (repository / file).write_text(text, encoding="utf-8")
        code_hash.clear_caches()
    assert before.keys() == after.keys()
    return {rule for rule in before if before[rule] != after[rule]}


@pytest.mark.parametrize(("file", "reruns", "unchanged"), EDITS, ids=[file for file, *_ in EDITS])
def test_an_edit_reruns_the_rules_that_it_concerns(repository, file, reruns, unchanged):
    text = (repository / file).read_text(encoding="utf-8")
    changed = changed_rules(repository, {file: text + "\nEDITED = True\n"})
    for pattern in reruns:
        rules = {rule for rule in list_hashes() if fnmatch(rule, pattern)}
        assert rules and rules <= changed, f"{pattern} must run again after an edit of {file}"
    for pattern in unchanged:
        rules = {rule for rule in list_hashes() if fnmatch(rule, pattern)}
        assert rules and not rules & changed, f"{pattern} must not run again after an edit of {file}"


def test_comments_and_docstrings_rerun_nothing(repository):
    edits = {}
    for file in [*(repository / "src").rglob("*.py"), *(repository / "scripts").rglob("*.py")]:
        text = file.read_text(encoding="utf-8")
        docstring = ast.get_docstring(ast.parse(text), clean=False)
        if docstring:
            text = text.replace(docstring, f"{docstring} Edited.", 1)
        edits[str(file.relative_to(repository))] = f"{text}\n# Edited.\n"
    assert changed_rules(repository, edits) == set()


def test_options_rerun_nothing(repository):
    files = [f"src/samgap/{name}" for name in ("datasets/minneapple.py", "models/sam2/__init__.py", "prompts/box.py")]
    edits = {file: (repository / file).read_text(encoding="utf-8") for file in files}
    assert all("\nOPTIONS = {" in text for text in edits.values())
    edits = {
        file: text.replace("\nOPTIONS = {", '\nOPTIONS = {"title": "Edited.", ', 1) for file, text in edits.items()
    }
    assert changed_rules(repository, edits) == set()


def test_modules_with_computed_names_are_known():
    """Without a function in samgap.jobs.plugin_modules, edits of modules with a computed name would rerun nothing."""
    importers = {
        str(file.relative_to(ROOT))
        for folder in ("src", "scripts")
        for file in (ROOT / folder).rglob("*.py")
        if re.search(
            r"import_module\(f?[^\"'f]|import_module\(f|__import__|import_plugin\(", file.read_text(encoding="utf-8")
        )
    }
    assert importers <= {
        "scripts/datasets/dataset.py",  # get_dataset_module
        "src/samgap/inventory/models.py",  # list_model_modules
        "src/samgap/inventory/probes/__init__.py",  # list_probe_modules
        "scripts/predictions/predict.py",  # list_model_modules
        "scripts/prompts/prompts.py",  # get_prompts_module
        "src/samgap/training/run.py",  # get_training_module
        "src/samgap/training/validation.py",  # is imported in this way itself
        "src/samgap/training/tasks.py",  # an edit of a metric does not train again
        "src/samgap/config/plugin_import.py",
        "src/samgap/metrics/__init__.py",  # list_metric_modules
        "src/samgap/models/grounded.py",  # list_model_modules
        "src/samgap/paper/cost_estimates.py",  # counts prompts that are not there; the page reads those that are
        "src/samgap/paper/render.py",  # list_paper_code
    }


def test_profiles_keep_the_triggers_of_changed_inputs_and_parameters():
    """States of local files are parameters."""
    triggers = {
        file.parent.name: yaml.safe_load(file.read_text(encoding="utf-8")).get("rerun-triggers")
        for file in (ROOT / "profiles").glob("*/config.yaml")
    }
    assert {"mtime", "params", "input"} <= set(triggers.pop("default"))  # overrides any other profile
    assert triggers and set(triggers.values()) == {None}


def test_rules_hash_the_script_that_they_run():
    functions = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "rules" / "functions").glob("*.smk"))
    text = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "rules").glob("*.smk"))
    rules = re.findall(r"^        code=(.+),\n(?:        .*\n)*    script:\n        \"\.\./(.+)\"", text, re.MULTILINE)
    assert len(rules) == text.count("    script:\n") > 10
    for code, script in rules:
        if "(" not in code:
            code = re.search(rf"def {code}\(wildcards\):\n((?:    .*\n|\n)+)", functions)[1]
        if list_paper_code := re.search(r"list_paper_code\(config, \"(\w+)s\"", code):
            item = list_paper_code[1]
            assert script == f"scripts/paper/{item}.py"
        else:
            assert re.search(r"hash_script\(\s*\"(.+?)\"", code)[1] == script


def test_rules_of_plugins_have_the_files_that_an_entry_names_as_inputs_and_their_states_as_parameters():
    """Snakemake's times show a newer file; an older file, and a file in a folder, change the state alone."""
    rules = {
        rule: body
        for file in (ROOT / "rules").glob("*.smk")
        for rule, body in re.findall(
            r"^rule (\w+):\n((?:(?:    .*)?\n)+)", file.read_text(encoding="utf-8"), re.MULTILINE
        )
    }
    with_plugins = {"prompts", "predict", "train", "inventory", "figure", "table"}
    assert {
        rule for rule, body in rules.items() if re.search(r"^        named=\w+_files,$", body, re.MULTILINE)
    } == with_plugins
    states = {rule for rule, body in rules.items() if re.search(r"^        states?=\w+_states?,$", body, re.MULTILINE)}
    assert states == with_plugins | {"dataset", "fetch_archive", "checkpoint"}  # these three name their inputs by role


def snakemake(folder: Path, *arguments: str) -> str:
    """Run Snakemake for the demo's data set in `folder`, and return its output."""
    command = [sys.executable, "-m", "snakemake", "resources/datasets/orchard-sim-test/dataset.json", "--cores", "1"]
    run = subprocess.run(
        [*command, "--configfile", "test.yaml", *arguments],
        cwd=folder,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    return run.stdout


def test_snakemake_plans_by_the_hashes(tmp_path):
    copy_workflow(tmp_path, with_weights=False)
    config = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text(encoding="utf-8"))
    config["datasets"]["orchard-sim-test"] = {"scenes": 1, "size": 64}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    snakemake(tmp_path)
    edited = [tmp_path / "scripts/datasets/dataset.py", tmp_path / "src/samgap/datasets/orchard_sim/leaves.py"]
    for file in edited:
        file.write_text(file.read_text(encoding="utf-8") + "\n# Edited.\n", encoding="utf-8")
    assert "Nothing to be done" in snakemake(tmp_path, "--dry-run")
    edited[1].write_text(edited[1].read_text(encoding="utf-8") + "EDITED = True\n", encoding="utf-8")
    assert "rule dataset:" in snakemake(tmp_path, "--dry-run")


def test_rules_with_numbers_or_images_have_the_versions_of_the_packages_of_their_script():
    without = {
        "fetch_archive",
        "checkpoint",
        "verify",
        "plan",
        "costs",
        "site_job",
        "site_check",
        "manifest",
        "demo_card",
        "verify_demo_weights",
    }
    functions = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "rules" / "functions").glob("*.smk"))
    text = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "rules").glob("*.smk"))
    rules = re.findall(r"^rule (\w+):\n((?:(?:    .*)?\n)+)", text, re.MULTILINE)
    with_code = {rule: body for rule, body in rules if "        code=" in body}
    assert without < with_code.keys()
    for rule, body in with_code.items():
        code = re.search(r"        code=(.+),", body)[1]
        versions = re.search(r"        versions=(.+),", body)
        if rule in without:
            assert versions is None
        elif "(" in code:
            assert versions[1] == code.replace("hash_script", "list_script_versions")
        else:
            assert versions[1] == code.replace("_code", "_versions")
            arguments = re.search(
                rf"def {code}\(wildcards\):\n(?:    .*\n)*?    return hash_script\((.+)\)", functions
            )[1]
            body = re.search(rf"def {versions[1]}\(wildcards\):\n((?:    .*\n)+)", functions)[1]
            assert re.search(r'"(.+?)"', arguments)[1] in body
