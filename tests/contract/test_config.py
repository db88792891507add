"""Validation of a whole configuration: defaults, and one line for each error with its key and what is allowed."""

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from samgap.config.cells import list_cells, list_referenced_ids
from samgap.config.module_literals import read_literals
from samgap.config.plugin_options import load_schema
from samgap.config.plugins import MARKERS, PLUGIN_KEYS, list_plugins
from samgap.config.validate import validate_config
from samgap.errors import UserError

ROOT = Path(__file__).parents[2]

DATASET = f"def {MARKERS['datasets']}(): ...\n"
PROMPTS = f"def {MARKERS['prompts']}(): ...\n"
FILES = {
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
    {family: sam3, model: words, dataset: orchard, validation: more, prompts: concepts, negatives: 1,
     steps: 9, batch: 2, learning-rate: 1.0e-3}
""")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for stage in PLUGIN_KEYS:
        modules = list_plugins(ROOT, stage)
        for id, file in list_plugins(tmp_path, stage).items():
            for name, value in read_literals(modules[id], "OPTIONS").items():
                file.write_text(f"{file.read_text()}{name} = {value!r}\n")
    shutil.copy(ROOT / "config" / "schema.yaml", tmp_path / "config" / "schema.yaml")
    return tmp_path


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
    with pytest.raises(UserError) as error:
        validate_config(config, root)
    message = str(error.value)
    assert message.startswith("config: ")
    assert "\n" not in message
    return message


def test_defaults_are_filled_in(root):
    config = validate_config(CONFIG, root)
    assert (config["seed"], config["device"], config["skip-unavailable"]) == (42, "auto", True)
    assert config["tf32"] is True
    assert config["statistics"] == {"resamples": 10000, "confidence": 0.95, "score-threshold": 0.5}
    assert [config["datasets"][name]["shards"] for name in ("orchard", "apples")] == [1, 3]
    assert [config["datasets"][name]["seed"] for name in ("orchard", "more")] == [0, 9]
    assert config["archives"]["pictures"]["second-hand"] is False
    assert config["trainings"]["learn"]["warm-up"] == 100
    assert "seed" not in config["datasets"]["apples"]


def test_validation_changes_neither_its_argument_nor_a_valid_configuration(root):
    before = copy.deepcopy(CONFIG)
    config = validate_config(CONFIG, root)
    assert before == CONFIG
    assert validate_config(config, root) == config


def test_the_content_of_a_settings_file_is_part_of_the_configuration(root):
    assert validate_config(CONFIG, root)["models"]["words"]["architecture"] == {"size": 224}


def test_texts_of_the_command_line_are_converted(root):
    config = validate_config({**CONFIG, "seed": "7", "skip-unavailable": "false", "run": 3, "device": "cpu"}, root)
    assert (config["seed"], config["skip-unavailable"], config["run"], config["device"]) == (7, False, "3", "cpu")
    assert "seed is 'seven'" in get_error({**CONFIG, "seed": "seven"}, root)


def test_a_data_set_of_a_figure_without_models_is_used_but_has_no_cell(root):
    entry = {"number": "1", "title": "x", "dataset": "third", "images": 2, "attributes": ["ripeness"]}
    config = validate_config(change("figures/sides", entry), root)
    assert list_referenced_ids(config, "datasets") == ["orchard", "third"]
    assert {dataset for dataset, _, _ in list_cells(config)} == {"orchard"}


def test_cells_of_experiments_and_figures(root):
    config = validate_config(CONFIG, root)
    assert list_cells(config) == [
        ("apples", "small", "point"),
        ("apples", "words", "concepts"),
        ("orchard", "ellipse", "box"),
        ("orchard", "small", "box"),
    ]
    assert list_referenced_ids(config, "datasets") == ["apples", "orchard"]
    assert list_referenced_ids(config, "models") == ["ellipse", "small", "words"]
    assert list_referenced_ids(config, "prompts") == ["box", "concepts", "point"]


@pytest.mark.parametrize(
    ("key_path", "value", "parts"),
    [
        # keys
        ("sead", 1, ["unknown key 'sead'", "top level", "did you mean 'seed'?"]),
        ("datasets/orchard/shard", 2, ["unknown key 'shard' in datasets.orchard", "did you mean 'shards'?"]),
        ("datasets/orchard/scene", 2, ["unknown key 'scene' in datasets.orchard", "did you mean 'scenes'?"]),
        ("datasets/orchard/part", "train", ["unknown key 'part' in datasets.orchard"]),
        ("models/small/architecture", {}, ["unknown key 'architecture' in models.small"]),
        ("models/small/weights/sha", "0", ["unknown key 'sha' in models.small.weights", "'sha256'"]),
        ("prompts/box/phrases", [], ["unknown key 'phrases' in prompts.box"]),
        ("prompts/concepts/phrases/0/noums", "x", ["unknown key 'noums' in prompts.concepts.phrases.0", "'noun"]),
        ("experiments/boxes/model", "x", ["unknown key 'model' in experiments.boxes", "'models'"]),
        ("figures/sides/colour", "red", ["unknown key 'colour' in figures.sides"]),
        ("figures/sides/concept", ..., ["figures.sides", "'concept'"]),
        ("figures/sides/images", ..., ["figures.sides", "'images'"]),
        ("datasets/orchard/without", [{"noun": "pear"}], ["datasets.orchard.without"]),
        ("datasets/orchard/without", [{"noun": "pear", "health": "sick"}], ["datasets.orchard.without", "'sick'"]),
        ("datasets/orchard/lighting", ["noon"], ["datasets.orchard.lighting", "'noon'"]),
        (
            "datasets/orchard",
            {"kind": "cocoa", "path": "labels", "absent": ["pear"]},
            ["datasets.orchard.kind names 'cocoa'", "src/samgap/datasets/cocoa.py", "did you mean 'coco'?"],
        ),
        (
            "datasets/orchard",
            {"kind": "minneapple-layout", "path": "no/such/folder"},
            ["datasets.orchard.path is no/such/folder", "does not exist", "https://"],
        ),
        ("statistics", {"resample": 5}, ["unknown key 'resample' in statistics", "'resamples'"]),
        ("trainings/learn/objects", 2, ["unknown key 'objects' in trainings.learn"]),
        ("trainings/learn/dense", True, ["trainings.learn.dense is now the key method", "`method: sam3-dense`"]),
        ("trainings/learn/method", "sam3-dens", ["trainings.learn.method names 'sam3-dens'", "'sam3-dense'?"]),
        ("trainings/learn/method", "sam3-match", ["trainings.learn lacks the key 'loss-weights'"]),
        ("trainings/learn/loss-weights", {"loss_match": 2}, ["trainings.learn.loss-weights has loss_match", "method"]),
        ("trainings/learn/loss-weights", {"los_ce": 2}, ["unknown key 'los_ce' in trainings.learn", "'loss_ce'?"]),
        ("run", ..., ["lacks the key 'run'"]),
        ("datasets/orchard/kind", ..., ["datasets.orchard lacks the key 'kind'"]),
        ("datasets/orchard/scenes", ..., ["datasets.orchard lacks the key 'scenes'", "Number of scenes"]),
        ("datasets/apples/part", "test", ["datasets.apples.archives lacks the key 'truth'"]),
        ("models/small/config", ..., ["models.small lacks the key 'config'"]),
        ("models/words/weights", ..., ["models.words lacks the key 'weights'"]),
        # values
        ("device", "gpu", ["device is 'gpu'", "auto, cpu, cuda"]),
        ("run", "My Run", ["run is 'My Run'", 'a-z and 0-9 joined by "-"']),
        ("datasets/orchard/shards", 0, ["datasets.orchard.shards is 0", "less than 1"]),
        ("datasets/orchard/scenes", "many", ["datasets.orchard.scenes is 'many'", "integer"]),
        ("datasets/Orchard_2", {"kind": "orchard-sim", "scenes": 1, "size": 64}, ["'Orchard_2' in datasets", "a-z"]),
        ("archives/pictures/sha256", "abc", ["archives.pictures.sha256 is 'abc'"]),
        ("models/small/weights", {}, ["models.small.weights", "'hub', 'path', 'training', 'url'", "exactly one"]),
        ("models/small/weights/url", "https://x", ["has 'path', 'url' of", "exactly one"]),
        ("models/small/weights", {"hub": "a/b"}, ["'hub', which needs 'file'"]),
        ("models/ellipse/weights", {"path": "a.pt"}, ["models.ellipse.weights", "shape"]),
        ("models/ellipse/shape", "star", ["models.ellipse.shape is 'star'", "box, ellipse"]),
        ("experiments/boxes/models", [], ["experiments.boxes.models is []", "fewer than 1"]),
        ("experiments/boxes/metrics", ["iou", "iou"], ["experiments.boxes.metrics", "twice"]),
        ("prompts/concepts/phrases", "config/none.yaml", ["prompts.concepts.phrases", "config/none.yaml", "be read"]),
        ("prompts/concepts/phrases", "config/small.yaml", ["prompts.concepts.phrases", "has no list"]),
        ("prompts/concepts/phrases", [{"phrase": "x"}], ["prompts.concepts.phrases.0", "'noun'", "'other'"]),
        ("statistics", {"confidence": 1}, ["statistics.confidence is 1", "not less than 1"]),
        # references
        ("datasets/apples/archives/images", "picture", ["datasets.apples.archives.images", "'picture'", "'pictures'?"]),
        ("models/words/weights/training", "leran", ["models.words.weights.training", "'leran'", "'learn'?"]),
        ("experiments/boxes/datasets", ["orchid"], ["experiments.boxes.datasets", "'orchid'", "'orchard'?"]),
        ("experiments/boxes/models", ["smal"], ["experiments.boxes.models", "'smal'", "'small'?"]),
        ("experiments/boxes/prompts", ["boxes"], ["experiments.boxes.prompts", "'boxes'", "'box'?"]),
        ("figures/sides/dataset", "apple", ["figures.sides.dataset", "'apple'", "'apples'?"]),
        ("figures/sides/spatial/model", "smal", ["figures.sides.spatial.model", "'smal'", "'small'?"]),
        ("figures/sides/concept/prompts", "concept", ["figures.sides.concept.prompts", "'concepts'?"]),
        ("figures/sides/concept/phrase", "leave", ["figures.sides.concept.phrase is 'leave'", "prompts.concepts"]),
        ("figures/sides/metrics", ["iou"], ["figures.sides.metrics names 'iou'", "none of its experiments"]),
        ("tables/results/experiments", ["box"], ["tables.results.experiments", "'box'", "experiments"]),
        ("trainings/learn/model", "word", ["trainings.learn.model", "'word'", "'words'?"]),
        ("trainings/learn/model", "small", ["trainings.learn.family is 'sam3'", "'small'", "'sam2'"]),
        ("trainings/learn/dataset", "orchards", ["trainings.learn.dataset", "'orchards'", "'orchard'?"]),
        ("trainings/learn/validation", "orchard", ["trainings.learn.validation", "'orchard'"]),
        ("trainings/learn/prompts", "box", ["trainings.learn.prompts", "'box'", "phrases"]),
        ("trainings/learn/mix", [{"dataset": "apple", "share": 0.3}], ["trainings.learn.mix", "'apple'", "'apples'?"]),
        ("trainings/learn/mix", [{"dataset": "orchard", "share": 0.3}], ["trainings.learn.mix", "'orchard'", "once"]),
        ("trainings/learn/mix", [{"dataset": "apples"}], ["trainings.learn.mix.0", "lacks the key 'share'"]),
        ("trainings/learn/mix", [{"dataset": "apples", "share": 1}], ["trainings.learn.mix.0.share is 1"]),
        (
            "trainings/learn/mix",
            [{"dataset": "apples", "share": 0.6}, {"dataset": "third", "share": 0.4}],
            ["trainings.learn.mix", "shares with the sum 1", "'orchard'"],
        ),
        ("trainings/learn/start", "lear", ["trainings.learn.start", "'lear'", "'learn'?"]),
        ("trainings/learn/start", "learn", ["trainings.learn.start leads back to 'learn'"]),
        # files
        ("datasets/x", {"kind": "orchards"}, ["datasets.x.kind", "'orchards'", "src/samgap/datasets/orchards.py"]),
        ("datasets/x", {"kind": "write"}, ["datasets.x.kind", "src/samgap/datasets/write.py"]),
        ("prompts/x", {"kind": "scribble"}, ["prompts.x.kind", "src/samgap/prompts/scribble.py"]),
        ("models/x", {"family": "sam-4"}, ["models.x.family", "'sam-4'", "src/samgap/models/sam_4.py"]),
        ("experiments/boxes/metrics", ["f1-75"], ["metrics", "'f1-75'", "src/samgap/metrics/f1_75.py", "'f1-50'?"]),
        ("experiments/boxes/metrics", ["f1-iou-50"], ["metrics", "`f1-iou-50` is dropped", "write `f1-50`"]),
        ("figures/side", {"number": "1", "title": "x"}, ["figures", "'side'", "src/samgap/paper/figures/side.py"]),
        ("tables/result", {"number": "1", "title": "x"}, ["tables", "'result'", "src/samgap/paper/tables/result.py"]),
        ("models/words/architecture", "config/none.yaml", ["models.words.architecture", "config/none.yaml"]),
        # kinds of prompts that models accept
        (
            "experiments/boxes/prompts",
            ["box", "concepts"],
            ["experiments.boxes", "'small'", "'concepts'", "box, point"],
        ),
        (
            "experiments/boxes/prompts",
            ["point"],
            ["experiments.boxes", "'ellipse'", "kind point", "shape accepts only box"],
        ),
        ("figures/sides/spatial/model", "words", ["figures.sides.spatial", "'words'", "kind point", "sam3"]),
    ],
)
def test_an_error_is_one_line_with_its_key(root, key_path, value, parts):
    message = get_error(change(key_path, value), root)
    for part in parts:
        assert part in message


@pytest.mark.parametrize("text", ["- 1\n", "a: [\n", ""])
def test_an_invalid_settings_file_is_an_error(root, text):
    (root / "config" / "small.yaml").write_text(text)
    message = get_error(CONFIG, root)
    assert "models.words.architecture" in message
    assert "config/small.yaml" in message


def test_a_family_must_declare_the_kinds_that_it_accepts(root):
    file = root / "src/samgap/models/sam2.py"
    file.write_text(file.read_text().replace("('box', 'point')", "tuple(open('kinds'))"))
    with pytest.raises(UserError, match=r"models/sam2\.py.*KINDS"):
        validate_config(CONFIG, root)


def test_a_new_kind_without_options_needs_no_declaration(root):
    (root / "src/samgap/datasets/field.py").write_text(DATASET)
    assert validate_config(change("datasets/x", {"kind": "field"}), root)["datasets"]["x"] == {
        "kind": "field",
        "shards": 1,
    }


@pytest.mark.parametrize("key_path", ["figures/sides", "tables/results"])
def test_a_figure_or_table_that_the_configuration_does_not_name_is_no_error(root, key_path):
    section, id = key_path.split("/")
    assert id not in validate_config(change(key_path, ...), root)[section]


def test_videos_and_without_videos_exclude_each_other(root):
    config = change("datasets/apples/videos", ["a"])
    config["datasets"]["apples"]["without-videos"] = ["b"]
    assert "takes `videos` or `without-videos`, not both" in get_error(config, root)


def test_every_key_of_the_schema_has_a_description():
    schema = load_schema(ROOT)
    missing = []

    def visit(part: Any, key_path: str) -> None:
        if isinstance(part, dict):
            for key, value in part.get("properties", {}).items():
                reference = value.get("$ref", "").rpartition("/")[2]
                described = {**schema["$defs"].get(reference, {}), **value}
                # In an `if`, or where `then` requires one more key, a property is named without a description.
                if "description" not in described and not {"const", "required"} & described.keys():
                    missing.append(f"{key_path}.{key}")
            for key, value in part.items():
                visit(value, f"{key_path}.{key}")
        elif isinstance(part, list):
            for number, value in enumerate(part):
                visit(value, f"{key_path}.{number}")

    visit(schema, "")
    assert not missing


@pytest.mark.parametrize("name", ["config", "demo", "demo-models"])
def test_the_configurations_of_the_repository_are_valid(name):
    config = validate_config(yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text()), ROOT)
    assert list_cells(config)
