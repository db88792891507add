"""Files of trainings against the packages' own loaders.

At full size they are compared without data, and in a small size with predictions. The published weights are gated and
large; their keys and shapes are those of the package's video model, which the package loads strictly.
"""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from samgap.errors import UserError
from samgap.inventory.meta_device import meta_device
from samgap.inventory.models import VIDEO_MODEL, build_published
from samgap.models import sam3
from samgap.models.runtime.weights import read_weights
from samgap.models.runtime.weights_merge import merge_weights
from samgap.models.sam2.image import build_model as build_sam2
from samgap.models.sam3 import build as sam3_build
from samgap.models.sam3 import image as sam3_image
from samgap.models.sam3.build import build_image_model, build_small
from samgap.models.sam3.layouts import PUBLISHED_LAYOUTS
from samgap.training import sam3 as sam3_training
from samgap.training.outputs import write_outputs
from samgap.training.run import run_training
from samgap.training.sam2.clips import TRAINING_MODEL_OVERRIDES
from samgap.training.sam3.network import build_network
from samgap.training.start import StartWeights, get_task_layouts, list_parameter_keys
from tests.helpers.demo_weights import SAM2_WEIGHTS, SAM3_OPTIONS, SAM3_WEIGHTS
from tests.helpers.training_data import write_orchard
from tests.helpers.training_tasks import PHRASES

# isort: split
from sam2.build_sam import _load_checkpoint as load_sam2_checkpoint
from sam3.model_builder import _load_checkpoint as load_sam3_checkpoint

ARCHITECTURE = SAM3_OPTIONS["architecture"]
HEAD = "inst_interactive_predictor.model."
OPTIONS = {
    "family": "sam3",
    "steps": 2,
    "batch": 1,
    "negatives": 1,
    "learning-rate": 1e-5,
    "warm-up": 0,
    "validate-every": 2,
}


