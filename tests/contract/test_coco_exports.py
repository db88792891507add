"""The table "exported from …" of docs/how-to/your-own-data.md: each entry reads an imitated export of its tool."""

import logging
import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from snakemake.utils import update_config

from samgap.config.validate import validate_config
from samgap.datasets import AnnotatedImage
from tests.helpers import exports
from tests.helpers.archives import ORCHARD_IMAGE_NAMES
from tests.helpers.coco import HEIGHT, WIDTH, get_full_mask, read_coco_counts

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "your-own-data.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("| exported from |")[2].partition("\n\n")[0]
ROWS = {
    cells[0].strip(): yaml.safe_load("\n".join(re.findall(r"`(.+?)`", cells[1])))
    for cells in (line.strip("|").split(" | ") for line in TABLE.splitlines() if line.startswith("| ") and "`" in line)
}
"""Tool -> options that its entry has in addition to those of the first entry of the page, or instead of them."""

WINDOWS_LABEL_STUDIO = "..\\..\\label-studio\\label-studio\\media\\upload\\4\\"
EXPORTS: dict[str, dict[str, Callable[[Path], None]]] = {
    "CVAT (COCO 1.0), polygons": {"polygons": exports.write_cvat_polygons},
    "CVAT (COCO 1.0), brush": {"masks": exports.write_cvat_masks},
    "Label Studio (COCO)": {
        "images": exports.write_label_studio,
        "uploads": partial(exports.write_label_studio, stem="1a2b3c4d-{}"),
        "windows": partial(exports.write_label_studio, prefix=WINDOWS_LABEL_STUDIO, stem="1a2b3c4d-{}"),
        "project-id": partial(exports.write_label_studio, prefix="images\\1/", stem="1a2b3c4d-{}"),
        "upload-address": partial(exports.write_label_studio, prefix="/data/upload/1/", stem="1a2b3c4d-{}"),
        "local-files": partial(
            exports.write_label_studio, prefix="/data/local-files/?d=orchard/", photo_folder="orchard"
        ),
        "phone": partial(exports.write_label_studio, orientation=6),
    },
    "Roboflow (COCO)": {"splits": exports.write_roboflow},
    "FiftyOne (`COCODetectionDataset`)": {
        "polygons": exports.write_fiftyone,
        "rle": partial(exports.write_fiftyone, is_rle=True),
    },
    "LabelMe (labelme2coco)": {
        "same-folder": exports.write_labelme,
        "windows": partial(exports.write_labelme, prefix="..\\images\\"),
    },
    "Supervisely (Export to COCO)": {
        "polygons": exports.write_supervisely,
        "rle": partial(exports.write_supervisely, is_rle=True),
    },
}
CASES = [
    pytest.param(tool, write, id=f"{tool}-{name}") for tool, cases in EXPORTS.items() for name, write in cases.items()
]
TOOLS_WITH_ATTRIBUTES = [tool for tool in EXPORTS if tool.startswith(("CVAT", "FiftyOne"))]


def make_options(tool: str, path: Path) -> dict[str, Any]:
    """Return the validated options of the data set: the first entry of the page with the lines of the table."""
    [entry, *_] = [
        entry
        for block in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)
        if "run" in (entry := yaml.safe_load(block))
    ]
    entry["datasets"]["my-orchard"] |= {**ROWS[tool], "path": str(path)}
    config = yaml.safe_load((ROOT / "config" / "own-data.yaml").read_text(encoding="utf-8"))
    update_config(config, entry)
    return validate_config(config, ROOT)["datasets"]["my-orchard"]


def read_export(options: dict[str, Any]) -> tuple[list[AnnotatedImage], dict[str, Any]]:
    images, counts = read_coco_counts(Path(options["path"]), **options)
    return sorted(images, key=lambda image: image.file_name), counts


def test_each_entry_of_the_table_has_an_export() -> None:
    assert list(ROWS) == list(EXPORTS)


@pytest.mark.parametrize(("tool", "write"), CASES)
def test_export_is_read_by_the_entry_of_the_table(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, tool: str, write: Callable[[Path], None]
) -> None:
    caplog.set_level(logging.WARNING)
    write(tmp_path / "export")
    images, counts = read_export(make_options(tool, tmp_path / "export"))
    assert [re.search(r"row\d_\d+", image.file_name)[0] for image in images] == [
        name.removesuffix(".jpg") for name in ORCHARD_IMAGE_NAMES
    ]
    # Folders of the names become parts of the name, and so of the group.
    assert [image.group.removeprefix("images_") for image in images] == ["row1", "row1", "row2"]
    for image in images:
        assert (image.width, image.height, image.incomplete) == (WIDTH, HEIGHT, ())
        for number, annotation in enumerate(image.annotations):
            np.testing.assert_array_equal(get_full_mask(annotation), exports.make_mask(number).astype(bool))
            assert (annotation.noun, annotation.ignore) == ("apple", False)
            ripeness = {"ripeness": exports.RIPENESS[number]} if tool in TOOLS_WITH_ATTRIBUTES else {}
            assert (annotation.attributes, annotation.unknown_attributes) == (ripeness, ())
        assert len(image.annotations) == len(exports.BOXES)
    assert (counts["n_annotations_read"], counts["left_out"]) == (6, {})
    assert counts["read_with_changes"] == {}
    allowed = re.compile("images found (without some folders|by another spelling) of their names")
    assert [text for record in caplog.records if not allowed.search(text := record.getMessage())] == []


@pytest.mark.parametrize("tool", EXPORTS)
def test_export_is_read_from_its_archive(tmp_path: Path, tool: str) -> None:
    [write, *_] = EXPORTS[tool].values()
    write(tmp_path / "unpacked" / "export")
    archive = shutil.make_archive(str(tmp_path / "export"), "zip", tmp_path / "unpacked")
    images, counts = read_export(make_options(tool, Path(archive)))
    assert [len(image.annotations) for image in images] == [2, 2, 2]
    assert (counts["n_annotations_read"], counts["left_out"]) == (6, {})
