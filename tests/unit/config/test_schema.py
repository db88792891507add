"""Defaults, and one line for each key or value that the schema does not allow."""

import pytest

from samgap.config.validate import validate_config
from tests.helpers.small_config import CONFIG, change, get_error


def test_defaults_are_filled_in(repository):
    config = validate_config(CONFIG, repository)
    assert (config["seed"], config["device"], config["skip-unavailable"]) == (42, "auto", True)
    assert config["tf32"] is True
    assert config["statistics"] == {"resamples": 10000, "confidence": 0.95}
    assert [config["datasets"][name]["shards"] for name in ("orchard", "apples")] == [1, 3]
    assert [config["datasets"][name]["seed"] for name in ("orchard", "more")] == [0, 9]
    assert config["archives"]["pictures"]["second-hand"] is False
    assert config["trainings"]["learn"]["validate-every"] == 1000
    assert config["models"]["words"]["keep"] == "chosen"
    assert "seed" not in config["datasets"]["apples"]


def test_texts_of_the_command_line_are_converted(repository):
    config = validate_config(
        {**CONFIG, "seed": "7", "skip-unavailable": "false", "run": 3, "device": "cpu"}, repository
    )
    assert (config["seed"], config["skip-unavailable"], config["run"], config["device"]) == (7, False, "3", "cpu")
    assert "seed is 'seven'" in get_error({**CONFIG, "seed": "seven"}, repository)


@pytest.mark.parametrize(
    ("key_path", "value", "parts"),
    [
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
        ("statistics", {"resample": 5}, ["unknown key 'resample' in statistics", "'resamples'"]),
        ("trainings/learn/objects", 2, ["unknown key 'objects' in trainings.learn"]),
        ("trainings/learn/dense", True, ["trainings.learn.dense is now the key method", "`method: sam3-dense`"]),
        ("trainings/learn/method", "sam3-match", ["trainings.learn lacks the key 'loss-weights'"]),
        ("trainings/learn/loss-weights", {"loss_match": 2}, ["trainings.learn.loss-weights has loss_match", "method"]),
        ("trainings/learn/loss-weights", {"los_ce": 2}, ["unknown key 'los_ce' in trainings.learn", "'loss_ce'?"]),
        ("run", ..., ["lacks the key 'run'"]),
        ("datasets/orchard/kind", ..., ["datasets.orchard lacks the key 'kind'"]),
        ("datasets/orchard/scenes", ..., ["datasets.orchard lacks the key 'scenes'", "Number of scenes"]),
        ("datasets/apples/part", "test", ["datasets.apples.archives lacks the key 'truth'"]),
        ("models/small/config", ..., ["models.small lacks the key 'config'"]),
        ("models/words/keep", "all-masks", ["models.words.keep is all-masks", "set `interactive: true`"]),
        ("models/words/weights", ..., ["models.words lacks the key 'weights'"]),
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
        ("prompts/concepts/phrases", [{"phrase": "x"}], ["prompts.concepts.phrases.0", "'noun'", "'other'"]),
        ("mirrors", {"there.example": "x"}, ["'there.example' in mirrors is not the beginning of an http"]),
        ("connections", 0, ["connections is 0, less than 1"]),
        ("connections", 99, ["connections is 99, more than 16"]),
        ("cache", "", ["cache is '', but must not be empty"]),
        ("statistics", {"confidence": 1}, ["statistics.confidence is 1", "not less than 1"]),
    ],
)
def test_a_key_or_value_that_is_not_allowed_is_one_line(repository, key_path, value, parts):
    message = get_error(change(key_path, value), repository)
    for part in parts:
        assert part in message


def test_videos_and_without_videos_exclude_each_other(repository):
    config = change("datasets/apples/videos", ["a"])
    config["datasets"]["apples"]["without-videos"] = ["b"]
    assert "takes `videos` or `without-videos`, not both" in get_error(config, repository)


@pytest.mark.parametrize("options", [{"keep": "chosen"}, {"keep": "all-masks", "interactive": True}])
def test_all_masks_are_kept_of_a_model_that_predicts_several(repository, options):
    config = change("models/words/keep", "chosen")
    config["models"]["words"] |= options
    models = validate_config(config, repository)["models"]
    assert models["words"]["keep"] == options["keep"]
