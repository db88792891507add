"""The weights that a training starts from."""

from types import SimpleNamespace

import pytest
import torch

from samgap.errors import UserError
from samgap.io.files import write_json
from samgap.models.runtime.weights_layout import KeyLayout
from samgap.training.start import StartWeights, get_task_layouts, load_start

CARD = {
    "model": "sam3",
    "status": "available",
    "why": None,
    "source": "hub:x",
    "sha256": "ab",
    "size": 3,
    "checked": "",
}


@pytest.fixture
def start(tmp_path):
    """Function that returns weights with a card."""

    def make(content=None, **card):
        torch.save(content or {}, tmp_path / "weights.pt")
        write_json(tmp_path / "checkpoint.json", {**CARD, **card})
        return StartWeights.read(tmp_path / "weights.pt", tmp_path / "checkpoint.json")

    return make


def test_a_card_says_whether_there_are_weights_and_which(start):
    assert start().why_unavailable is None
    assert start().describe() == {"model": "sam3", "source": "hub:x", "sha256": "ab", "size": 3}
    assert start(status="unavailable", why="gated").why_unavailable == "weights not available (gated)"


def test_the_rule_that_wrote_them_is_known(start):
    assert start().rule == "checkpoint" and start(source="training:sam3").rule == "checkpoint"
    assert start(source="training sam3").rule == "train"


def test_weights_are_loaded_strictly_unless_the_task_trains_a_part(start):
    weights = {"weight": torch.tensor([[2.0, -1.0]]), "bias": torch.tensor([0.5])}
    task = SimpleNamespace(model=torch.nn.Linear(2, 1))
    load_start(task, start({"model": weights}))
    assert torch.equal(task.model.weight, weights["weight"])
    with pytest.raises(UserError, match=r"1 unexpected: other"):
        load_start(task, start({"model": {**weights, "other": torch.zeros(1)}}))
    layouts = (KeyLayout({"": "detector.", "head.": "tracker."}),)
    part = SimpleNamespace(model=torch.nn.Linear(2, 1), spare_keys=("head.",), key_layouts=layouts)
    content = {f"detector.{key}": value for key, value in weights.items()}
    load_start(part, start({"model": {**content, "tracker.x": torch.zeros(1)}}))
    assert torch.equal(part.model.weight, weights["weight"])
    with pytest.raises(UserError, match=r"1 unexpected: detector\.more"):
        load_start(part, start({"model": {**content, "detector.more": torch.zeros(1)}}))
    assert get_task_layouts(part) is part.key_layouts and len(get_task_layouts(task)) == 1


def test_a_task_that_loads_its_initial_weights_itself_gets_the_content_of_the_file(start):
    calls = []
    weights = start({"model": {"bias": torch.tensor([0.5])}})
    load_start(SimpleNamespace(model=torch.nn.Linear(2, 1), load_start=lambda *given: calls.append(given)), weights)
    ((content, source),) = calls
    assert content["model"]["bias"].item() == 0.5 and source == str(weights.path)


def test_weights_of_another_model_are_one_line(start):
    task = SimpleNamespace(model=torch.nn.Linear(3, 1))
    with pytest.raises(UserError, match=r"of another shape: weight \(1x2, not 1x3\)") as error:
        load_start(task, start({"model": torch.nn.Linear(2, 1).state_dict()}))
    assert "\n" not in str(error.value)
