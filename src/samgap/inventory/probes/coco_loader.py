"""What SAM3's training reads from a COCO file: its loader on two boxes of one category, and a category without any."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sam3.train.data.coco_json_loaders import COCO_FROM_JSON

from samgap.inventory.probes import Measurement

EVIDENCE = "sam3/train/data/coco_json_loaders.py: COCO_FROM_JSON"
COCO: dict[str, Any] = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 10, "height": 10}],
    "categories": [{"id": 1, "name": "ripe apple"}, {"id": 2, "name": "pear"}],
    "annotations": [
        {"id": number, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "area": 4, "iscrowd": 0}
        for number in (1, 2)
    ],
}


def measure() -> Iterator[Measurement]:
    """Yield the phrases, the objects and the absent phrases that the loader reads."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coco.json"
        path.write_text(json.dumps(COCO), encoding="utf-8")
        queries, objects = COCO_FROM_JSON(str(path)).loadQueriesAndAnnotationsFromDatapoint(0)
    phrases = {query["query_text"] for query in queries}
    names = {category["name"] for category in COCO["categories"]}
    yield Measurement(
        "phrases-from-names", len(phrases & names), "phrases", EVIDENCE, "sam3", "the names of the categories"
    )
    yield Measurement("objects-without-masks", len(objects), "objects", EVIDENCE, "sam3", "annotated with boxes alone")
    absent = [query for query in queries if not query["object_ids_output"]]
    share = len(absent) / (len(names) - 1)
    yield Measurement(
        "share-of-absent-phrases", 100 * share, "%", EVIDENCE, "sam3", "of the absent categories, read by default"
    )
