"""Extensions as config/README.md describes them: one new file and one entry of a configuration outside the checkout."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from samgap.config.plugins import list_paper_items, to_module_name
from samgap.config.validate import validate_config
from samgap.errors import UserError

ROOT = Path(__file__).parents[2]
EXPERIMENT = {"title": "Added", "datasets": ["orchard-sim-test"], "models": ["filled-box"], "prompts": ["box"]}


def use_in_experiment(config: dict[str, Any], **changes: list[str]) -> None:
    """Add an experiment of the demo's box baseline, with the lists in `changes` replaced."""
    config["experiments"]["added"] = {**EXPERIMENT, "metrics": ["iou"], **changes}


def add_metric(config: dict[str, Any]) -> None:
    use_in_experiment(config, metrics=["iou", "added"])


def add_figure(config: dict[str, Any]) -> None:
    config["figures"]["added"] = {**config["figures"]["estimates"], "bars": 5}


def add_table(config: dict[str, Any]) -> None:
    config["tables"]["added"] = config["tables"]["results"]


def add_family(config: dict[str, Any]) -> None:
    config.setdefault("models", {})["added-model"] = {"family": "added", "outline": "box"}
    use_in_experiment(config, models=["added-model"])


def add_dataset_kind(config: dict[str, Any]) -> None:
    config.setdefault("datasets", {})["added-data"] = {"kind": "added", "trees": 3}
    use_in_experiment(config, datasets=["added-data"])


def add_prompts_kind(config: dict[str, Any]) -> None:
    config["prompts"]["added-prompts"] = {"kind": "added", "margin": 2}
    use_in_experiment(config, prompts=["added-prompts"], models=["sam2-demo"])


def add_text_kind(config: dict[str, Any]) -> None:
    phrases = [{"phrase": "apple", "noun": "apple"}]
    config["prompts"]["added-captions"] = {"kind": "added-text", "phrases": phrases}
    use_in_experiment(config, prompts=["added-captions"], models=["sam3-demo"], metrics=["cgf1"])


def add_automatic_kind(config: dict[str, Any]) -> None:
    config["prompts"]["added-points"] = {"kind": "added-automatic", "margin": 2}
    use_in_experiment(config, prompts=["added-points"], models=["sam2-demo"], metrics=["recall"])


def add_interactive_kind(config: dict[str, Any]) -> None:
    config["prompts"]["added-clicks"] = {"kind": "added-interactive", "margin": 2}
    use_in_experiment(config, prompts=["added-clicks"], models=["sam2-demo"], metrics=["noc-85"])


def declare(option: str, **schema: Any) -> str:
    """Return the source of an OPTIONS literal with one required option."""
    options = {"required": [option], "properties": {option: {"description": "What it does.", **schema}}}
    return f"\nOPTIONS = {options!r}\n"


class Addition(NamedTuple):
    """An extension: a copy of an existing file under a new name, and its entry."""

    source: str
    """The file that is copied, relative to the root of the repository; `figures/x` and `tables/x` are ids."""
    add_entry: Callable[[dict[str, Any]], None]
    declaration: str = ""
    """Text appended to the copy."""
    expected: str = ""
    """Text that only a plan with the extension contains."""
    id: str = "added"
    """The id of the extension, and of the copy."""