def load_by_package(model: torch.nn.Module, path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Load a file by the package's loader, which ignores keys that do not fit, and return the missing keys."""
    results = []

    def load_state_dict(*args: Any, **kwargs: Any) -> Any:
        results.append(torch.nn.Module.load_state_dict(model, *args, **kwargs))
        return results[-1]

    monkeypatch.setattr(model, "load_state_dict", load_state_dict)
    load_sam3_checkpoint(model, path)
    return list(results[0].missing_keys)


def test_the_tuned_published_sam3_has_all_keys_and_shapes_of_the_published_file(tmp_path, monkeypatch):
    published = build_published(VIDEO_MODEL).state_dict()
    with meta_device():
        network = build_network({}, 1008, "meta")
        image_model = build_image_model({"interactive": True}, "meta")
        detector = build_image_model({}, "meta")
    merged = merge_weights(network.state_dict(), {"model": published}, list_parameter_keys(network), PUBLISHED_LAYOUTS)
    shapes = {key: value.shape for key, value in merged.tensors.items()}
    assert shapes == {key: value.shape for key, value in published.items()}
    assert merged.n_trained == len(network.state_dict())
    parts = {key.partition(".")[0] for key in merged.kept if ".sam2_convs." not in key}
    assert parts == {"tracker"}  # and the tracker's neck of the image encoder
    torch.save({"model": merged.tensors}, tmp_path / "tuned.pt")
    assert load_by_package(image_model, tmp_path / "tuned.pt", monkeypatch) == []
    assert load_by_package(detector, tmp_path / "tuned.pt", monkeypatch) == []
    build_published(VIDEO_MODEL).load_state_dict(merged.tensors, strict=True)


@pytest.mark.parametrize("size", ["t", "s", "b+", "l"])
def test_the_tuned_published_sam2_is_loaded_by_its_package(size, tmp_path):
    options = {"config": f"configs/sam2.1/sam2.1_hiera_{size}.yaml"}
    with meta_device():
        published = build_sam2(options, "meta")
        trained = build_sam2({**options, "overrides": TRAINING_MODEL_OVERRIDES}, "meta")
    merged = merge_weights(trained.state_dict(), {"model": published.state_dict()}, list_parameter_keys(trained))
    assert merged.tensors.keys() == published.state_dict().keys() and merged.kept == []
    torch.save({"model": merged.tensors}, tmp_path / "tuned.pt")
    load_sam2_checkpoint(published, tmp_path / "tuned.pt")  # strict


@pytest.fixture
def small_published(monkeypatch):
    """The published SAM3 in a small size, for its package's builder."""

    def build(device, interactive=False, with_matcher=False, tracks=True):
        from samgap.training.sam3.losses import build_matcher

        matcher = build_matcher() if with_matcher else None
        return build_small(ARCHITECTURE, matcher=matcher, interactive=interactive, tracks=tracks)

    monkeypatch.setattr(sam3_build, "build_published", build)
    monkeypatch.setattr(sam3_build, "PUBLISHED_IMAGE_SIZE", ARCHITECTURE["size"])
    monkeypatch.setattr(sam3_image, "PUBLISHED_IMAGE_SIZE", ARCHITECTURE["size"])


@pytest.fixture
def start(tmp_path):
    """The demo's weights with a random head, in the layout of the published file and 32 bits."""
    torch.manual_seed(4)
    trained = {key: value.float() for key, value in read_weights(SAM3_WEIGHTS)["model"].items()}
    state = build_small(ARCHITECTURE, interactive=True).state_dict() | trained
    content = {PUBLISHED_LAYOUTS[0].to_file_key(key): value for key, value in state.items()}
    torch.save({"model": content}, tmp_path / "published.pt")
    return StartWeights(tmp_path / "published.pt", {"model": "sam3", "status": "available", "source": "hub:x"})


@pytest.fixture
def tune(tmp_path):
    """Function that trains from weights as the rule does, and returns the task and the written file."""
    source = write_orchard(tmp_path, n_scenes=2)

    def tune(start, name, **model):
        settings = {"seed": 3, "device": "cpu", "state": tmp_path / f"{name}-state.pt", "recipe": {"name": name}}
        model = {"family": "sam3", **model}
        data = [[source], source]
        task, result = run_training(sam3_training, OPTIONS, model, PHRASES, *data, **settings, start=start)
        output = {key: str(tmp_path / f"{name}-{key}") for key in ("weights", "history", "card")}
        recipe = {"options": OPTIONS}
        more = {"start": start, "layouts": get_task_layouts(task), "training": name, "device": "cpu"}
        write_outputs(output, task.model, result.history, recipe, **more)
        return task, Path(output["weights"])

    return tune


def list_values(predictions):
    return [(prediction.score, prediction.box, prediction.rle) for prediction in predictions]


def test_a_tuned_published_sam3_predicts_as_it_was_trained_and_loads_by_its_package(
    small_published, start, tune, tmp_path, monkeypatch
):
    task, weights = tune(start, "tuned", interactive=True)
    before, after = read_weights(start.path)["model"], torch.load(weights, weights_only=True)["model"]
    assert after.keys() == before.keys()
    changed = {key for key in after if not torch.equal(after[key], before[key])}
    assert changed and all(key.startswith("detector.") and ".sam2_convs." not in key for key in changed)
    assert {value.dtype for value in after.values()} == {value.dtype for value in before.values()}

    opened = sam3.open_model({"interactive": True}, weights, "cpu")
    in_memory = sam3_image.Sam3(task.model.eval(), task.image_size, "cpu")
    image, prompts = Image.open(next(tmp_path.glob("*.jpg"))).convert("RGB"), [{"phrase": "apple"}, {"phrase": "leaf"}]
    for model in (opened, in_memory):
        model.set_image(image)
    predictions = opened.predict(prompts)
    assert [list_values(each) for each in predictions] == [list_values(each) for each in in_memory.predict(prompts)]
    assert predictions[0]

    by_package = build_small(ARCHITECTURE, interactive=True)
    assert load_by_package(by_package, weights, monkeypatch) == []
    ours = opened.model.state_dict()
    assert all(torch.equal(ours[key], value) for key, value in by_package.state_dict().items())

    # It is the start of another training as it is.
    card = {"model": "tuned", "status": "available", "source": "training tuned"}
    _, further = tune(StartWeights(weights, card), "further")
    assert torch.load(further, weights_only=True)["model"].keys() == before.keys()


def test_a_start_without_the_published_prefix_gets_it(small_published, start, tune, tmp_path):
    published = read_weights(start.path)["model"]
    bare = {
        key.replace("tracker.", HEAD) if key.startswith("tracker.") else key.removeprefix("detector."): value
        for key, value in published.items()
    }
    torch.save(bare, tmp_path / "bare.pt")
    _, weights = tune(StartWeights(tmp_path / "bare.pt", start.card), "tuned")
    assert torch.load(weights, weights_only=True)["model"].keys() == published.keys()


def test_from_scratch_the_published_sam3_is_written_with_its_prefix(small_published, tune):
    task, weights = tune(None, "random")
    assert torch.load(weights, weights_only=True)["model"].keys() == {
        f"detector.{key}" for key in task.model.state_dict()
    }
    sam3.open_model({}, weights, "cpu")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: torch.load(SAM2_WEIGHTS, weights_only=True), r"look like weights of a SAM2\.1 of another size"),
        (
            lambda: build_small({**ARCHITECTURE, "depth": 3}).state_dict(),
            r"look like weights of a SAM3 of another size \(width 192, 3 blocks\)",
        ),
        (lambda: build_small({**ARCHITECTURE, "width": 32}).state_dict(), r"of another shape"),
    ],
)
def test_weights_of_another_family_or_size_are_one_line(small_published, tune, tmp_path, content, message):
    torch.save({"model": content()["model"] if "model" in content() else content()}, tmp_path / "other.pt")
    with pytest.raises(UserError, match=message) as error:
        tune(StartWeights(tmp_path / "other.pt", {}), "tuned")
    assert "\n" not in str(error.value)
