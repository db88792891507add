"""The files of a finished training."""

import torch

from samgap.io.files import read_json, sha256
from samgap.models.runtime.weights_layout import KeyLayout
from samgap.tables.training import HISTORY
from samgap.training import adapters
from samgap.training.outputs import write_outputs, write_skipped_outputs
from samgap.training.start import StartWeights

RECIPE = {"options": {"family": "sam3", "steps": 2, "preset": "official"}}
LAYOUTS = (KeyLayout({"": "detector."}, "the published file"),)


def write(folder, model, recipe=RECIPE, **more):
    output = {name: str(folder / name) for name in ("weights", "last", "history", "card")}
    history = [{"step": step, "term": "total", "value": float(step), "learning_rate": 0.1} for step in (1, 2)]
    write_outputs(output, model, history, recipe, training="tuned", device="cpu", **more)
    return output, read_json(output["card"]), torch.load(output["weights"], weights_only=True)


def test_the_card_has_the_checksum_of_the_weights_and_the_last_scores(tmp_path):
    output, card, content = write(tmp_path, torch.nn.Linear(2, 2))
    assert card["sha256"] == sha256(output["weights"]) and card["final"] == {"total": 2.0}
    assert card["source"] == "training tuned" and card["status"] == "available"
    assert card["parts"] == [{"part": part, "trained": n, "all": n} for part, n in (("weight", 4), ("bias", 2))]
    assert card["start"] is None and card["preset"] == "official"
    assert content["model"]["weight"].dtype == torch.float16 and card["number_formats"] == {"float16": 2}
    assert HISTORY.read(output["history"])["step"].tolist() == [1, 2]


def test_the_file_of_a_tuned_model_is_whole_and_says_what_it_started_from(tmp_path):
    tensors = {"detector.weight": torch.zeros(2, 2), "detector.bias": torch.zeros(2), "tracker.memory": torch.ones(3)}
    torch.save({"model": tensors}, tmp_path / "start.pt")
    card = {"model": "sam3", "status": "available", "source": "hub:x", "sha256": "ab", "size": 3}
    model = torch.nn.Linear(2, 2)
    _, card, content = write(tmp_path, model, start=StartWeights(tmp_path / "start.pt", card), layouts=LAYOUTS)
    assert content["model"].keys() == tensors.keys()
    assert torch.equal(content["model"]["detector.weight"], model.weight)
    assert torch.equal(content["model"]["tracker.memory"], torch.ones(3))
    assert card["start"] == {"model": "sam3", "source": "hub:x", "sha256": "ab", "size": 3}
    assert card["kept_from_start"] == {"tracker": 1} and card["number_formats"] == {"float32": 3}


def test_parts_that_the_first_file_lacks_are_added_in_half_precision(tmp_path):
    model = torch.nn.ModuleDict({"body": torch.nn.Linear(2, 2), "head": torch.nn.Linear(2, 1)})
    body = {f"body.{key}": value for key, value in model["body"].state_dict().items()}
    head = {"head.weight": torch.zeros(1, 2), "head.bias": torch.zeros(1)}
    for first in (body, {**body, **head}):
        torch.save({"model": first}, tmp_path / "start.pt")
        start = StartWeights(tmp_path / "start.pt", {"model": "sam3", "status": "available"})
        _, card, content = write(tmp_path, model, start=start, added=("head.",))
        assert content["model"].keys() == model.state_dict().keys()
        assert torch.equal(content["model"]["head.weight"], model["head"].weight.half())
        assert content["model"]["body.weight"].dtype == torch.float32
        assert card["kept_from_start"] == {}


class TwoHeadsAttention(torch.nn.Module):
    """A module whose linear layers can have adapters, since its name ends with Attention."""

    def __init__(self):
        super().__init__()
        self.proj = torch.nn.Linear(4, 4)


def test_adapters_are_merged_into_the_weights_and_written_beside_them(tmp_path):
    model = torch.nn.Sequential(TwoHeadsAttention())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    options = {"rank": 1, "alpha": 2, "parts": ["0"]}
    adapters.add_adapters(model, options, "sam3", seed=0)
    (update,) = (update for _, update in adapters.iter_adapters(model))
    torch.nn.init.ones_(update.up)
    expected = before["0.proj.weight"] + 2 * (update.up @ update.down)
    recipe = {"options": {**RECIPE["options"], "adapters": options, "model": "sam3"}}
    _, card, content = write(tmp_path, model, recipe=recipe)
    assert content["model"].keys() == before.keys()
    assert torch.allclose(content["model"]["0.proj.weight"].float(), expected, atol=1e-3)
    assert card["parts"] == [{"part": "0", "trained": 8, "all": 28}]
    assert sorted(path.name for path in (tmp_path / "adapters").iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]


def test_without_its_start_a_training_has_empty_files_and_a_card_with_the_reason(tmp_path):
    output = {name: str(tmp_path / name) for name in ("weights", "last", "history", "card")}
    start = StartWeights(tmp_path / "start.pt", {"model": "sam3", "status": "unavailable", "why": "gated"})
    write_skipped_outputs(output, RECIPE, "weights not available (gated)", training="tuned", start=start)
    card = read_json(output["card"])
    assert (card["status"], card["why"]) == ("unavailable", "weights not available (gated)")
    assert (tmp_path / "weights").stat().st_size == 0 and len(HISTORY.read(output["history"])) == 0
