"""Extensions as config/README.md describes them: one new file and one entry of a configuration outside the checkout."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from samgap.annotations.ground_truth import GroundTruth
from samgap.config.plugins import list_paper_items, to_module_name
from samgap.config.validate import validate_config
from samgap.errors import UserError
from samgap.masks import rle
from samgap.matching.shard import match_shard
from samgap.metrics import METRIC_REGISTRY, load_metric
from samgap.models import Prediction
from samgap.models.runtime.prompt_tensors import MaskBatch, PromptBatch
from samgap.models.shape import Shape
from samgap.predictions.shard import predict_images
from samgap.prompts import box, clicks, kinds, phrases
from samgap.prompts.seed import Seed
from samgap.prompts.write import write_prompts
from samgap.tables.predictions import MASKS
from samgap.tables.prompts import PROMPTS
from tests.helpers.prompt_kinds import add_prompt_kind
from tests.helpers.scenes import (
    images_table,
    jitter_mask,
    random_ellipse,
    random_tagged_shard,
    rle_to_box,
    square_mask,
)
from tests.helpers.sums import evaluate

ROOT = Path(__file__).parents[2]
METRIC_IDS = list(METRIC_REGISTRY)
WORKFLOW_FOLDERS = ("rules", "scripts", "src", "config", "envs", "profiles", "report")
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
        "model=added-model/prompts=box/shard=001/masks.parquet",
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
        "model=sam3-demo/prompts=added-captions/shard=001/masks.parquet",
        "added-text",
    ),
    "kind of automatic prompts": Addition(
        "src/samgap/prompts/grid.py",
        add_automatic_kind,
        declare("margin", type="number", minimum=0),
        "model=sam2-demo/prompts=added-points/shard=001/masks.parquet",
        "added-automatic",
    ),
    "kind of interactive prompts": Addition(
        "src/samgap/prompts/clicks.py",
        add_interactive_kind,
        declare("margin", type="number", minimum=0),
        "model=sam2-demo/prompts=added-clicks/shard=001/masks.parquet",
        "added-interactive",
    ),
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the workflow without data, weights and environment."""
    folder = tmp_path / "samgap"
    for name in WORKFLOW_FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.pt"))
    shutil.copy(ROOT / "Snakefile", folder)
    return folder


def add_file(checkout: Path, addition: Addition) -> Path:
    section, _, id = addition.source.partition("/")
    source = list_paper_items(checkout, section)[id] if section in ("figures", "tables") else checkout / addition.source
    folder = source.parent.parent if source.name == "__init__.py" else source.parent
    file = folder / f"{to_module_name(addition.id)}.py"
    file.write_text(source.read_text() + addition.declaration)
    return file


def hash_files(folder: Path) -> dict[Path, str]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    return {file.relative_to(folder): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def load_demo() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "config/demo.yaml").read_text())


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
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1", "--configfile", str(file)],
        cwd=checkout,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
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
    assert with_truth == {"added-clicks"}


class TextModel:
    """Predicts the instances of a prompt, each moved by up to 2 px or missing, and sometimes something else."""

    def __init__(self, truth: GroundTruth) -> None:
        self.masks = {item.id: item.decode_mask() for items in truth.instances.values() for item in items}

    def set_image(self, image: Image.Image) -> None:
        self.shape = (image.height, image.width)

    def predict(self, prompts: Sequence[Mapping[str, Any]]) -> list[list[Prediction]]:
        return [self._predict_prompt(prompt) for prompt in prompts]

    def _predict_prompt(self, prompt: Mapping[str, Any]) -> list[Prediction]:
        assert prompt["phrase"]
        rng = np.random.default_rng([ord(letter) for letter in prompt["prompt_id"]])
        truth_ids = self.masks if prompt["truth_ids"] is None else prompt["truth_ids"]
        masks = [jitter_mask(rng, self.masks[id]) for id in truth_ids if rng.random() < 0.8]
        masks += [random_ellipse(rng, self.shape) for _ in range(rng.integers(0, 3))]
        scores = sorted((float(rng.random()) ** 0.3 for _ in masks), reverse=True)
        return [
            Prediction(score, rle_to_box(encoded), int(mask.sum()), encoded["counts"])
            for score, mask in zip(scores, masks, strict=True)
            if mask.any() and (encoded := rle.encode(mask))
        ]


