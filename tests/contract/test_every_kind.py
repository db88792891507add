"""Every kind of prompts, made from a synthetic data set, predicted by SAM2 and SAM3, and matched."""

import importlib
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from PIL import Image
from pycocotools import mask as coco_mask

from samgap.annotations.ground_truth import read_ground_truth
from samgap.config import capabilities, plugins
from samgap.datasets import orchard_sim
from samgap.datasets.write import write_dataset
from samgap.matching.shard import match_shard
from samgap.models import grounded, sam2, sam3
from samgap.models.sam2.image import build_model as build_sam2
from samgap.models.sam3 import build
from samgap.predictions.chunks import ChunkStore
from samgap.predictions.model_rows import MODEL_COLUMNS
from samgap.predictions.shard import predict_shard
from samgap.predictions.tracks import predict_tracks
from samgap.prompts import kinds, write
from samgap.prompts.seed import Seed
from samgap.tables import parquet
from samgap.tables.images import IMAGES
from samgap.tables.predictions import MASKS, TIMING
from samgap.tables.prompts import PROMPTS
from tests.helpers.prompt_kinds import SCRIBBLE, add_prompt_kind, copy_plugins

ROOT = Path(__file__).parents[2]
SCENES = {"scenes": 1, "size": 96, "seed": 4, "frames": 2}
APPLES = [{"phrase": "apple", "noun": "apple"}, {"phrase": "sky", "other": True}]
KIND_OPTIONS = {
    "box": {"jitter": 0.1},
    "point": {"points": 3, "place": "random", "negatives": 1},
    "point-box": {"place": "boundary"},
    "mask": {"coarse": "eroded", "points": 1},
    "clicks": {"clicks": 3},
    "grid": {"side": 4},
    "track": {"show": "point-box"},
    "phrases": {"phrases": APPLES},
    "templates": {"templates": ["{size} {base}"], "words": {"size": {"large": {}}, "base": {"apple": APPLES[0]}}},
    "perturbations": {"phrases": APPLES[:1], "contexts": ["{phrase} on a tree"]},
    "exemplar": {"phrases": APPLES[:1], "positives": 2},
}
SAM2 = {
    "family": "sam2",
    "config": "configs/sam2.1/sam2.1_hiera_t.yaml",
    "overrides": {
        **yaml.safe_load((ROOT / "config/demo/sam2-demo.overrides.yaml").read_text(encoding="utf-8")),
        "model.image_size": 128,
    },
}
SIZE = {
    **yaml.safe_load((ROOT / "config/demo/sam3-demo.architecture.yaml").read_text(encoding="utf-8")),
    "depth": 2,
    "size": 112,
}
SAM3 = {"family": "sam3", "architecture": SIZE, "interactive": True}
MODELS = {"sam2": SAM2, "sam3": SAM3, "grounded": {"family": "grounded", "detector": "sam3", "segmenter": "sam2"}}


def list_accepted_kinds(model):
    return [
        kind
        for kind in KIND_OPTIONS
        if kind in capabilities.list_accepted_kinds({"models": MODELS}, model, ROOT, kind)[0]
    ]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """The folder of the images, the ground truth and table `images`."""
    folder = tmp_path_factory.mktemp("scenes")
    paths = [folder / name for name in ("images", "instances.json", "images.parquet")]
    scenes, labels = orchard_sim.iter_images(SCENES, {}, 0), orchard_sim.describe_labels(SCENES)
    write_dataset(scenes, labels, *paths, dataset="orchard")
    return paths[0], read_ground_truth(paths[1]), IMAGES.read(paths[2])


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    torch.save({"model": build_sam2(SAM2, "cpu").state_dict()}, folder / "sam2.pt")
    torch.save({"model": build.build_small(SIZE, interactive=True).state_dict()}, folder / "sam3.pt")
    return {name: folder / f"{name}.pt" for name in ("sam2", "sam3")}


@pytest.fixture(scope="module")
def models(weights):
    parts = {"detector": SAM3, "segmenter": SAM2}
    files = {"detector": weights["sam3"], "segmenter": weights["sam2"]}
    return {
        "sam2": sam2.open_model(SAM2, weights["sam2"], "cpu"),
        "sam3": sam3.open_model(SAM3, weights["sam3"], "cpu"),
        "grounded": grounded.open_model({"parts": parts}, files, "cpu"),
    }


