"""What identifies unfinished work of `predict` and `train`: no resumed job mixes two states of a file."""

import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from samgap.io import files, packages
from samgap.predictions import chunks
from samgap.training import run as training_run
from tests.scripts.test_matching_and_statistics import Named

ROOT = Path(__file__).parents[2]


class Recorded(Exception):
    """Raised instead of the work of a script, with what identifies it."""


def record_chunks(folder: Path, fingerprint: Any, ownership: Any) -> None:
    raise Recorded(fingerprint)


def record_training(*args: Any, recipe: Any, **settings: Any) -> None:
    raise Recorded(recipe)


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the scripts read of Snakemake's object, for a small data set and a model without a network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(chunks, "ChunkStore", record_chunks)
    monkeypatch.setattr(training_run, "run_training", record_training)
    for name in ("images.parquet", "prompts.parquet"):
        Path(name).touch()
    for name in ("dataset.json", "weights.pt", "words.txt"):
        Path(name).write_text(f"{name} before", encoding="utf-8")
    labels = {"images": [], "annotations": [], "categories": [], "info": {"nouns": [], "attributes": {}}}
    files.write_json(Path("instances.json"), labels)
    files.write_json(Path("checkpoint.json"), {"status": "available"})
    monkeypatch.setattr("samgap.tables.parquet.Table.read", lambda *args: {"image_id": []})
    monkeypatch.setattr("samgap.jobs.shards.select_shard", lambda images, shard, n_shards: images)
    common = {"device": "cpu", "tf32": False, "code": "a", "states": {"words": "2 files, before"}}
    return SimpleNamespace(
        predict=SimpleNamespace(
            input=Named(
                images="images",
                image_table="images.parquet",
                dataset="dataset.json",
                prompts="prompts.parquet",
                weights="weights.pt",
                card="checkpoint.json",
                named="words.txt",
            ),
            output=Named(masks="masks.parquet", timing="timing.parquet"),
            params=Named(common, model={"family": "shape", "shape": "box"}, shards=2, chunks="chunks"),
            wildcards=Named(model="shape", shard="001"),
        ),
        train=SimpleNamespace(
            input=Named(
                images=["images"],
                truth=["instances.json"],
                dataset="dataset.json",
                val_images="images",
                val_truth="instances.json",
                named="words.txt",
                start="weights.pt",
                start_card="checkpoint.json",
            ),
            output=Named(weights="trained/weights.pt"),
            params=Named(
                common,
                seed=3,
                options={"family": "sam2", "validation": "mine", "steps": 9, "batch": 1},
                model={"family": "sam2"},
                shares={"mine": 1.0},
                exhaustive={"mine": True},
                phrases=[{"phrase": "apple", "noun": "apple"}],
            ),
            wildcards=Named(training="learn"),
        ),
    )


CONFIG = {"trainings": {"learn": {"save-minutes": 10}}}


def identify(job: SimpleNamespace, script: str) -> Any:
    """Return what identifies the unfinished work of a script."""
    log = [f"{script.replace('/', '-')}.log"]
    snakemake = SimpleNamespace(**vars(job), log=log, rule=script, config=CONFIG, threads=1)
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(ROOT / "scripts" / f"{script}.py"), init_globals={"snakemake": snakemake})
    error = stop.value.__context__
    assert isinstance(error, Recorded), Path(log[0]).read_text(encoding="utf-8")
    return error.args[0]


def edit(name: str) -> Callable[..., None]:
    return lambda job, monkeypatch: Path(name).write_text("after", encoding="utf-8")


def change_param(name: str, value: Any) -> Callable[..., None]:
    return lambda job, monkeypatch: job.params.update({name: value})


def upgrade(job: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages.metadata, "version", lambda name: "0")


SHARED = {
    "nothing": (lambda job, monkeypatch: None, False),
    "the file that the model names": (edit("words.txt"), True),
    "a file in a folder that the model names": (change_param("states", {"words": "2 files, after"}), True),
    "an image": (edit("dataset.json"), True),
    "a package": (upgrade, True),
}
CHANGES = {
    "predictions/predict": {**SHARED, "the weights": (edit("weights.pt"), True)},
    "training/train": {
        **SHARED,
        "the weights that it starts from": (edit("weights.pt"), True),
        "the phrases": (change_param("phrases", [{"phrase": "pear", "noun": "apple"}]), True),
        "whether labels are exhaustive": (change_param("exhaustive", {"mine": False}), True),
        "the shares": (change_param("shares", {"mine": 0.5}), True),
    },
}


@pytest.mark.parametrize(
    ("script", "change"), [(script, change) for script, changes in CHANGES.items() for change in changes]
)
def test_unfinished_work_is_resumed_only_if_all_that_it_depends_on_is_unchanged(job, script, change, monkeypatch):
    rule = getattr(job, Path(script).name)
    before = identify(rule, script)
    apply, is_other = CHANGES[script][change]
    apply(rule, monkeypatch)
    assert (identify(rule, script) != before) == is_other
