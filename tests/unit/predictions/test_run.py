"""The prediction of a shard with a family: its image model, or its tracker for tracks."""

import json
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from PIL import Image

from samgap.io import packages
from samgap.models import shape
from samgap.models.runtime.assumptions import log_assumptions
from samgap.predictions.checks import ModelLabel
from samgap.predictions.chunks import ChunkStore
from samgap.predictions.run import make_fingerprint, run_predictions
from samgap.tables.predictions import MASKS

BOX = {"x0": 5, "y0": 5, "x1": 15, "y1": 25, "label": 1}
OPTIONS = {"family": "shape", "shape": "box"}


@pytest.fixture
def images(tmp_path):
    """Table `images` of a sequence of two frames."""
    for frame in range(2):
        Image.new("RGB", (40, 30)).save(tmp_path / f"{frame}.png")
    rows = [{"image_id": n, "file": f"{n}.png", "sequence": "s", "frame": n} for n in range(2)]
    return pd.DataFrame(rows).assign(width=40, height=30, group="g")


def run(family, images, folder, kind):
    """Return table `masks` of prompts of a kind, the second of which has no input of its own if they are a track."""
    boxes = [[BOX], None if kind == "track" else [BOX]]
    prompts = pd.DataFrame({"prompt_id": ["0-1", "1-1"], "image_id": [0, 1], "boxes": boxes, "points": None})
    prompts = prompts.assign(kind=kind, track=1, mask=None)
    chunks = ChunkStore(folder / "chunks", {})
    weights, label = Path("weights.pt"), ModelLabel("the-shape")
    inputs = {"images": images, "image_folder": folder, "prompts": prompts}
    inputs |= {"device": "cpu", "chunks": chunks, "label": label}
    assert run_predictions(family, OPTIONS, weights, **inputs) == {}
    chunks.write_tables(folder / "masks.parquet", folder / "timing.parquet", {})
    return MASKS.read(folder / "masks.parquet")


def record_opened(opened):
    """Return the family `shape`, which records what it opens."""

    def record(name):
        def open_part(options, weights, device):
            opened.append((name, options, weights, device))
            return getattr(shape, name)(options, weights, device)

        return open_part

    return SimpleNamespace(**{name: record(name) for name in ("open_model", "open_tracker")})


@pytest.mark.parametrize(("kind", "opened_part"), [("box", "open_model"), ("track", "open_tracker")])
def test_tracks_are_predicted_by_the_tracker_and_others_by_the_image_model(images, tmp_path, kind, opened_part):
    opened = []
    masks = run(record_opened(opened), images, tmp_path, kind)
    assert opened == [(opened_part, OPTIONS, Path("weights.pt"), "cpu")]
    assert masks[["prompt_id", "image_id", "area_px"]].to_numpy().tolist() == [["0-1", 0, 200], ["1-1", 1, 200]]


def test_what_was_assumed_about_weights_is_returned(images, tmp_path):
    def open_model(options, weights, device):
        log_assumptions(str(weights), ["the prefix `module.` was removed"])
        return shape.open_model(options, weights, device)

    prompts = pd.DataFrame([{"prompt_id": "0-1", "image_id": 0, "boxes": [BOX], "kind": "box"}])
    provenance = run_predictions(
        SimpleNamespace(open_model=open_model),
        OPTIONS,
        Path("w.pt"),
        images=images,
        image_folder=tmp_path,
        prompts=prompts,
        device="cpu",
        chunks=ChunkStore(tmp_path / "chunks", {}),
        label=ModelLabel("own"),
    )
    assert provenance == {"weights_assumptions": ["w.pt: the prefix `module.` was removed"]}


def test_the_fingerprint_of_a_shard_changes_with_everything_that_its_predictions_depend_on(monkeypatch):
    provenance = {"code": "a", "inputs": {"weights.pt": "b"}, "device": "cpu"}
    arguments = {"provenance": provenance, "shard": "001", "n_shards": 2, "states": {"words": "2 files, c"}}
    fingerprint = make_fingerprint(**arguments)
    assert make_fingerprint(**arguments) == fingerprint and json.loads(json.dumps(fingerprint)) == fingerprint
    changes = {
        "provenance": {**provenance, "inputs": {"weights.pt": "d"}},
        "shard": "000",
        "n_shards": 3,
        "states": {"words": "2 files, d"},
    }
    for name, value in changes.items():
        assert make_fingerprint(**{**arguments, name: value}) != fingerprint, name
    monkeypatch.setattr(packages.metadata, "version", lambda name: "0")
    assert make_fingerprint(**arguments) != fingerprint