ADDITIONS = {
    "metric": Addition("src/samgap/metrics/recall.py", add_metric),
    "figure": Addition(
        "figures/estimates",
        add_figure,
        declare("bars", type="integer", minimum=1) + 'INPUTS = ("comparisons",)\n',
        "input: results/extended/statistics/comparisons.parquet, results/extended/statistics/estimates.parquet\n"
        "    output: results/extended/paper/figures/added.pdf",
    ),
    "table": Addition("tables/results", add_table, expected="paper/tables/added.csv"),
    "model family": Addition(
        "src/samgap/models/shape.py",
        add_family,
        declare("outline", enum=["box", "ellipse"]),
        "model=added-model/prompts=box/shard=000/masks.parquet",
    ),
    "kind of data set": Addition(
        "src/samgap/datasets/orchard_sim/__init__.py",
        add_dataset_kind,
        declare("trees", type="integer", minimum=1),
        "resources/datasets/added-data/instances.json",
    ),
    "kind of prompts": Addition(
        "src/samgap/prompts/box.py",
        add_prompts_kind,
        declare("margin", type="number", minimum=0),
        "prompts=added-prompts/prompts.parquet",
    ),
    "kind of text prompts": Addition(
        "src/samgap/prompts/phrases.py",
        add_text_kind,
        declare("phrases", **{"$ref": "#/$defs/phrases"}),
        "model=sam3-demo/prompts=added-captions/shard=000/masks.parquet",
        "added-text",
    ),
    "kind of automatic prompts": Addition(
        "src/samgap/prompts/grid.py",
        add_automatic_kind,
        declare("margin", type="number", minimum=0),
        "model=sam2-demo/prompts=added-points/shard=000/masks.parquet",
        "added-automatic",
    ),
    "kind of interactive prompts": Addition(
        "src/samgap/prompts/clicks.py",
        add_interactive_kind,
        declare("margin", type="number", minimum=0),
        "model=sam2-demo/prompts=added-clicks/shard=000/masks.parquet",
        "added-interactive",
    ),
}


def add_file(checkout: Path, addition: Addition) -> Path:
    section, _, id = addition.source.partition("/")
    source = list_paper_items(checkout, section)[id] if section in ("figures", "tables") else checkout / addition.source
    folder = source.parent.parent if source.name == "__init__.py" else source.parent
    file = folder / f"{to_module_name(addition.id)}.py"
    file.write_text(source.read_text(encoding="utf-8") + addition.declaration, encoding="utf-8")
    return file


def hash_files(folder: Path) -> dict[Path, str]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {file.relative_to(folder): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def load_demo() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ADDITIONS)
def test_an_extension_is_one_file_and_one_entry(checkout, monkeypatch, name):
    monkeypatch.chdir(checkout)
    addition, before = ADDITIONS[name], hash_files(checkout)
    config = load_demo()
    addition.add_entry(config)
    with pytest.raises(UserError, match=f"'{addition.id}' without its file src/samgap/"):
        validate_config(config, checkout)
    file = add_file(checkout, addition)
    validate_config(config, checkout)
    after = hash_files(checkout)
    assert {path for path in after if after[path] != before.get(path)} == {file.relative_to(checkout)}
    assert before.keys() <= after.keys()


@pytest.mark.parametrize("name", [name for name, addition in ADDITIONS.items() if addition.declaration])
def test_options_of_an_extension_are_checked(checkout, name):
    addition, config = ADDITIONS[name], load_demo()
    add_file(checkout, addition)
    addition.add_entry(config)
    sections = {"model family": "models", "kind of data set": "datasets", "figure": "figures"}
    section = sections.get(name, "prompts")
    entry = next(entry for id, entry in config[section].items() if id.startswith("added"))
    entry["no-such-option"] = 1
    with pytest.raises(UserError, match="unknown key 'no-such-option'"):
        validate_config(config, checkout)


@pytest.mark.parametrize("name", ADDITIONS)
def test_an_extension_does_not_change_other_configurations(checkout, monkeypatch, name):
    monkeypatch.chdir(checkout)
    add_file(checkout, ADDITIONS[name])
    assert validate_config(load_demo(), checkout) == validate_config(load_demo(), ROOT)


def test_extensions_are_planned(checkout, tmp_path):
    config = {**load_demo(), "run": "extended"}
    experiments = {}
    for name, addition in ADDITIONS.items():
        add_file(checkout, addition)
        addition.add_entry(config)
        if "added" in config["experiments"]:
            experiments[name.replace(" ", "-")] = config["experiments"].pop("added")
    config["experiments"] |= experiments
    file = tmp_path / "custom.yaml"
    file.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1", "--configfile", str(file)],
        cwd=checkout,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    for addition in ADDITIONS.values():
        assert addition.expected in run.stdout
    # Corrective clicks alone are placed by the ground truth.
    jobs = [job for job in run.stdout.split("\nrule ") if job.startswith("predict:")]
    with_truth = {
        prompts for job in jobs if "instances.json" in job for prompts in re.findall(r"prompts=([\w-]+)/s", job)
    }
    # The demo's own clicks are the others.
    assert with_truth == {"added-clicks", "clicks-sample"}
