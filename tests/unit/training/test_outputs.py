"""The files of a finished training."""

import torch

from samgap.io.files import read_json, sha256
from samgap.tables.training import HISTORY
from samgap.training.outputs import write_outputs


def test_the_card_has_the_checksum_of_the_weights_and_the_last_scores(tmp_path):
    output = {name: str(tmp_path / name) for name in ("weights", "history", "card")}
    history = [{"step": step, "term": "total", "value": float(step), "learning_rate": 0.1} for step in (1, 2)]
    model = torch.nn.Linear(2, 2)
    write_outputs(output, model, history, {"options": {"steps": 2}}, training="tuned", device="cpu")
    card = read_json(output["card"])
    assert card["sha256"] == sha256(output["weights"]) and card["final"] == {"total": 2.0}
    assert card["source"] == "training tuned" and card["status"] == "available"
    assert torch.load(output["weights"])["model"]["weight"].dtype == torch.float16
    assert HISTORY.read(output["history"])["step"].tolist() == [1, 2]
