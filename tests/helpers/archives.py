"""Data sets as users have them: real photographs packed as MinneApple, and a small folder of images and masks."""

import json
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]

VIDEO_NAMES = ("20150919_174151", "20150921_131234", "20150921_131729")
"""Names of the videos of the train part: one that the configuration of the paper trains on, and two for validation."""


def find_real_data() -> Path:
    """Return the folder `orchard-real` in `SAMGAP_REAL_DATA` (default `../shared/data`); skip the test without it."""
    folder = (ROOT / os.environ.get("SAMGAP_REAL_DATA", "../shared/data")).resolve() / "orchard-real"
    if not (folder / "instances.csv").is_file():
        pytest.skip(f"no real photographs at {folder}: set SAMGAP_REAL_DATA to the folder that contains orchard-real")
    return folder


def pack_minneapple(real_dir: Path, out_dir: Path) -> dict[str, Path]:
    """Pack all tiles of `orchard-real` as the test part, and the first six as the train part.

    Tiles of the train part are named like frames of the videos `VIDEO_NAMES`, two of each.

    Returns:
        The archives `images` (detection.tar.gz) and `truth` (test_data.zip).
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    names = sorted(path.name for path in (real_dir / "images").glob("*.png"))
    archives = {"images": out_dir / "detection.tar.gz", "truth": out_dir / "test_data.zip"}
    with tarfile.open(archives["images"], "w:gz", compresslevel=1) as archive:
        for name in names:
            archive.add(real_dir / "images" / name, f"detection/test/images/{name}")
        for folder in ("images", "masks"):
            for number, name in enumerate(names[: 2 * len(VIDEO_NAMES)]):
                train = f"{VIDEO_NAMES[number // 2]}_image{number % 2 + 1}.png"
                archive.add(real_dir / folder / name, f"detection/train/{folder}/{train}")
    with zipfile.ZipFile(archives["truth"], "w") as archive:
        for folder in ("images", "masks"):
            for name in names:
                archive.write(real_dir / folder / name, f"test_data/test_data/segmentation/{folder}/{name}")
    return archives


ORCHARD_IMAGE_NAMES = ("row1_0001.jpg", "row1_0002.jpg", "row2_0001.jpg")


def make_id_map() -> np.ndarray:
    """Return an instance mask, uint16, (30, 40), of two objects with the values 1 and 700."""
    id_map = np.zeros((30, 40), np.uint16)
    id_map[4:10, 5:12] = 1
    id_map[20:24, 30:36] = 700
    return id_map


def write_orchard_folder(folder: Path) -> None:
    """Write three images, their instance masks in `masks/`, and the same instances in the COCO file instances.json."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for name in ORCHARD_IMAGE_NAMES:
        Image.new("RGB", (40, 30), "green").save(folder / "images" / name)
        Image.fromarray(make_id_map()).save(folder / "masks" / Path(name).with_suffix(".png"))
    boxes = ([5, 4, 7, 6], [30, 20, 6, 4])
    annotations = [
        {
            "id": 10 * image_id + number,
            "image_id": image_id,
            "category_id": 1,
            "bbox": [x, y, width, height],
            "segmentation": [[x, y, x + width, y, x + width, y + height, x, y + height]],
        }
        for image_id in (1, 2, 3)
        for number, (x, y, width, height) in enumerate(boxes)
    ]
    images = [
        {"id": image_id, "file_name": name, "width": 40, "height": 30}
        for image_id, name in enumerate(ORCHARD_IMAGE_NAMES, start=1)
    ]
    labels = {"images": images, "categories": [{"id": 1, "name": "apple"}], "annotations": annotations}
    (folder / "instances.json").write_text(json.dumps(labels), encoding="utf-8")
