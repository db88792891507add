"""The scripts of rules `match`, `estimate` and `compare`, run in turn on files with the names that the rules give."""

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
from samgap.tables.statistics import COMPARISONS, ESTIMATES, RANK_CORRELATIONS
from tests.helpers.comparing import declare_pair
from tests.helpers.scenes import random_shard

ROOT = Path(__file__).parents[2]
EXHAUSTIVE = {"set": True}


class Named(dict):
    """Named values as in Snakemake: access by attribute or key, iteration over the values."""

    __getattr__ = dict.__getitem__

    def __iter__(self):
        return iter(self.values())


def run(script, folder, inputs, output, params, **wildcards):
    job = SimpleNamespace(
        input=Named(inputs), output=Named(output), params=Named(params), wildcards=Named(wildcards),
        log=[str(folder / "log.txt")], rule=script, config={},
    )  # fmt: skip
    runpy.run_path(str(ROOT / "scripts" / f"{script}.py"), init_globals={"snakemake": job})
    return (folder / "log.txt").read_text(encoding="utf-8")


@pytest.fixture
def shard_files(tmp_path):
    predicted, prompts, truth, images = random_shard(2, n_images=6)
    annotations = [
        {"id": item.id, "image_id": item.image_id, "category_id": 1, "bbox": [0, 0, 30, 24], "area": item.area,
         "segmentation": {"size": [24, 30], "counts": rle.encode(item.decode_mask())["counts"].decode()}}
        for rows in truth.instances.values() for item in rows
    ]  # fmt: skip
    sizes = [{"id": key, **image} for key, image in truth.images.items()]
    coco = {"images": sizes, "annotations": annotations, "categories": [{"id": 1, "name": "apple"}]}
    files.write_json(tmp_path / "instances.json", {**coco, "info": {"nouns": ["apple"], "attributes": {}}})
    IMAGES.write(tmp_path / "images.parquet", images)
    PROMPTS.write(tmp_path / "prompts.parquet", prompts)
    return tmp_path, predicted, images


def run_matching(shard_files, model, skipped=None, **provenance):
    folder, predicted, images = shard_files
    pairs = []
    for shard in ("000", "001"):
        shard_masks = predicted[predicted["image_id"].isin(select_shard(images, shard, 2)["image_id"])]
        cell = folder / f"dataset=set/model={model}/prompts=concepts/shard={shard}"
        rows = MASKS.empty_frame() if skipped else shard_masks
        MASKS.write(cell / "masks.parquet", rows, {"skipped": skipped} if skipped else provenance)
        inputs = {name: folder / f"{name}.parquet" for name in ("images", "prompts")}
        inputs |= {"masks": cell / "masks.parquet", "truth": folder / "instances.json"}
        output = {name: cell / f"{name}.parquet" for name in ("overlaps", "instances", "pairs")}
        params = {"shards": 2, "score_threshold": 0.5, "labelled_distance": 0.1, "code": "abc"}
        log = run("matching/match", folder, inputs, output, params, shard=shard)
        assert ("skipped: no access" if skipped else "3 images") in log
        pairs.append(str(output["pairs"]))
    return pairs


def statistics_inputs(folder, pairs):
    """Return the inputs of both rules. The name of the images' folder is the data set."""
    images = folder / "set" / "images.parquet"
    IMAGES.write(images, IMAGES.read(folder / "images.parquet"))
    return {"pairs": pairs, "images": [images]}


def test_estimate_reads_shards_in_any_order(shard_files):
    folder = shard_files[0]
    paths = [*run_matching(shard_files, "sam3"), *run_matching(shard_files, "unavailable", "no access")]
    assert parquet.read_provenance(paths[0])["code"] == "abc" and len(parquet.read_provenance(paths[0])["inputs"]) == 4
    pairs = pd.concat([PAIRS.read(path) for path in paths])
    assert sorted(pairs["prompt_id"]) == sorted(PROMPTS.read(folder / "prompts.parquet")["prompt_id"])
    experiment = {
        "datasets": ["set"],
        "models": ["sam3", "unavailable"],
        "prompts": ["concepts"],
        "metrics": ["iou", "cgf1"],
    }
    params = {
        "experiments": {"one": experiment},
        "statistics": {"resamples": 50, "confidence": 0.95},
        "seed": 1,
        "exhaustive": EXHAUSTIVE,
    }
    instances = [path.replace("pairs", "instances") for path in paths]
    tables = []
    for name, step in (("one", 1), ("two", -1)):
        output = {"table": folder / f"{name}.parquet", "confusions": folder / f"{name}-confusions.parquet"}
        inputs = {**statistics_inputs(folder, paths[::step]), "instances": instances[::step]}
        run("statistics/estimate", folder, inputs, output, params)
        tables.append(ESTIMATES.read(output["table"]))
    pd.testing.assert_frame_equal(*tables)
    rows = tables[0].set_index(["model", "metric", "stratum"])
    assert rows.loc[("sam3", "cgf1", "all"), "ci_low"] <= rows.loc[("sam3", "cgf1", "all"), "value"]
    assert rows.loc[("unavailable", "iou", "all"), "note"] == "skipped: no access"
    area_strata = rows.xs("iou", level="metric").loc["sam3"].filter(like="area: ", axis=0)
    assert area_strata["n_instances"].sum() == rows.loc[("sam3", "iou", "all"), "n_instances"]


