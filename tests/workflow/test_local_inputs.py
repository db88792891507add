"""Local data, lists, archives and weights that are corrected in place, replaced or added to."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from samgap.io.files import read_json, sha256
from tests.helpers.archives import write_orchard_folder

from .conftest import Checkout

pytestmark = pytest.mark.workflow

OLD_S = 1_500_000_000
ORCHARD = {"kind": "coco", "annotations": ["instances.json"], "nouns": {"apple": "apple"}, "max-left-out": 0.5}


def edit_labels(folder: Path, get_image_id: Callable[[int], int | None]) -> None:
    """Change the image ids of the annotations in instances.json in place, as an editor does."""
    labels = json.loads((folder / "instances.json").read_text(encoding="utf-8"))
    for annotation in labels["annotations"]:
        annotation["image_id"] = get_image_id(annotation["image_id"])
    with open(folder / "instances.json", "r+", encoding="utf-8") as stream:
        stream.truncate()
        stream.write(json.dumps(labels))


def replace_by_older(path: Path, content: bytes) -> None:
    """Replace a file by another one with an older time, as `cp -p`, `rsync -t` and version control do."""
    path.unlink()
    path.write_bytes(content)
    os.utime(path, (OLD_S, OLD_S))


def list_planned(checkout: Checkout, *targets: str) -> dict[str, str]:
    """Return `rule:id` -> the reason for each job that a dry run plans."""
    plan = checkout.run(*targets, "--dry-run")
    pattern = r"^(?:local)?rule (\w+):$.*?^    reason: (.*?)$.*?^    wildcards: .*?(?:archive|dataset|model)=([\w-]+)"
    return {f"{rule}:{id}": reason for rule, reason, id in re.findall(pattern, plan, re.MULTILINE | re.DOTALL)}


def write_config(checkout: Checkout, **sections) -> None:
    """Write a configuration with these entries in addition to those of the demo."""
    demo = yaml.safe_load(checkout.write_config().read_text(encoding="utf-8"))
    checkout.write_config(**{key: {**demo.get(key, {}), **entries} for key, entries in sections.items()})


def test_data_edited_in_place_is_read_again_and_nothing_else(checkout, tmp_path):
    mine, other = tmp_path / "mine", tmp_path / "other"
    for folder in (mine, other):
        write_orchard_folder(folder)
    edit_labels(mine, {1: 99, 2: 2, 3: 3}.get)
    write_config(checkout, datasets={name: {**ORCHARD, "path": str(tmp_path / name)} for name in ("mine", "other")})
    targets = [f"resources/datasets/{name}/dataset.json" for name in ("mine", "other")]
    targets.append("results/demo/prompts/dataset=mine/prompts=box/prompts.parquet")
    assert "of 6 annotations, 2" in checkout.run(*targets)
    card = checkout.folder / targets[0]
    before = read_json(card)
    assert before["n_instances"] == 4
    assert list_planned(checkout, *targets) == {}
    (mine / ".DS_Store").touch()
    assert list_planned(checkout, *targets) == {}

    edit_labels(mine, {99: 1, 2: 2, 3: 3}.get)
    planned = list_planned(checkout, *targets)
    assert planned.keys() == {"dataset:mine", "prompts:mine"}
    assert planned["dataset:mine"] == f"Updated input files: {mine / 'instances.json'}"
    checkout.run(*targets)
    after = read_json(card)
    assert after["n_instances"] == 6
    assert after["sources"]["data"]["sha256"] != before["sources"]["data"]["sha256"]
    assert after["sources"]["data"]["n_files"] == before["sources"]["data"]["n_files"] == 4

    # A photograph in a sub-folder, by an older one.
    replace_by_older(mine / "images/row1_0001.jpg", (mine / "images/row1_0002.jpg").read_bytes() + b"0")
    assert list_planned(checkout, *targets).keys() == {"dataset:mine", "prompts:mine"}


def test_a_label_file_with_braces_is_read_and_its_change_is_noticed(checkout, tmp_path):
    write_orchard_folder(tmp_path / "mine")
    labels = (tmp_path / "mine/instances.json").rename(tmp_path / "mine/in{x}.json")
    write_config(checkout, datasets={"mine": {**ORCHARD, "annotations": [labels.name], "path": str(tmp_path / "mine")}})
    target = "resources/datasets/mine/dataset.json"
    checkout.run(target)
    assert read_json(checkout.folder / target)["n_instances"] == 6
    assert list_planned(checkout, target) == {}
    labels.write_bytes(labels.read_bytes() + b" ")
    assert list_planned(checkout, target).keys() == {"dataset:mine"}


def test_lists_archives_and_weights_replaced_by_older_files_are_read_again(checkout, tmp_path):
    write_orchard_folder(tmp_path / "orchard")
    for name, content in {"part.txt": b"row1_0001.jpg", "a.zip": b"archive", "a.pt": b"weights"}.items():
        (tmp_path / name).write_bytes(content)
    demo = yaml.safe_load(checkout.write_config().read_text(encoding="utf-8"))
    write_config(
        checkout,
        datasets={"mine": {**ORCHARD, "path": str(tmp_path / "orchard"), "files": str(tmp_path / "part.txt")}},
        archives={name: {"file": "a.zip", "url": f"file://{tmp_path / 'a.zip'}"} for name in ("copied",)},
        models={"sam2-demo": {**demo["models"]["sam2-demo"], "weights": {"path": str(tmp_path / "a.pt")}}},
    )
    targets = [
        "resources/datasets/mine/dataset.json",
        "resources/archives/copied",
        "resources/checkpoints/sam2-demo/weights.pt",
        "resources/checkpoints/sam3-demo/weights.pt",
    ]
    checkout.run(*targets)
    assert list_planned(checkout, *targets) == {}
    for name, content in {"part.txt": b"row2_0001.jpg", "a.zip": b"corrected", "a.pt": b"corrected"}.items():
        replace_by_older(tmp_path / name, content)
    planned = list_planned(checkout, *targets)
    assert planned.keys() == {"dataset:mine", "fetch_archive:copied", "checkpoint:sam2-demo"}
    assert all(reason.startswith("Params have changed since last execution") for reason in planned.values())
    checkout.run(*targets)
    cards = [targets[0], "resources/archives/copied.json", "resources/checkpoints/sam2-demo/checkpoint.json"]
    listed, archive, weights = (read_json(checkout.folder / card) for card in cards)
    assert listed["sources"]["files"]["sha256"] == sha256(tmp_path / "part.txt")
    assert archive["sha256"] == sha256(tmp_path / "a.zip") and weights["sha256"] == sha256(tmp_path / "a.pt")

    # On the command line, too; and a file that does not exist is one line before any job.
    (tmp_path / "other.txt").write_bytes(b"row1_0002.jpg")
    override = f"datasets={{mine: {{files: {tmp_path / 'other.txt'}}}}}"
    assert list_planned(checkout, *targets, "--config", override).keys() == {"dataset:mine"}
    (tmp_path / "a.pt").unlink()
    output = checkout.run(*targets, "--forcerun", "fetch_archive", succeeds=False)
    assert output.splitlines()[-1].startswith(
        f"error: config: models.sam2-demo.weights.path is {tmp_path / 'a.pt'}, which does not exist; "
        "name a file on this machine"
    )
    assert "localrule" not in output
