"""The data sets that the configurations name: which photographs they are, and that the demo needs none of them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from samgap.config.cells import list_cells
from samgap.datasets import coco, minneapple
from tests.helpers.archives import VIDEO_NAMES, find_real_data

ROOT = Path(__file__).parents[3]
TILES = {"applebbch81-train": 352, "applebbch81-val": 83, "applebbch76-train": 73, "applebbch76-val": 27}
BOXES = {"applebbch81-train": 3035, "applebbch81-val": 661, "applebbch76-train": 1320, "applebbch76-val": 523}


def datasets(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())["datasets"]


def listed(options: dict[str, Any]) -> list[str]:
    lines = (ROOT / options["files"]).read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def photographs(options: dict[str, Any]) -> set[str]:
    return {re.search(options["groups"], name)[1] for name in listed(options)}


def test_each_tile_is_in_one_list_with_all_of_its_photograph() -> None:
    demo = datasets("demo-models")
    assert {name: len(listed(demo[name])) for name in TILES} == TILES
    names = [name for dataset in TILES for name in listed(demo[dataset])]
    assert len(set(names)) == 535
    sources = [source for dataset in TILES for source in photographs(demo[dataset])]
    assert len(sources) == len(set(sources)) == 35 + 7 + 5 + 2


def test_no_photograph_kept_for_evaluation_is_listed() -> None:
    kept = {path.stem.split("_", 1)[1].rpartition("_")[0] for path in (find_real_data() / "images").glob("*.png")}
    assert len(kept) > 20
    assert not kept & {source for dataset in TILES for source in photographs(datasets("demo-models")[dataset])}


@pytest.mark.parametrize("dataset", TILES)
def test_the_tiles_are_read_as_published(dataset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = find_real_data().parent / dataset.rpartition("-")[0]
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    monkeypatch.chdir(ROOT)
    options = datasets("demo-models")[dataset]
    found = list(coco.iter_images(options, {"data": folder}, 0))
    assert len(found) == TILES[dataset]
    labels = [label for picture in found for label in picture.annotations]
    assert len(labels) == BOXES[dataset]
    assert all(label.mask is None and not label.ignore for label in labels)
    # A growth stage is not what each apple is: some of stage 76 are red already.
    assert not any(label.attributes for label in labels)
    assert {picture.group for picture in found} == photographs(options)


def test_no_part_of_the_demo_needs_a_download() -> None:
    demo = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text())
    used = {dataset for dataset, _, _ in list_cells(demo)}
    assert used
    assert {demo["datasets"][name]["kind"] for name in used} == {"orchard-sim"}


def test_minneapple_is_split_by_video() -> None:
    paper = datasets("config")
    train, val = paper["minneapple-train"], paper["minneapple-val"]
    assert set(train["without-videos"]) == set(val["videos"]) == {"20150921_131234", "20150921_131729"}
    assert train["part"] == val["part"] == "train"
    assert paper["minneapple-test"]["part"] == "test"
    assert set(paper["minneapple-test"]["archives"]) == {"images", "truth"}
    names = [f"{video}_image{number}.png" for video in (*val["videos"], *VIDEO_NAMES) for number in (1, 20)]
    taken = [minneapple._select_images(Path("a"), names, options) for options in (train, val)]
    assert not taken[0] & taken[1]
    assert taken[0] | taken[1] == set(names)