class ClickModel:
    """Predicts squares around the positive clicks, one click at a time."""

    def set_image(self, image: Image.Image) -> None:
        self.shape = (image.height, image.width)

    def map_batches(self, indices: Sequence[int], function: Callable[[Sequence[int]], Any]) -> Iterator[Any]:
        yield indices, function(indices)

    def predict_batch(self, batch: PromptBatch, multimask: bool = True) -> MaskBatch:
        assert batch.point_coords is not None and batch.point_labels is not None
        masks = np.zeros((len(batch.point_coords), *self.shape), bool)
        for mask, points, labels in zip(masks, batch.point_coords, batch.point_labels, strict=True):
            for (x, y), label in zip(np.asarray(points), np.asarray(labels), strict=True):
                mask |= (square_mask(max(int(y) - 6, 0), max(int(x) - 6, 0), 13, self.shape)) & (label == 1)
        return MaskBatch(masks, np.full(len(masks), 0.4), torch.zeros(len(masks), 1, 4, 4))


def make_truth() -> GroundTruth:
    """Make ripe and unripe apples on six images; there are no pears."""
    truth = random_tagged_shard(seed=3, n_images=6, shape=(90, 110))[2]
    instances = {
        image_id: [
            replace(item, attributes={"ripeness": "ripe" if item.id % 2 else "unripe"}) for item in items if item.area
        ]
        for image_id, items in truth.instances.items()
    }
    return GroundTruth(truth.images, instances, frozenset({"apple", "pear"}), {"ripeness": ("ripe", "unripe")})


def measure(kind: ModuleType, options: Mapping[str, Any], model: Any, folder: Path) -> dict[str, Any]:
    """Generate, predict and match the prompts of a kind; return metric -> value, or the reason that there is none."""
    truth = make_truth()
    folder.mkdir()
    write_prompts(folder / "prompts.parquet", kind.generate_prompts(truth, options, Seed(1, "orchard")), truth, {})
    prompts = PROMPTS.read(folder / "prompts.parquet")
    assert set(prompts["kind"]) == set(kind.ROW_KINDS)
    for image in truth.images.values():
        Image.new("RGB", (image["width"], image["height"])).save(folder / image["file_name"])
    images = images_table(truth.images, (90, 110))
    outputs = list(predict_images(model, images, folder, prompts, "cpu", truth))
    assert not any(output.warnings for output in outputs)
    MASKS.write(folder / "masks.parquet", [row for output in outputs for row in output.mask_rows])
    pairs = match_shard(MASKS.read(folder / "masks.parquet"), prompts, truth, images, 0.5)[2]
    return {metric: load_metric(metric).not_evaluable_reason(pairs) or evaluate(metric, pairs) for metric in METRIC_IDS}


PHRASE_OPTIONS = {
    "phrases": [
        {"phrase": "apple", "noun": "apple", "concept": "apple"},
        {"phrase": "apple fruit", "noun": "apple", "concept": "apple"},
        {"phrase": "ripe apple", "noun": "apple", "attributes": {"ripeness": "ripe"}},
        {"phrase": "unripe apple", "noun": "apple", "attributes": {"ripeness": "unripe"}, "seen": False},
        {"phrase": "pear", "noun": "pear"},
        {"phrase": "leaf", "other": True},
    ]
}
OWN_ROWS = """
ROW_KINDS = ("caption", "backdrop")
UNLABELLED = ("backdrop",)
OWN_NAMES = {"phrase": "caption", "other": "backdrop"}


def generate_prompts(truth, options, seed):
    for row in make_phrase_rows(truth, options["phrases"]):
        yield {**row, "kind": OWN_NAMES[row["kind"]]}
"""


@pytest.mark.parametrize(
    ("built_in", "rename", "options", "make_model", "measured"),
    [
        (box, lambda text: text.replace('"box"', '"added"'), {"jitter": 0.1}, lambda _: Shape("ellipse"), ["iou"]),
        (phrases, lambda text: text + OWN_ROWS, PHRASE_OPTIONS, TextModel,
         ["cgf1", "map", "f1-score", "false-alarms", "leakage", "attribute-accuracy", "prompt-sensitivity"]),
        (clicks, lambda text: text.replace('"clicks"', '"added"').replace('"added":', '"clicks":').replace(
            'get("added"', 'get("clicks"'), {"clicks": 4}, lambda _: ClickModel(), ["iou", "iou-after-clicks-3"]),
    ],
    ids=["spatial", "text", "interactive"],
)  # fmt: skip
def test_an_added_kind_is_measured_like_the_built_in_one(
    checkout, monkeypatch, tmp_path, built_in, rename, options, make_model, measured
):
    """The copy makes rows of its own kinds, so that only its declarations say how they are handled."""
    added = add_prompt_kind(checkout, "added", rename(Path(built_in.__file__).read_text("utf-8")))
    assert not set(added.ROW_KINDS) & set(built_in.ROW_KINDS)
    monkeypatch.setattr(kinds, "ROOT", checkout)
    model = make_model(make_truth())
    expected = measure(built_in, options, model, tmp_path / "built-in")
    for metric in measured:
        assert any(isinstance(expected[id], float) and expected[id] > 0 for id in expected if id.startswith(metric))
    np.testing.assert_equal(measure(added, options, model, tmp_path / "added"), expected)
