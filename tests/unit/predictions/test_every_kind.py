"""Every kind of prompts, made from a drawn data set, asked of SAM2 and of SAM3, into tables that can be measured."""

import importlib
from pathlib import Path

import pytest
import torch
import yaml
from pycocotools import mask as coco_mask

from samgap.annotations import ground_truth as labels
from samgap.config import capabilities, plugins
from samgap.datasets import orchard_sim
from samgap.datasets import write as data
from samgap.matching.shard import match_shard
from samgap.models import grounded, sam2, sam3
from samgap.models.sam2.image import build_model as build_sam2
from samgap.models.sam3 import build
from samgap.predictions.chunks import ChunkStore
from samgap.predictions.shard import predict_shard
from samgap.predictions.tracks import predict_tracks
from samgap.prompts import write
from samgap.prompts.seed import Seed
from samgap.tables.images import IMAGES
from samgap.tables.predictions import MASKS, TIMING
from samgap.tables.prompts import PROMPTS

ROOT = Path(__file__).parents[3]
SCENES = {"scenes": 1, "size": 96, "seed": 4, "frames": 2}
APPLES = [{"phrase": "apple", "noun": "apple"}, {"phrase": "sky", "other": True}]
KINDS = {
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
        **yaml.safe_load((ROOT / "config/demo/sam2-demo.overrides.yaml").read_text()),
        "model.image_size": 128,
    },
}
SIZE = {**yaml.safe_load((ROOT / "config/demo/sam3-demo.architecture.yaml").read_text()), "depth": 2, "size": 112}
SAM3 = {"family": "sam3", "architecture": SIZE, "interactive": True}
MODELS = {"sam2": SAM2, "sam3": SAM3, "both": {"family": "grounded", "detector": "sam3", "segmenter": "sam2"}}


def _kinds(name):
    return [kind for kind in KINDS if kind in capabilities.accepted_kinds({"models": MODELS}, name, ROOT, kind)[0]]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    paths = [folder / name for name in ("images", "instances.json", "images.parquet")]
    data.write_dataset(
        orchard_sim.iter_images(SCENES, {}, 0), orchard_sim.describe_labels(SCENES), *paths, dataset="orchard"
    )
    return paths[0], labels.read_ground_truth(paths[1]), IMAGES.read(paths[2])


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
        "both": grounded.open_model({"parts": parts}, files, "cpu"),
    }


def test_every_kind_there_is_has_its_options_here_and_is_asked_of_both():
    assert set(plugins.list_plugins(ROOT, "prompts")) == set(KINDS)
    # SAM2 is asked in words through a detector.
    assert set(_kinds("sam2")) | set(_kinds("both")) == set(_kinds("sam3")) == set(KINDS)


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name in MODELS for kind in _kinds(name)])
def test_it_is_answered_and_can_be_measured(world, models, weights, name, kind, tmp_path):
    folder, truth, images = world
    module = importlib.import_module(f"samgap.prompts.{kind.replace('-', '_')}")
    made = write.write_prompts(
        tmp_path / "prompts.parquet", module.generate_prompts(truth, KINDS[kind], Seed(1, "orchard")), truth, {}
    )
    prompts = PROMPTS.read(tmp_path / "prompts.parquet")
    assert made == len(prompts) > 0
    chunks = ChunkStore(tmp_path / "aside", {})
    if kind == "track":
        family, options = (sam2, SAM2) if name == "sam2" else (sam3, SAM3)
        predict_tracks(family.open_tracker(options, weights[name], "cpu"), images, folder, prompts, "cpu", chunks)
    else:
        predict_shard(models[name], images, folder, prompts, "cpu", chunks, truth)
    notes = chunks.write_tables(tmp_path / "masks.parquet", tmp_path / "timing.parquet", {})
    masks = MASKS.read(tmp_path / "masks.parquet")
    assert notes == []
    assert TIMING.read(tmp_path / "timing.parquet")["n_prompts"].sum() == made
    assert set(masks["prompt_id"]) <= set(prompts["prompt_id"]) and masks["score"].between(0, 1).all()
    for row in masks.head(50).to_dict("records"):
        rle = {"size": [row["height"], row["width"]], "counts": row["rle"]}
        assert rle["size"] == [96, 96] and coco_mask.area(rle) == row["area_px"]
    if kind == "clicks":
        assert masks.groupby("prompt_id")["clicks"].max().between(1, 3).all() and masks["clicks"].max() == 3
        masks = masks[masks["clicks"] == 1]
    _, _, pairs = match_shard(masks, prompts, truth, images, 0.5)
    assert set(pairs["prompt_id"]) <= set(prompts["prompt_id"]) and len(pairs)
