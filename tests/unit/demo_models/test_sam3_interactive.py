"""Training method sam3-interactive trains the interactive head alone: the answers to phrases stay the same."""

import functools

import numpy as np
import pytest
import torch
from PIL import Image

from samgap.demo_models import sam3_interactive
from samgap.models.runtime.weights import read_weights
from samgap.models.sam3.build import build_small
from samgap.models.sam3.image import Sam3
from samgap.training import loop
from tests.helpers import training_tasks
from tests.helpers.demo_weights import SAM2_WEIGHTS

open_task = functools.partial(
    training_tasks.open_task, sam3_interactive, training_tasks.SAM3_MODEL, views=4, objects=3, phrases=None
)
NECK_PREFIX = "backbone.vision_backbone.sam2_convs."


def test_the_head_starts_from_a_sam2(orchard_source, tmp_path, start):
    task = open_task(orchard_source, tmp_path, head=str(SAM2_WEIGHTS))
    task.load_start(start, "weights.pt")
    sam2 = read_weights(SAM2_WEIGHTS)["model"]
    head = {
        name.removeprefix("inst_interactive_predictor.model."): value
        for name, value in task.model.state_dict().items()
        if name.startswith("inst_interactive_predictor.model.")
    }
    assert {name.split(".")[0] for name in head} == {"sam_prompt_encoder", "sam_mask_decoder", "no_mem_embed"}
    for name, value in head.items():
        sam2_name = name.replace("mlp.lin1", "mlp.layers.0").replace("mlp.lin2", "mlp.layers.1")
        assert torch.equal(value, sam2[sam2_name].float()), name
    sam3 = task.model.state_dict()
    assert all(torch.equal(value, sam3[name]) for name, value in start["model"].items())


def test_a_training_starts_from_weights_with_a_head(orchard_source, tmp_path):
    first = open_task(orchard_source, tmp_path, seed=5)
    second = open_task(orchard_source, tmp_path, seed=6, head="does-not-exist.pt")
    second.load_start({"model": first.model.state_dict()}, "weights.pt")
    assert all(torch.equal(value, second.model.state_dict()[name]) for name, value in first.model.state_dict().items())


@pytest.fixture
def start():
    """Content of a weights file of the demo's model without its interactive head."""
    torch.manual_seed(1)
    architecture = {**training_tasks.SAM3_MODEL["architecture"], "size": 128}
    return {"model": build_small(architecture).state_dict()}


def train(task, folder, steps=2):
    options = {"steps": steps, "learning-rate": 1e-3, "warm-up": 0, "validate-every": steps}
    return loop.train(task, options, 3, "cpu", folder / "state.pt", {})


def test_losses_fall_and_an_interrupted_training_resumes(orchard_source, tmp_path, monkeypatch):
    open_again = functools.partial(open_task, orchard_source, tmp_path, clicks=1)
    training_tasks.assert_losses_fall_and_training_resumes(open_again, tmp_path, monkeypatch)


def test_only_the_neck_and_the_heads_of_the_tracker_are_trained(orchard_source, tmp_path):
    task = open_task(orchard_source, tmp_path, clicks=2, batch=4, drawn=0.3)
    changed = training_tasks.changed_weights(task, lambda: train(task, tmp_path, steps=6))
    in_head = {name.removeprefix("inst_interactive_predictor.model.") for name in changed if "predictor" in name}
    assert {name for name in changed if "predictor" not in name} <= {
        name for name in task.model.state_dict() if name.startswith(NECK_PREFIX)
    }
    assert {name.split(".")[0] for name in in_head} == {"sam_prompt_encoder", "sam_mask_decoder", "no_mem_embed"}
    assert any(name.startswith(f"{NECK_PREFIX}0.") for name in changed)


def test_the_answers_to_phrases_are_byte_identical_with_a_trained_head(orchard_source, tmp_path, start):
    task = open_task(orchard_source, tmp_path)
    task.load_start(start, "weights.pt")
    without_head = build_small(task.architecture)
    without_head.load_state_dict(start["model"])
    train(task, tmp_path)
    for name, value in without_head.state_dict().items():
        assert torch.equal(value, task.model.state_dict()[name]), name
    # Built anew, as for a prediction: whether a parameter is frozen changes the last bits of a convolution.
    with_head = build_small(task.architecture, interactive=True, tracks=False)
    with_head.load_state_dict(task.model.state_dict())
    pixels = Image.fromarray(np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8))
    answers = []
    for model in (without_head, with_head):
        opened = Sam3(model.eval(), 128, "cpu")
        opened.set_image(pixels)
        answers.append(opened.predict([{"phrase": "apple"}, {"phrase": "red leaf"}]))
    assert answers[0] == answers[1] and len(answers[0][0]) > 0
