"""Imitated exports of labelling tools: three photographs and two apples each, as each tool writes them.

Each function writes a folder. The formats are those of the tools' sources and of exports in their issues.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.helpers.archives import ORCHARD_IMAGE_NAMES
from tests.helpers.coco import HEIGHT, WIDTH, compress, count_runs

BOXES = ((5, 4, 7, 6), (30, 20, 6, 4))
"""The apples of each photograph: x, y, width, height in px. The first is ripe, the second is not."""
RIPENESS = ("ripe", "unripe")


def make_mask(number: int) -> np.ndarray:
    """Return the mask of an apple, uint8, (HEIGHT, WIDTH)."""
    x, y, width, height = BOXES[number]
    mask = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    mask[y : y + height, x : x + width] = 1
    return mask


def make_polygon(number: int) -> list[float]:
    """Return the corners of an apple."""
    x, y, width, height = BOXES[number]
    return [float(value) for value in (x, y, x + width, y, x + width, y + height, x, y + height)]


def make_rle(number: int) -> dict[str, Any]:
    """Return the uncompressed RLE of an apple."""
    return {"counts": count_runs(make_mask(number)), "size": [HEIGHT, WIDTH]}


def write_photo(path: Path, orientation: int = 1) -> None:
    """Write a photograph that viewers show with WIDTH x HEIGHT px."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    size = (WIDTH, HEIGHT) if orientation < 5 else (HEIGHT, WIDTH)
    Image.new("RGB", size, "green").save(path, exif=exif)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def _make_rows(n_images: int, first_id: int, make_row: Callable[[int], Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the annotations of images with consecutive ids; `make_row` gives the values of an apple."""
    pairs = [(image_id, number) for image_id in range(first_id, first_id + n_images) for number in range(len(BOXES))]
    return [
        {
            "id": annotation_id,
            "image_id": image_id,
            "bbox": [float(value) for value in BOXES[number]],
            **make_row(number),
        }
        for annotation_id, (image_id, number) in enumerate(pairs, start=first_id)
    ]


def _write_cvat(folder: Path, make_row: Callable[[int], Mapping[str, Any]]) -> None:
    """Datumaro's exporter, which CVAT uses: attributes in `attributes`, categories from 1, license 0."""
    images = [
        {"id": number, "width": WIDTH, "height": HEIGHT, "file_name": name}
        | {"license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0}
        for number, name in enumerate(ORCHARD_IMAGE_NAMES, start=1)
    ]
    rows = _make_rows(
        len(images),
        1,
        lambda number: {
            "category_id": 1,
            "area": float(make_mask(number).sum()),
            "attributes": {"occluded": False, "ripeness": RIPENESS[number]},
            **make_row(number),
        },
    )
    content = {
        "licenses": [{"name": "", "id": 0, "url": ""}],
        "info": {"contributor": "", "date_created": "", "description": "", "url": "", "version": "", "year": ""},
        "categories": [{"id": 1, "name": "apple", "supercategory": ""}],
        "images": images,
        "annotations": rows,
    }
    _write_json(folder / "annotations" / "instances_default.json", content)
    for name in ORCHARD_IMAGE_NAMES:
        write_photo(folder / "images" / "default" / name)


def write_cvat_polygons(folder: Path) -> None:
    """CVAT, format "COCO 1.0", apples drawn as polygons."""
    _write_cvat(folder, lambda number: {"segmentation": [make_polygon(number)], "iscrowd": 0})


def write_cvat_masks(folder: Path) -> None:
    """CVAT, format "COCO 1.0", apples drawn with the brush (cvat-ai/cvat #7030)."""
    _write_cvat(folder, lambda number: {"segmentation": make_rle(number), "iscrowd": 1})


def write_label_studio(
    folder: Path, prefix: str = "images/", photo_folder: str = "images", stem: str = "{}", orientation: int = 1
) -> None:
    """Label Studio, format "COCO" (label_studio_sdk/converter/converter.py); ids start at 0.

    Args:
        folder: Folder to write.
        prefix: Text before the name of each photograph in the JSON.
        photo_folder: Folder of the photographs.
        stem: Template of the name of a photograph, such as that of an upload, which has an id first.
        orientation: EXIF orientation; width and height are written as stored (HumanSignal/label-studio #6608).
    """
    names = [stem.format(name) for name in ORCHARD_IMAGE_NAMES]
    size = {"width": WIDTH, "height": HEIGHT} if orientation < 5 else {"width": HEIGHT, "height": WIDTH}
    images = [{**size, "id": number, "file_name": f"{prefix}{name}"} for number, name in enumerate(names)]
    rows = _make_rows(
        len(images),
        0,
        lambda number: {
            "category_id": 0,
            "segmentation": [make_polygon(number)],
            **{"ignore": 0, "iscrowd": 0, "area": float(make_mask(number).sum())},
        },
    )
    content = {
        "images": images,
        "categories": [{"id": 0, "name": "apple"}],
        "annotations": rows,
        "info": {"year": 2025, "version": "1.0", "description": "", "contributor": "Label Studio", "url": ""},
    }
    _write_json(folder / "result.json", content)
    for name in names:
        write_photo(folder / photo_folder / name, orientation)


def write_roboflow(folder: Path) -> None:
    """Roboflow, format "COCO": three folders, each with ids from 0, and a category 0 that no annotation uses."""
    for split, name in zip(("train", "valid", "test"), ORCHARD_IMAGE_NAMES, strict=True):
        stored_name = f"{name.replace('.', '_')}.rf.{'0123456789abcdef' * 2}.jpg"
        image = {"id": 0, "license": 1, "file_name": stored_name, "height": HEIGHT, "width": WIDTH}
        rows = _make_rows(
            1,
            0,
            lambda number: {
                "category_id": 1,
                "area": float(make_mask(number).sum()),
                "segmentation": [make_polygon(number)],
                "iscrowd": 0,
            },
        )
        content = {
            "info": {"year": "2025", "version": "1", "description": "Exported from roboflow.com", "contributor": ""},
            "licenses": [{"id": 1, "url": "https://creativecommons.org/licenses/by/4.0/", "name": "CC BY 4.0"}],
            "categories": [
                {"id": 0, "name": "fruit", "supercategory": "none"},
                {"id": 1, "name": "apple", "supercategory": "fruit"},
            ],
            "images": [{**image, "date_captured": "2025-01-01T00:00:00+00:00"}],
            "annotations": rows,
        }
        _write_json(folder / split / "_annotations.coco.json", content)
        write_photo(folder / split / stored_name)
    (folder / "README.dataset.txt").write_text("apples > 2025-01-01\n", encoding="utf-8")


def write_fiftyone(folder: Path, is_rle: bool = False) -> None:
    """FiftyOne, `COCODetectionDataset` (fiftyone/utils/coco.py): attributes at the top level, image ids from 1."""
    images = [
        {"id": number, "file_name": name, "height": HEIGHT, "width": WIDTH, "license": None, "coco_url": None}
        for number, name in enumerate(ORCHARD_IMAGE_NAMES, start=1)
    ]
    rows = _make_rows(
        len(images),
        1,
        lambda number: {
            "category_id": 0,
            "segmentation": compress(make_mask(number)) if is_rle else [make_polygon(number)],
            **{"area": float(make_mask(number).sum()), "iscrowd": 0, "ripeness": RIPENESS[number]},
        },
    )
    content = {
        "info": {"year": "", "version": "", "description": "Exported from FiftyOne", "contributor": "", "url": ""},
        "licenses": [],
        "categories": [{"id": 0, "name": "apple", "supercategory": None}],
        "images": images,
        "annotations": rows,
    }
    _write_json(folder / "labels.json", content)
    for name in ORCHARD_IMAGE_NAMES:
        write_photo(folder / "data" / name)


def write_labelme(folder: Path, prefix: str = "") -> None:
    """LabelMe, converted by labelme2coco into its folder; `prefix` precedes the names (`..\\images\\` on Windows)."""
    images = [
        {"id": number, "file_name": f"{prefix}{name}", "height": HEIGHT, "width": WIDTH}
        for number, name in enumerate(ORCHARD_IMAGE_NAMES, start=1)
    ]
    rows = _make_rows(
        len(images),
        1,
        lambda number: {
            "category_id": 0,
            "segmentation": [make_polygon(number)],
            **{"iscrowd": 0, "area": int(make_mask(number).sum())},
        },
    )
    categories = [{"id": 0, "name": "apple", "supercategory": "apple"}]
    _write_json(folder / "dataset.json", {"images": images, "annotations": rows, "categories": categories})
    for name in ORCHARD_IMAGE_NAMES:
        write_photo(folder / ("images" if prefix else "") / name)
        shapes = [{"label": "apple", "points": [], "shape_type": "polygon"}]
        _write_json((folder / name).with_suffix(".json"), {"imagePath": f"{prefix}{name}", "shapes": shapes})


def write_supervisely(folder: Path, is_rle: bool = False) -> None:
    """Supervisely, "Export to COCO" (or, with `is_rle`, "COCO mask"): a folder for each data set of the project."""
    datasets = {"ds1": ORCHARD_IMAGE_NAMES[:2], "ds2": ORCHARD_IMAGE_NAMES[2:]}
    for first_id, (dataset, names) in zip((3001, 3101), datasets.items(), strict=True):
        images = [
            {"license": "None", "file_name": name, "url": "None", "height": HEIGHT, "width": WIDTH, "id": image_id}
            for image_id, name in enumerate(names, start=first_id)
        ]
        rows = _make_rows(
            len(images),
            first_id,
            lambda number: {
                "segmentation": make_rle(number) if is_rle else [make_polygon(number)],
                **{"area": float(make_mask(number).sum()), "iscrowd": 0, "category_id": 1},
            },
        )
        content = {
            "info": {"description": "", "url": "None", "version": "1.0", "year": 2025, "contributor": "user"},
            "licenses": [{"url": "None", "id": 0, "name": "None"}],
            "images": images,
            "annotations": rows,
            "categories": [{"supercategory": "apple", "id": 1, "name": "apple"}],
        }
        _write_json(folder / dataset / "annotations" / "instances.json", content)
        for name in names:
            write_photo(folder / dataset / "images" / name)