def test_absent_phrases_that_could_not_be_predicted_are_not_evaluable(shard_files):
    folder = shard_files[0]
    prompts = PROMPTS.read(folder / "prompts.parquet")
    is_absent = prompts["truth_ids"].map(lambda ids: ids is not None and not len(ids))
    absent, present = prompts[is_absent]["prompt_id"].iat[0], prompts[~is_absent]["prompt_id"].iat[0]
    for name, unpredicted, expected in (("sam3", [], True), ("nan", [absent, present], False)):
        paths = run_matching(shard_files, name, unpredicted=unpredicted)
        pairs = pd.concat(PAIRS.read(path) for path in paths).set_index("prompt_id")
        assert pairs.loc[absent, "evaluable"] == expected and pairs.loc[present, "evaluable"]


def test_compare_reads_shards(shard_files):
    folder = shard_files[0]
    paths = [
        *run_matching(shard_files, "sam3"),
        *run_matching(shard_files, "again"),
        *run_matching(shard_files, "unavailable", "no access"),
    ]
    pairs = [declare_pair("one", model, "sam3", ["iou"], prompts="concepts") for model in ("again", "unavailable")]
    params = {"pairs": pairs, "statistics": {"resamples": 50, "confidence": 0.95}, "seed": 1, "exhaustive": EXHAUSTIVE}
    run(
        "statistics/compare",
        folder,
        {**statistics_inputs(folder, paths), "instances": []},
        {"table": folder / "comparisons.parquet"},
        params,
    )
    rows = COMPARISONS.read(folder / "comparisons.parquet").set_index("model")
    assert rows.loc["again", "difference"] == 0 and rows.loc["again", "p_value"] == 1
    assert rows.loc["unavailable", "note"] == "skipped: no access (unavailable, concepts)"
    no_pairs = {**params, "pairs": []}
    run(
        "statistics/compare",
        folder,
        {"pairs": [], "instances": [], "images": []},
        {"table": folder / "none.parquet"},
        no_pairs,
    )
    assert COMPARISONS.read(folder / "none.parquet").empty


def test_correlate_reads_shards(shard_files):
    folder = shard_files[0]
    paths = [path for model in ("sam3", "again") for path in run_matching(shard_files, model)]
    models = {"model": "sam3", "other_model": "again"}
    row = {"correlation": "x", "dataset": "set", **models, "metric": "iou", "prompts": ["concepts"]}
    params = {"statistics": {"resamples": 50, "confidence": 0.95}, "seed": 1, "exhaustive": EXHAUSTIVE}
    inputs, output = statistics_inputs(folder, paths), {"table": folder / "rank_correlations.parquet"}
    run("statistics/correlate", folder, inputs, output, {**params, "correlations": [row]})
    (found,) = RANK_CORRELATIONS.read(output["table"]).to_dict("records")
    assert list(found["prompts"]) == ["concepts"]
    assert found["note"] == "not evaluable: 1 prompt set has a value of both models (at least 4)"


def test_unknown_image_is_a_one_line_error(shard_files, capfd):
    folder = shard_files[0]
    inputs = {**statistics_inputs(folder, run_matching(shard_files, "sam3")), "instances": []}
    fewer = IMAGES.read(folder / "images.parquet").iloc[:4]
    IMAGES.write(folder / "set" / "images.parquet", fewer)
    experiment = {"datasets": ["set"], "models": ["sam3"], "prompts": ["concepts"], "metrics": ["f1-50"]}
    params = {
        "experiments": {"one": experiment},
        "statistics": {"resamples": 50, "confidence": 0.95},
        "seed": 1,
        "exhaustive": EXHAUSTIVE,
    }
    with pytest.raises(SystemExit):
        run("statistics/estimate", folder, inputs, {"table": folder / "comparisons.parquet"}, params)
    error = capfd.readouterr().err.strip()
    assert error.startswith("error: pairs.parquet: image") and "\n" not in error


def test_invalid_masks_are_a_one_line_error_and_write_no_table(shard_files, capfd):
    folder, predicted, images = shard_files
    predicted["score"] = 2.0
    with pytest.raises(SystemExit) as stop:
        run_matching((folder, predicted, images), "sam3")
    assert stop.value.code == 1
    error = capfd.readouterr().err.strip()
    assert error.startswith("error: masks.parquet: prediction 0 of prompt") and "\n" not in error
    assert not list(folder.glob("**/pairs.parquet"))
