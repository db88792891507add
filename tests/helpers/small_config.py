"""A small repository, whose plug-ins are their declarations alone, and a configuration for it."""

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from samgap.config.module_literals import read_literals
from samgap.config.plugins import MARKERS, PLUGIN_KEYS, list_plugins
from samgap.config.validate import validate_config
from samgap.errors import UserError

ROOT = Path(__file__).parents[2]
DATASET = f"def {MARKERS['datasets']}(): ...\n"
PROMPTS = f"def {MARKERS['prompts']}(): ...\n"
FILES = {
    "src/samgap/datasets/augmented.py": DATASET,
    "src/samgap/datasets/coco.py": DATASET,
    "src/samgap/datasets/minneapple_layout.py": DATASET,
    "src/samgap/datasets/minneapple.py": DATASET,
    "src/samgap/datasets/orchard_sim.py": DATASET,
    "src/samgap/datasets/write.py": "",
    "src/samgap/prompts/box.py": f"{PROMPTS}ROW_KINDS = ('box',)\nSPATIAL = True\nINPUTS = ('boxes',)\n",
    "src/samgap/prompts/point.py": f"{PROMPTS}ROW_KINDS = ('point',)\nSPATIAL = True\nINPUTS = ('points',)\n",
    "src/samgap/prompts/phrases.py": (
        f"{PROMPTS}ROW_KINDS = ('phrase',)\nSPATIAL = False\nINPUTS = ('phrase',)\nTRAINABLE = True\n"
    ),
    "src/samgap/models/sam2.py": "import a_module_that_is_not_there\n\nKINDS = ('box', 'point')\n",
    "src/samgap/models/sam3.py": "KINDS: tuple[str, ...] = ('phrases',)\n",
    "src/samgap/models/shape.py": "KINDS = ('box',)\n",
    "src/samgap/training/sam2.py": "def open_task(): ...\n",
    "src/samgap/training/sam3.py": "def open_task(): ...\n",
    "src/samgap/demo_models/sam3_dense.py": "def open_task(): ...\n",
    "src/samgap/demo_models/sam3_match.py": "def open_task(): ...\n",
    "src/samgap/metrics/iou.py": "METRICS = {}\n",
    "src/samgap/metrics/f1_50.py": "METRICS = {}\n",
    "src/samgap/metrics/base.py": "",
    "src/samgap/paper/figures/sides.py": "",
    "src/samgap/paper/figures/_helper.py": "",
    "src/samgap/paper/tables/results.py": "",
    "config/small.yaml": "size: 224\n",
}

CONFIG = yaml.safe_load("""
run: try
archives:
  pictures: {file: pictures.tar.gz, url: "https://example.org/pictures"}
datasets:
  orchard: {kind: orchard-sim, scenes: 4, size: 64}
  more: {kind: orchard-sim, scenes: 4, size: 64, seed: 9}
  apples: {kind: minneapple, archives: {images: pictures}, part: train, shards: 3}
  third: {kind: orchard-sim, scenes: 4, size: 64, seed: 10}
models:
  small: {family: sam2, config: sam2.yaml, weights: {path: small.pt}}
  words: {family: sam3, architecture: config/small.yaml, weights: {training: learn}}
  ellipse: {family: shape, shape: ellipse}
prompts:
  box: {kind: box}
  point: {kind: point}
  concepts:
    kind: phrases
    phrases: [{phrase: ripe apple, noun: apple, attributes: {ripeness: ripe}}, {phrase: leaf, other: true}]
experiments:
  boxes: {title: Boxes, datasets: [orchard], models: [small, ellipse], prompts: [box], metrics: [iou, f1-50]}
figures:
  sides:
    number: Figure 2
    title: Sides
    dataset: apples
    images: 1
    spatial: {model: small, prompts: point}
    concept: {model: words, prompts: concepts, phrase: leaf}
tables:
  results: {number: none, title: Results, experiments: [boxes]}
trainings:
  learn:
    {family: sam3, model: words, start: scratch, dataset: orchard, validation: more, prompts: concepts, negatives: 1,
     steps: 9, batch: 2, learning-rate: 1.0e-3}
""")


def write_repository(folder: Path) -> None:
    """Write the files of the small repository, each plug-in with the OPTIONS of the one with its id."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    for stage in PLUGIN_KEYS:
        modules = list_plugins(ROOT, stage)
        for id, file in list_plugins(folder, stage).items():
            for name, value in read_literals(modules[id], "OPTIONS").items():
                text_before = file.read_text(encoding="utf-8")
                file.write_text(f"{text_before}{name} = {value!r}\n", encoding="utf-8")
    shutil.copy(ROOT / "config" / "schema.yaml", folder / "config" / "schema.yaml")


def change(key_path: str, value: Any) -> dict[str, Any]:
    """Return CONFIG with another value at `key_path` (`a/b/c`); `...` removes the key."""
    config = copy.deepcopy(CONFIG)
    *parents, key = key_path.split("/")
    entry: Any = config
    for parent in parents:
        entry = entry[int(parent) if isinstance(entry, list) else parent]
    if value is ...:
        del entry[key]
    else:
        entry[key] = value
    return config


def get_error(config: dict[str, Any], root: Path) -> str:
    """Return the message of a configuration that is not valid, which is one line."""
    with pytest.raises(UserError) as error:
        validate_config(config, root)
    message = str(error.value)
    assert message.startswith("config: ")
    assert "\n" not in message
    return message
