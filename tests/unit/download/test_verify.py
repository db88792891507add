"""Verification of recorded checksums: one line per file, with the kind of damage."""

import json
from pathlib import Path

import pytest

from samgap.datasets import AnnotatedImage
from samgap.datasets.write import write_dataset
from samgap.download import verify
from samgap.io.files import sha256


def list_statuses(results) -> list[str]:
    return [status for status, *_ in results]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set as the rule writes it, with a frame of a video and a file of Snakemake."""
    pictures = [
        AnnotatedImage("b.png", b"two", 6, 8, "g", []),
        AnnotatedImage("v/1.png", b"one", 6, 8, "v", [], sequence="v", frame_index=1),
    ]
    return make_dataset(tmp_path, pictures)


def make_dataset(tmp_path: Path, pictures: list[AnnotatedImage]) -> Path:
    paths = tmp_path / "images", tmp_path / "instances.json", tmp_path / "images.parquet"
    counts = write_dataset(pictures, {"nouns": ["apple"], "attributes": {}}, *paths, dataset="d", provenance={})
    (paths[0] / ".snakemake_timestamp").touch()
    card = {**counts, "instances_sha256": sha256(paths[1]), "table_sha256": sha256(paths[2])}
    (tmp_path / "dataset.json").write_text(json.dumps(card), encoding="utf-8")
    return tmp_path


def test_an_intact_data_set(data: Path) -> None:
    assert list_statuses(verify.verify_dataset(data)) == ["ok", "ok", "ok"]


def test_a_data_set_with_a_changed_image(data: Path) -> None:
    (data / "images" / "v" / "1.png").write_bytes(b"won")
    assert list_statuses(verify.verify_dataset(data)) == ["differs", "ok", "ok"]


def test_a_data_set_without_an_image(data: Path) -> None:
    (data / "images" / "b.png").unlink()
    assert list_statuses(verify.verify_dataset(data)) == ["missing", "ok", "ok"]


def test_a_data_set_with_other_labels(data: Path) -> None:
    file = data / "instances.json"
    file.write_text(file.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert list_statuses(verify.verify_dataset(data)) == ["ok", "differs", "ok"]


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A data set with extra files in its image folder."""
    frames = [
        AnnotatedImage(
            f"v/{n}.png", b"one", 6, 8, "v", [], sequence="v", frame_index=n, extra_files={f"v/flow/{n}.png": b"%d" % n}
        )
        for n in range(3)
    ]
    return make_dataset(tmp_path, frames)


def test_intact_extra_files(video: Path) -> None:
    results = list(verify.verify_dataset(video))
    assert list_statuses(results) == ["ok"] * 4
    assert results[1][1] == f"{video / 'images'} (flow and the like)"


@pytest.mark.parametrize(
    ("file", "content", "status"),
    [
        ("v/flow/1.png", b"2", "differs"),
        ("v/flow/1.png", None, "missing"),
        ("v/flow/3.png", b"3", "differs"),
        ("v/flow/.DS_Store", b"", "ok"),
        ("v/flow/Thumbs.db", b"", "ok"),
        ("v/@eaDir/1.png", b"1", "ok"),
    ],
    ids=["changed", "missing", "additional", "hidden", "windows", "synology"],
)
def test_a_changed_extra_file(video: Path, file: str, content: bytes | None, status: str) -> None:
    path = video / "images" / file
    if content is None:
        path.unlink()
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    assert list_statuses(verify.verify_dataset(video)) == ["ok", status, "ok", "ok"]


def test_without_the_labels_the_images_cannot_be_verified(video: Path) -> None:
    (video / "instances.json").unlink()
    assert list_statuses(verify.verify_dataset(video)) == ["missing", "missing", "missing", "ok"]


def test_a_data_set_that_does_not_exist(tmp_path: Path) -> None:
    assert list_statuses(verify.verify_dataset(tmp_path)) == ["missing"] * 3


def test_an_archive(tmp_path: Path) -> None:
    file = tmp_path / "archive"
    file.write_bytes(b"data")
    (result,) = verify.verify_archive(file)
    assert result[0] == "missing" and "has no record" in result[2]
    (tmp_path / "archive.json").write_text(json.dumps({"sha256": sha256(file)}), encoding="utf-8")
    assert list_statuses(verify.verify_archive(file)) == ["ok"]
    file.write_bytes(b"date")
    (result,) = verify.verify_archive(file)
    assert result[0] == "differs" and sha256(file) in result[2]


@pytest.mark.parametrize(
    ("card", "status"),
    [
        ({"status": "unavailable", "why": "gated", "source": "hub:a/b", "sha256": None}, "skipped"),
        ({"status": "available", "source": "none", "sha256": None}, "ok"),
        ({"status": "available", "source": "x", "sha256": "0" * 64}, "differs"),
        ({"status": "available", "source": "x", "sha256": None}, "missing"),
    ],
)
def test_a_checkpoint(tmp_path: Path, card: dict, status: str) -> None:
    (tmp_path / "weights.pt").write_bytes(b"")
    (tmp_path / "checkpoint.json").write_text(json.dumps(card), encoding="utf-8")
    assert list_statuses(verify.verify_checkpoint(tmp_path)) == [status]


def test_an_invalid_card(tmp_path: Path) -> None:
    (tmp_path / "weights.pt").write_bytes(b"")
    (tmp_path / "checkpoint.json").write_text("{", encoding="utf-8")
    assert list_statuses(verify.verify_checkpoint(tmp_path)) == ["missing"]
