"""The entries of docs/how-to/your-own-data.md, on data in the layouts that the page shows."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from snakemake.utils import update_config

from samgap.annotations import ground_truth
from samgap.config.cells import list_referenced_ids
from samgap.config.validate import validate_config
from samgap.datasets import coco, minneapple_layout, write
from samgap.errors import UserError
from samgap.tables.images import IMAGES
from tests.helpers.archives import ORCHARD_IMAGE_NAMES, make_id_map

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "your-own-data.md").read_text(encoding="utf-8")
ENTRIES = [
    entry
    for block in re.findall(r"^ *```yaml\n(.*?)^ *```$", PAGE, re.M | re.S)
    if "run" in (entry := yaml.safe_load(block))
]
KINDS = {"coco": coco, "minneapple-layout": minneapple_layout}


def make_config(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration of a run on own data, updated with an entry of the page as by Snakemake."""
    config = yaml.safe_load((ROOT / "config" / "own-data.yaml").read_text(encoding="utf-8"))
    update_config(config, entry)
    return validate_config(config, ROOT)


def test_page_has_an_entry_for_each_layout() -> None:
    assert [entry["datasets"]["my-orchard"]["kind"] for entry in ENTRIES] == list(KINDS)


@pytest.mark.parametrize("entry", ENTRIES, ids=KINDS)
@pytest.mark.usefixtures("orchard_folder")
def test_entry_of_the_page_uses_only_its_own_data_set(entry: dict[str, Any]) -> None:
    config = make_config(entry)
    assert config["run"] == "my-orchard"
    figure_datasets = {figure["dataset"] for figure in config["figures"].values() if "dataset" in figure}
    assert {*list_referenced_ids(config, "datasets"), *figure_datasets} == {"my-orchard"}, (
        "config/own-data.yaml has other data sets than that of the page"
    )


@pytest.mark.parametrize("entry", ENTRIES, ids=KINDS)
def test_entry_of_the_page_reads_the_layout_that_the_page_shows(orchard_folder: Path, entry: dict[str, Any]) -> None:
    options = make_config(entry)["datasets"]["my-orchard"]
    kind, out = KINDS[options["kind"]], Path("out")
    counts = write.write_dataset(
        kind.iter_images(options, {"data": Path(options["path"])}, 0),
        kind.describe_labels(options),
        *(out / "images", out / "instances.json", out / "images.parquet"),
        dataset="my-orchard",
    )
    assert (counts["n_images"], counts["n_instances"], counts["n_ignored"]) == (3, 6, 0)
    truth = ground_truth.read_ground_truth(out / "instances.json")
    assert truth.nouns == {"apple", "orange", "pear"}
    for image_id in (1, 2, 3):
        masks = [instance.decode_mask() for instance in truth.instances_of(image_id)]
        np.testing.assert_array_equal(masks, [make_id_map() == 1, make_id_map() == 700])
    table = IMAGES.read(out / "images.parquet")
    assert list(table["group"]) == ["row1", "row1", "row2"]
    assert [(out / "images" / name).read_bytes() for name in ORCHARD_IMAGE_NAMES] == [
        (orchard_folder / "images" / name).read_bytes() for name in ORCHARD_IMAGE_NAMES
    ]


def test_entry_of_the_page_with_an_archive_is_valid() -> None:
    [block] = [block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.S) if "sha256" in block]
    entry = yaml.safe_load("\n".join(line.removeprefix("  ") for line in block.splitlines()))
    for page_entry in ENTRIES:
        merged = json.loads(json.dumps(page_entry))
        del merged["datasets"]["my-orchard"]["path"]
        update_config(merged, entry)
        config = make_config(merged)
        assert config["datasets"]["my-orchard"]["archives"] == {"data": "my-orchard"}
        assert config["archives"]["my-orchard"]["file"] == "my-orchard.zip"


@pytest.mark.parametrize("named_keys", ["path and archives", "neither"])
def test_path_and_archives_exclude_each_other(named_keys: str) -> None:
    for page_entry in ENTRIES:
        entry = json.loads(json.dumps(page_entry))
        options = entry["datasets"]["my-orchard"]
        if named_keys == "neither":
            del options["path"]
        else:
            options["archives"] = {"data": "minneapple-detection"}
        with pytest.raises(UserError) as caught:
            make_config(entry)
        assert "datasets.my-orchard" in str(caught.value)
        assert "\n" not in str(caught.value)
