"""Data sets of the user, by URL and by path, through the rules of the stage `datasets`."""

import io
import json
import tarfile

import pytest
import yaml
from PIL import Image

from samgap.io.files import read_json, sha256
from tests.helpers.server import Server

pytestmark = pytest.mark.workflow

NAMES = ("row1_1.jpg", "row1_2.jpg", "row2_1.jpg")


def write_orchard(folder):
    """Write three images with one box each, as the folder `orchard` and as the archive orchard.tar.gz.

    The box of the last image is invalid.
    """
    (folder / "orchard").mkdir(parents=True)
    for name in NAMES:
        Image.new("RGB", (40, 30)).save(folder / "orchard" / name)
    labels = {
        "images": [{"id": i, "file_name": name, "width": 40, "height": 30} for i, name in enumerate(NAMES)],
        "categories": [{"id": 1, "name": "apple"}],
        "annotations": [{"id": i, "image_id": i, "category_id": 1, "bbox": [1, 1, 5, 5 - 3 * i]} for i in range(3)],
    }
    (folder / "orchard" / "labels.json").write_text(json.dumps(labels), encoding="utf-8")
    archive_bytes = io.BytesIO()
    with tarfile.open(fileobj=archive_bytes, mode="w:gz") as archive:
        archive.add(folder / "orchard", "orchard")
    (folder / "orchard.tar.gz").write_bytes(archive_bytes.getvalue())
    return folder


def test_data_sets_from_a_url_and_from_a_folder(checkout, tmp_path):
    served = write_orchard(tmp_path / "served")
    entry = {"kind": "coco", "annotations": ["labels.json"], "nouns": {"apple": "apple"}, "groups": r"^(row\d+)_"}
    entry["max-left-out"] = 0.5
    (tmp_path / "part.txt").write_text("row1_1.jpg\n", encoding="utf-8")
    demo = yaml.safe_load(checkout.write_config().read_text(encoding="utf-8"))
    with Server(served) as server:
        datasets = {
            "remote": {**entry, "path": server.url_of("orchard.tar.gz")},
            "remote-again": {**entry, "path": server.url_of("orchard.tar.gz")},
            "local": {**entry, "path": str(served / "orchard"), "files": str(tmp_path / "part.txt")},
        }
        checkout.write_config(datasets={**demo["datasets"], **datasets})
        cards = [f"resources/datasets/{name}/dataset.json" for name in datasets]
        output = checkout.run(*cards)
        assert [request["method"] for request in server.requests].count("GET") == 1
    remote, remote_again, local = (read_json(checkout.folder / card) for card in cards)
    assert "warning" in output
    reason = "with an invalid box (width or height not above 0) are left out"
    assert f"of 3 annotations, 1 {reason} (id 2)" in output
    assert (remote["n_annotations_read"], remote["left_out"], remote["n_incomplete_images"]) == (3, {reason: 1}, 1)
    assert (local["n_annotations_read"], local["left_out"], local["n_groups"]) == (1, {}, 1)
    assert (remote["n_images"], remote["n_instances"], local["n_images"]) == (3, 2, 1)
    assert remote["sources"]["data"]["sha256"] == sha256(served / "orchard.tar.gz")
    assert remote["images_sha256"] == remote_again["images_sha256"]
    assert local["sources"]["data"]["source"] == str(served / "orchard")
    assert local["sources"]["data"]["n_files"] == 2  # the labels and the image of the list
    assert local["sources"]["files"] == {"source": str(tmp_path / "part.txt"), "sha256": sha256(tmp_path / "part.txt")}

    # A change of the list of files makes the data set again.
    (tmp_path / "part.txt").write_text("row1_1.jpg\nrow2_1.jpg\n", encoding="utf-8")
    checkout.run(cards[2])
    assert read_json(checkout.folder / cards[2])["n_images"] == 2
