"""The script of the rule `train` for a training whose start has no weights."""

import runpy
from pathlib import Path
from types import SimpleNamespace

from samgap.checkpoints.fetch import fetch_weights
from samgap.io import files
from samgap.tables.training import HISTORY
from tests.scripts.test_matching_and_statistics import Named

SCRIPT = Path(__file__).parents[2] / "scripts" / "training" / "train.py"


def test_a_training_from_unavailable_weights_is_skipped_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("weights.pt").touch()
    files.write_json("checkpoint.json", {"model": "sam3", "status": "unavailable", "why": "gated", "source": "hub:x"})
    output = Named(weights="out.pt", last="last.pt", card="out.json", history="history.parquet")
    params = {"device": "cpu", "tf32": False, "code": "a", "states": {}, "seed": 3, "phrases": None}
    params |= {
        "shares": {},
        "exhaustive": {},
        "options": {"family": "sam3", "steps": 9, "batch": 1},
        "model": {"family": "sam3"},
    }
    job = SimpleNamespace(
        input=Named(start="weights.pt", start_card="checkpoint.json", truth=[]), output=output, params=Named(params),
        wildcards=Named(training="learn"), log=["log.txt"], rule="train", config={}, threads=1,
    )  # fmt: skip
    runpy.run_path(str(SCRIPT), init_globals={"snakemake": job})
    card = files.read_json("out.json")
    assert (card["status"], card["why"]) == ("unavailable", "weights not available (gated)")
    assert card["start"]["model"] == "sam3" and len(HISTORY.read("history.parquet")) == 0
    assert "training learn skipped: weights not available (gated)" in Path("log.txt").read_text(encoding="utf-8")
    # A model with the weights of this training is skipped for the same reason.
    tuned = {"training": "learn"}
    more = {"trained_weights": "out.pt", "trained_card": "out.json"}
    assert fetch_weights(tuned, "copy.pt", skip_unavailable=True, **more)["why"].endswith("(gated)")
