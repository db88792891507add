"""The data sets of the configurations: their splits, and that the demo needs no download."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from samgap.config.catalogs import merge_catalogs
from samgap.config.cells import list_cells
from samgap.config.validate import validate_config
from samgap.datasets import coco, minneapple
from tests.helpers.archives import VIDEO_NAMES, find_real_data

ROOT = Path(__file__).parents[2]
TILES = {"applebbch81-train": 352, "applebbch81-val": 83, "applebbch76-train": 73, "applebbch76-val": 27}
BOXES = {"applebbch81-train": 3035, "applebbch81-val": 661, "applebbch76-train": 1320, "applebbch76-val": 523}


def read_datasets(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text(encoding="utf-8"))["datasets"]


def read_list(options: dict[str, Any]) -> list[str]:
    lines = (ROOT / options["files"]).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def list_photographs(options: dict[str, Any]) -> set[str]:
    return {re.search(options["groups"], name)[1] for name in read_list(options)}


def test_splits_share_no_tile_and_no_photograph() -> None:
    demo = read_datasets("demo-models")
    assert {name: len(read_list(demo[name])) for name in TILES} == TILES
    names = [name for dataset in TILES for name in read_list(demo[dataset])]
    assert len(set(names)) == 535
    photographs = [source for dataset in TILES for source in list_photographs(demo[dataset])]
    assert len(photographs) == len(set(photographs)) == 35 + 7 + 5 + 2


def test_training_lists_have_no_photograph_of_the_evaluation() -> None:
    evaluated = {path.stem.split("_", 1)[1].rpartition("_")[0] for path in (find_real_data() / "images").glob("*.png")}
    assert len(evaluated) > 20
    assert not evaluated & {
        source for dataset in TILES for source in list_photographs(read_datasets("demo-models")[dataset])
    }


@pytest.mark.parametrize("dataset", TILES)
def test_tiles_are_read_as_published(dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = find_real_data().parent / dataset.rpartition("-")[0]
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    monkeypatch.chdir(ROOT)
    options = read_datasets("demo-models")[dataset]
    images = list(coco.iter_images(options, {"data": folder}, 0))
    assert len(images) == TILES[dataset]
    annotations = [annotation for image in images for annotation in image.annotations]
    assert len(annotations) == BOXES[dataset]
    assert all(annotation.mask is None and not annotation.ignore for annotation in annotations)
    # The growth stage of a data set is not an attribute of each apple: at stage 76 some are already red.
    assert not any(annotation.attributes for annotation in annotations)
    assert {image.group for image in images} == list_photographs(options)


def test_demo_needs_no_download() -> None:
    demo = merge_catalogs(yaml.safe_load((ROOT / "config" / "demo.yaml").read_text(encoding="utf-8")), ROOT)
    used = {dataset for dataset, _, _ in list_cells(demo)}
    assert used
    rendered = {name for name, entry in demo["datasets"].items() if entry["kind"] == "orchard-sim"}
    assert {demo["datasets"][name].get("source", name) for name in used} <= rendered


def test_minneapple_is_split_by_video() -> None:
    paper = read_datasets("config")
    train, val = paper["minneapple-train"], paper["minneapple-val"]
    assert set(train["without-videos"]) == set(val["videos"]) == {"20150921_131234", "20150921_131729"}
    assert train["part"] == val["part"] == "train"
    assert paper["minneapple-test"]["part"] == "test"
    assert set(paper["minneapple-test"]["archives"]) == {"images", "truth"}
    names = [f"{video}_image{number}.png" for video in (*val["videos"], *VIDEO_NAMES) for number in (1, 20)]
    selected = [minneapple._select_images(Path("a"), names, options) for options in (train, val)]
    assert not selected[0] & selected[1]
    assert selected[0] | selected[1] == set(names)


@pytest.mark.parametrize("name", ["config", "demo", "demo-models"])
def test_labels_of_minneapple_alone_are_not_exhaustive(name: str) -> None:
    config = validate_config(yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text(encoding="utf-8")), ROOT)
    exhaustive = {key: entry.get("exhaustive", True) for key, entry in config["datasets"].items()}
    # A data set of transformed images has the labels of its source.
    source_kinds = {
        key: config["datasets"][entry.get("source", key)]["kind"] for key, entry in config["datasets"].items()
    }
    assert exhaustive == {key: kind != "minneapple" for key, kind in source_kinds.items()}
    assert all(exhaustive.values()) == (name != "config")


def test_the_kind_minneapple_is_not_exhaustive_unless_the_configuration_says_so() -> None:
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    default, exhaustive = (config["datasets"][key] for key in ("minneapple-val", "minneapple-train"))
    del default["exhaustive"]
    exhaustive["exhaustive"] = True
    datasets = validate_config(config, ROOT)["datasets"]
    assert [datasets[key]["exhaustive"] for key in ("minneapple-val", "minneapple-train")] == [False, True]


@pytest.mark.parametrize(
    ("name", "experiments", "near_labels"),
    [("config", ["concept-prompts", "grounded"], True), ("demo", ["concept-prompts"], False)],
)
def test_experiments_of_phrases_have_metrics_that_need_no_exhaustive_labels(
    name: str, experiments: list[str], near_labels: bool
) -> None:
    config = yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text(encoding="utf-8"))
    for experiment in experiments:
        metrics = set(config["experiments"][experiment]["metrics"])
        assert {"recall", "answered-iou"} <= metrics
        assert ({"precision-near-labels", "f1-50-near-labels"} <= metrics) == near_labels