def test_every_kind_is_tested_here_with_both_models():
    assert set(plugins.list_plugins(ROOT, "prompts")) == set(KIND_OPTIONS)
    # SAM2 takes phrases through a detector.
    assert set(list_accepted_kinds("sam2")) | set(list_accepted_kinds("grounded")) == set(KIND_OPTIONS)
    assert set(list_accepted_kinds("sam3")) == set(KIND_OPTIONS)


def record(function, note):
    """Return the function that also passes its arguments to `note`."""

    def call(*arguments):
        note(*arguments)
        return function(*arguments)

    return call


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name in MODELS for kind in list_accepted_kinds(name)])
def test_a_kind_is_predicted_and_matched(dataset, models, weights, name, kind, tmp_path, monkeypatch):
    folder, truth, images = dataset
    module = importlib.import_module(f"samgap.prompts.{kind.replace('-', '_')}")
    rows = module.generate_prompts(truth, KIND_OPTIONS[kind], Seed(1, "orchard"))
    n_prompts = write.write_prompts(tmp_path / "prompts.parquet", rows, truth, {})
    prompts = PROMPTS.read(tmp_path / "prompts.parquet")
    assert n_prompts == len(prompts) > 0
    chunks = ChunkStore(tmp_path / "chunks", {})
    given: list[dict] = []
    if kind == "track":
        family, options = (sam2, SAM2) if name == "sam2" else (sam3, SAM3)
        tracker = family.open_tracker(options, weights[name], "cpu")
        monkeypatch.setattr(tracker, "track", record(tracker.track, lambda _, rows: given.extend(r for _, r in rows)))
        predict_tracks(tracker, images, folder, prompts, "cpu", chunks)
    else:
        monkeypatch.setattr(models[name], "predict", record(models[name].predict, given.extend))
        predict_shard(models[name], images, folder, prompts, "cpu", chunks, truth)
    # No family gets a row with the ground truth; of clicks, only the protocol outside of the model sees it.
    assert all(set(row) == set(MODEL_COLUMNS) for row in given) and bool(given) == (kind != "clicks")
    warnings = chunks.write_tables(tmp_path / "masks.parquet", tmp_path / "timing.parquet", {})
    masks = MASKS.read(tmp_path / "masks.parquet")
    assert warnings == []
    assert TIMING.read(tmp_path / "timing.parquet")["n_prompts"].sum() == n_prompts
    assert set(masks["prompt_id"]) <= set(prompts["prompt_id"]) and masks["score"].between(0, 1).all()
    for row in masks.head(50).to_dict("records"):
        rle = {"size": [row["height"], row["width"]], "counts": row["rle"]}
        assert rle["size"] == [96, 96] and coco_mask.area(rle) == row["area_px"]
    if kind == "clicks":
        assert masks.groupby("prompt_id")["clicks"].max().between(1, 3).all() and masks["clicks"].max() == 3
        masks = masks[masks["clicks"] == 1]
    _, _, pairs = match_shard(masks, prompts, truth, images, 0.5)
    assert set(pairs["prompt_id"]) <= set(prompts["prompt_id"]) and len(pairs)


def test_sam3_predicts_a_new_spatial_kind_with_its_interactive_head(models, tmp_path, monkeypatch):
    root = copy_plugins(tmp_path)
    add_prompt_kind(root, "scribble", SCRIBBLE)
    monkeypatch.setattr(kinds, "ROOT", root)
    model = models["sam3"]
    model.set_image(Image.new("RGB", (96, 96), (200, 60, 40)))
    columns = {"points": [{"x": 20.5, "y": 30.5, "label": 1}], "boxes": None, "mask": None, "phrase": None}
    scribble, point, text = (
        [
            (prediction.score, prediction.area, prediction.rle)
            for prediction in model.predict([{"kind": kind, **columns}])[0]
        ]
        for kind in ("scribble", "point", "phrase")
    )
    assert scribble == point != text


def test_a_warning_of_the_model_is_in_the_provenance(dataset, models, tmp_path):
    folder, _, images = dataset
    phrase = "a very long phrase " * 20
    prompts = pd.DataFrame(
        [{"prompt_id": "1-1", "image_id": images["image_id"].iat[0], "kind": "phrase", "phrase": phrase}]
    ).assign(points=None, boxes=None, mask=None)
    chunks = ChunkStore(tmp_path / "chunks", {})
    predict_shard(models["sam3"], images, folder, prompts, "cpu", chunks)
    (warning,) = chunks.write_tables(tmp_path / "masks.parquet", tmp_path / "timing.parquet", {})
    assert "tokens" in warning and parquet.read_provenance(tmp_path / "masks.parquet")["notes"] == [warning]
