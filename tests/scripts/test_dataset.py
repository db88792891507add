"""The script of the rule `dataset`, run as Snakemake runs it."""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

from snakemake.iocontainers import InputFiles, Log, OutputFiles, Params, Wildcards

from samgap.annotations.ground_truth import read_ground_truth
from samgap.io.files import read_json
from tests.helpers.coco import make_labels, write_folder
from tests.scripts.test_matching_and_statistics import run

ROOT = Path(__file__).parents[2]
SCENES = {"kind": "orchard-sim", "scenes": 3, "size": 64, "seed": 5}
COPIES = {"kind": "augmented", "source": "scenes", "images": 2, "seed": 1, "transforms": {"flip": {"flip": {}}}}


def make_dataset(dataset, options, folder, inputs=None):
    """Run scripts/datasets/dataset.py, and return the folder of the data set."""
    folder = folder / dataset
    folder.mkdir()
    names = {"images": "images", "instances": "instances.json", "table": "images.parquet", "card": "dataset.json"}
    snakemake = SimpleNamespace(
        input=InputFiles(fromdict=inputs or {}),
        output=OutputFiles(fromdict={key: str(folder / name) for key, name in names.items()}),
        params=Params(fromdict={"options": options, "state": {}, "code": "0"}),
        wildcards=Wildcards(fromdict={"dataset": dataset}),
        log=Log(toclone=[str(folder / "log")]),
        rule="dataset",
        config={},
    )
    runpy.run_path(str(ROOT / "scripts/datasets/dataset.py"), init_globals={"snakemake": snakemake})
    return folder


def test_a_data_set_is_made_from_the_files_of_its_source(tmp_path):
    source = make_dataset("scenes", SCENES, tmp_path)
    inputs = {
        "source_images": str(source / "images"),
        "source_instances": str(source / "instances.json"),
        "source_card": str(source / "dataset.json"),
    }
    copies = make_dataset("copies", COPIES, tmp_path, inputs)
    names = ["scene-00000.flip.png", "scene-00000.jpg", "scene-00002.flip.png", "scene-00002.jpg"]
    assert sorted(path.name for path in (copies / "images").iterdir()) == names
    truth, plain = (read_ground_truth(folder / "instances.json") for folder in (copies, source))
    assert truth.nouns == plain.nouns and set(truth.attributes) == set(plain.attributes)
    card, source_card = (
        json.loads((folder / "dataset.json").read_text(encoding="utf-8")) for folder in (copies, source)
    )
    keys = ("dataset", "images_sha256", "instances_sha256")
    assert card["sources"] == {"source": {key: source_card[key] for key in keys}}
    assert card["options"]["source"] == "scenes" and card["n_groups"] == 2


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
