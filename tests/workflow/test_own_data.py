"""Data of one's own, by its address and by its path, through the rules that make a data set of it."""

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


def pack(folder):
    """The three images and their boxes, as a folder and as an archive beside it."""
    (folder / "orchard").mkdir(parents=True)
    for name in NAMES:
        Image.new("RGB", (40, 30)).save(folder / "orchard" / name)
    labels = {
        "images": [{"id": i, "file_name": name, "width": 40, "height": 30} for i, name in enumerate(NAMES)],
        "categories": [{"id": 1, "name": "apple"}],
        "annotations": [{"id": i, "image_id": i, "category_id": 1, "bbox": [1, 1, 5, 5 - 3 * i]} for i in range(3)],
    }
    (folder / "orchard" / "labels.json").write_text(json.dumps(labels))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(folder / "orchard", "orchard")
    (folder / "orchard.tar.gz").write_bytes(packed.getvalue())
    return folder


def test_from_an_address_and_from_a_folder(checkout, tmp_path):
    served = pack(tmp_path / "served")
    entry = {"kind": "coco", "annotations": ["labels.json"], "nouns": {"apple": "apple"}, "groups": r"^(row\d+)_"}
    (tmp_path / "part.txt").write_text("row1_1.jpg\n")
    demo = yaml.safe_load(checkout.config().read_text())
    with Server(served) as server:
        datasets = {
            "afar": {**entry, "path": server.url_of("orchard.tar.gz")},
            "afar-too": {**entry, "path": server.url_of("orchard.tar.gz")},
            "near": {**entry, "path": str(served / "orchard"), "files": str(tmp_path / "part.txt")},
        }
        checkout.config(datasets={**demo["datasets"], **datasets})
        cards = [f"resources/datasets/{name}/dataset.json" for name in datasets]
        said = checkout.run(*cards)
        assert [request["method"] for request in server.requests].count("GET") == 1
    afar, too, near = (read_json(checkout.folder / card) for card in cards)
    assert "warning" in said
    assert "of 3 annotations, 1 with an invalid box are left out (id 2)" in said
    assert (afar["n_images"], afar["n_instances"], near["n_images"]) == (3, 2, 1)
    assert afar["sources"]["data"]["sha256"] == sha256(served / "orchard.tar.gz")
    assert afar["images_sha256"] == too["images_sha256"]
    assert near["sources"]["data"] == {"source": str(served / "orchard")}

    # Another list is another data set.
    (tmp_path / "part.txt").write_text("row1_1.jpg\nrow2_1.jpg\n")
    checkout.run(cards[2])
    assert read_json(checkout.folder / cards[2])["n_images"] == 2
