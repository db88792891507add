"""Weights from every kind of source except a hub, available or not."""

import hashlib
import json
import logging
from pathlib import Path

import pytest

from samgap.checkpoints.fetch import fetch_weights
from samgap.download import resumable
from samgap.download.damaged import TRAINING_RULE
from samgap.download.errors import Unavailable
from samgap.errors import UserError
from samgap.jobs.code_hash import PACKAGE_DIR
from tests.helpers.server import Server

DATA = b"weights" * 1000
SHA = hashlib.sha256(DATA).hexdigest()
REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resumable, "BACKOFF_S", 0.001)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "served"
    file = folder / "maker" / "model" / "resolve" / REVISION / "model.pt"
    file.parent.mkdir(parents=True)
    file.write_bytes(DATA)
    with Server(folder, extra_headers={"X-Repo-Commit": REVISION}) as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out" / "weights.pt"


def make_available_card(source: str, *checked: str) -> dict:
    result = f"agrees with the {', '.join(checked)}"
    return {
        "status": "available",
        "why": None,
        "source": source,
        "sha256": SHA,
        "size": len(DATA),
        "checked": result,
        "verified": True,
    }


def test_a_model_without_weights(target: Path) -> None:
    card = fetch_weights(None, target, skip_unavailable=False)
    empty = {"sha256": None, "size": None, "checked": None, "verified": None}
    assert card == {"status": "available", "why": None, "source": "none", **empty}
    assert target.read_bytes() == b""


def test_a_local_file(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samgap.checkpoints.fetch.ROOT", tmp_path)
    (tmp_path / "a.pt").write_bytes(DATA)
    assert fetch_weights({"path": "a.pt", "sha256": SHA}, target, skip_unavailable=True) == make_available_card(
        "a.pt", "sha256"
    )
    assert target.read_bytes() == DATA
    with pytest.raises(UserError, match=r"b\.pt: cannot be copied"):
        fetch_weights({"path": "b.pt"}, target, skip_unavailable=True)
    assert target.read_bytes() == DATA


def test_weights_of_a_training(tmp_path: Path, target: Path) -> None:
    weights, card = tmp_path / "trained.pt", tmp_path / "checkpoint.json"
    weights.write_bytes(DATA)
    card.write_text(json.dumps({"status": "available", "sha256": SHA, "size": len(DATA)}), encoding="utf-8")
    files = {"trained_weights": weights, "trained_card": card}
    assert fetch_weights({"training": "tuned"}, target, skip_unavailable=True, **files) == make_available_card(
        "training:tuned", "size", "sha256"
    )
    weights.write_bytes(DATA + b"more")
    with pytest.raises(UserError) as caught:
        fetch_weights({"training": "tuned"}, target, skip_unavailable=True, **files)
    assert str(caught.value) == (
        f"training:tuned: {weights} is not the file that the training wrote; run the same command with --forcerun "
        "train to train again"
    )
    assert f"rule {TRAINING_RULE}:\n" in (PACKAGE_DIR.parents[1] / "rules/training.smk").read_text(encoding="utf-8")
    weights.write_bytes(DATA)
    with pytest.raises(UserError, match="training:tuned: size is 7000, not 3 as configured"):
        fetch_weights({"training": "tuned", "size": 3}, target, skip_unavailable=True, **files)
    card.write_text(json.dumps({"status": "unavailable", "why": "gated"}), encoding="utf-8")
    result = fetch_weights({"training": "tuned"}, target, skip_unavailable=True, **files)
    assert (result["status"], result["why"]) == ("unavailable", "gated")


def test_weights_at_an_address(server: Server, target: Path) -> None:
    url = server.url_of(f"maker/model/resolve/{REVISION}/model.pt")
    assert fetch_weights({"url": url, "sha256": SHA}, target, skip_unavailable=True) == make_available_card(
        url, "sha256"
    )


@pytest.mark.parametrize("status", [401, 403, 404, 503])
def test_unavailable_weights_are_skipped(server: Server, target: Path, status: int, caplog) -> None:
    source = {"url": server.url_of("absent.pt")}
    server.next_statuses = [status] * (resumable.MAX_RETRIES + 1 if status == 503 else 1)
    with caplog.at_level(logging.WARNING, logger="samgap"):
        card = fetch_weights(source, target, skip_unavailable=True)
    assert card["status"] == "unavailable"
    assert str(status) in card["why"]
    assert (card["source"], card["sha256"], card["size"]) == (source["url"], None, None)
    assert target.read_bytes() == b""
    assert card["why"] in caplog.text
    server.next_statuses = [403]
    with pytest.raises(Unavailable):
        fetch_weights(source, target, skip_unavailable=False)


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"size": 3}])
def test_a_wrong_checksum_is_never_skipped(server: Server, target: Path, change: dict) -> None:
    source = {"url": server.url_of(f"maker/model/resolve/{REVISION}/model.pt"), **change}
    with pytest.raises(UserError):
        fetch_weights(source, target, skip_unavailable=True)
    assert not target.exists()


def test_a_source_without_a_location(target: Path) -> None:
    with pytest.raises(UserError, match="one of path, url, hub or training"):
        fetch_weights({"sha256": SHA}, target, skip_unavailable=True)
