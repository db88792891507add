"""The scripts of rules `measure` and `estimate`, one after the other, on files as the rules name them."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from samgap.io import files
from samgap.jobs.shards import select_shard
from samgap.masks import rle
from samgap.tables import parquet
from samgap.tables.images import IMAGES
from samgap.tables.matching import PAIRS
from samgap.tables.predictions import MASKS
from samgap.tables.prompts import PROMPTS
from samgap.tables.statistics import COMPARISONS, ESTIMATES
from tests.helpers.scenes import random_shard

ROOT = Path(__file__).parents[3]


class Named(dict):
    """Like Snakemake's: by attribute, by key, and its values in a row."""

    __getattr__ = dict.__getitem__

    def __iter__(self):
        return iter(self.values())


def run(script, folder, inputs, output, params, **wildcards):
    job = SimpleNamespace(
        input=Named(inputs), output=Named(output), params=Named(params), wildcards=Named(wildcards),
        log=[str(folder / "log.txt")], rule=script,
    )  # fmt: skip
    runpy.run_path(str(ROOT / "scripts" / f"{script}.py"), init_globals={"snakemake": job})
    return (folder / "log.txt").read_text()


@pytest.fixture
def world(tmp_path):
    predicted, prompts, truth, images = random_shard(2, n_images=6)
    annotations = [
        {"id": item.id, "image_id": item.image_id, "category_id": 1, "bbox": [0, 0, 30, 24], "area": item.area,
         "segmentation": {"size": [24, 30], "counts": rle.encode(item.decode_mask())["counts"].decode()}}
        for rows in truth.instances.values() for item in rows
    ]  # fmt: skip
    known = [{"id": key, **image} for key, image in truth.images.items()]
    coco = {"images": known, "annotations": annotations, "categories": [{"id": 1, "name": "apple"}]}
    files.write_json(tmp_path / "instances.json", {**coco, "info": {"nouns": ["apple"], "attributes": {}}})
    IMAGES.write(tmp_path / "images.parquet", images)
    PROMPTS.write(tmp_path / "prompts.parquet", prompts)
    return tmp_path, predicted, images


def measured(world, model, skipped=None):
    folder, predicted, images = world
    pairs = []
    for shard in ("000", "001"):
        mine = predicted[predicted["image_id"].isin(select_shard(images, shard, 2)["image_id"])]
        cell = folder / f"dataset=set/model={model}/prompts=concepts/shard={shard}"
        rows = MASKS.empty_frame() if skipped else mine
        MASKS.write(cell / "masks.parquet", rows, {"skipped": skipped} if skipped else {})
        inputs = {name: folder / f"{name}.parquet" for name in ("images", "prompts")}
        inputs |= {"masks": cell / "masks.parquet", "truth": folder / "instances.json"}
        output = {name: cell / f"{name}.parquet" for name in ("overlaps", "instances", "pairs")}
        params = {"shards": 2, "score_threshold": 0.5, "code": "abc"}
        log = run("matching/match", folder, inputs, output, params, shard=shard)
        assert ("skipped: no access" if skipped else "3 images") in log
        pairs.append(str(output["pairs"]))
    return pairs


def inputs(folder, pairs):
    """What the rules name beside the pairs; the data set's folder bears its name."""
    images = folder / "set" / "images.parquet"
    IMAGES.write(images, IMAGES.read(folder / "images.parquet"))
    return {"pairs": pairs, "images": [images]}


def test_shards_in_estimates_out(world):
    folder = world[0]
    paths = [*measured(world, "sam3"), *measured(world, "away", "no access")]
    assert parquet.read_provenance(paths[0])["code"] == "abc" and len(parquet.read_provenance(paths[0])["inputs"]) == 4
    here = pd.concat([PAIRS.read(path) for path in paths])
    assert sorted(here["prompt_id"]) == sorted(PROMPTS.read(folder / "prompts.parquet")["prompt_id"])
    experiment = {"datasets": ["set"], "models": ["sam3", "away"], "prompts": ["concepts"], "metrics": ["iou", "cgf1"]}
    params = {"experiments": {"one": experiment}, "statistics": {"resamples": 50, "confidence": 0.95}, "seed": 1}
    instances = [path.replace("pairs", "instances") for path in paths]
    made = []
    for name, step in (("one", 1), ("two", -1)):
        output = {"table": folder / f"{name}.parquet", "confusions": folder / f"{name}-confusions.parquet"}
        # Inputs come as a list, whose order must not matter.
        given = {**inputs(folder, paths[::step]), "instances": instances[::step]}
        run("statistics/estimate", folder, given, output, params)
        made.append(ESTIMATES.read(output["table"]))
    pd.testing.assert_frame_equal(*made)
    rows = made[0].set_index(["model", "metric", "stratum"])
    assert rows.loc[("sam3", "cgf1", "all"), "ci_low"] <= rows.loc[("sam3", "cgf1", "all"), "value"]
    assert rows.loc[("away", "iou", "all"), "note"] == "skipped: no access"
    sizes = rows.xs("iou", level="metric").loc["sam3"].filter(like="area: ", axis=0)
    assert sizes["n_instances"].sum() == rows.loc[("sam3", "iou", "all"), "n_instances"]


def test_shards_in_comparisons_out(world):
    folder = world[0]
    paths = [*measured(world, "sam3"), *measured(world, "again"), *measured(world, "away", "no access")]
    cell = {"comparison": "one", "dataset": "set", "prompts": "concepts", "baseline_prompts": "concepts"}
    pairs = [{**cell, "model": model, "baseline_model": "sam3", "metrics": ["iou"]} for model in ("again", "away")]
    params = {"pairs": pairs, "statistics": {"resamples": 50, "confidence": 0.95}, "seed": 1}
    run("statistics/compare", folder, inputs(folder, paths), {"table": folder / "made.parquet"}, params)
    rows = COMPARISONS.read(folder / "made.parquet").set_index("model")
    assert rows.loc["again", "difference"] == 0 and rows.loc["again", "p_value"] == 1
    assert rows.loc["away", "note"] == "skipped: no access (away, concepts)"
    nothing = {**params, "pairs": []}
    run("statistics/compare", folder, {"pairs": [], "images": []}, {"table": folder / "none.parquet"}, nothing)
    assert COMPARISONS.read(folder / "none.parquet").empty


def test_an_image_that_the_data_set_lacks_is_one_line(world, capfd):
    folder = world[0]
    given = {**inputs(folder, measured(world, "sam3")), "instances": []}
    fewer = IMAGES.read(folder / "images.parquet").iloc[:4]
    IMAGES.write(folder / "set" / "images.parquet", fewer)
    experiment = {"datasets": ["set"], "models": ["sam3"], "prompts": ["concepts"], "metrics": ["f1-50"]}
    params = {"experiments": {"one": experiment}, "statistics": {"resamples": 50, "confidence": 0.95}, "seed": 1}
    with pytest.raises(SystemExit):
        run("statistics/estimate", folder, given, {"table": folder / "made.parquet"}, params)
    error = capfd.readouterr().err.strip()
    assert error.startswith("error: pairs.parquet: image") and "\n" not in error


def test_bad_input_is_one_line_and_no_table(world, capfd):
    folder, predicted, images = world
    predicted["score"] = 2.0
    with pytest.raises(SystemExit) as stop:
        measured((folder, predicted, images), "sam3")
    assert stop.value.code == 1
    error = capfd.readouterr().err.strip()
    assert error.startswith("error: masks.parquet: prediction 0 of prompt") and "\n" not in error
    assert not list(folder.glob("**/pairs.parquet"))
