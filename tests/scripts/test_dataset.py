"""The script of the rule `dataset`: the card has the warnings of all its steps."""

from pathlib import Path

from samgap.io.files import read_json
from tests.helpers.coco import make_labels, write_folder
from tests.scripts.test_matching_and_statistics import run


def test_the_card_has_the_warnings_about_labels_groups_and_photographs(tmp_path: Path) -> None:
    box = {"bbox": [1, 1, 2, 2]}
    source = write_folder(tmp_path / "data", make_labels({**box, "score": 0.5}, images=("a.jpg", "b.jpg")))
    options = {"kind": "coco", "path": str(source), "annotations": ["labels.json"], "nouns": {"apple": "apple"}}
    names = {"instances": "instances.json", "table": "images.parquet", "images": "images", "card": "dataset.json"}
    log = run(
        *("datasets/dataset", tmp_path, {"data": source}),
        {name: str(tmp_path / "out" / file) for name, file in names.items()},
        {"options": {**options, "groups": "^(.)"}, "state": [str(source)]},
        dataset="mine",
    )
    assert read_json(tmp_path / "out/dataset.json")["warnings"] == [
        "data/labels.json: 1 of 1 annotations have a `score`: are they predictions and not labels?",
        "images with the content of another, which count twice (1)",
        "`groups` gives each of the 2 images its own group",
    ]
    assert log.count("WARNING") == 3
