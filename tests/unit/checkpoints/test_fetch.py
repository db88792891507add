"""Weights from every kind of source, there or not; the hub is played by a server on this machine."""

import hashlib
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from samgap import download as downloads
from samgap.checkpoints.fetch import fetch
from samgap.code import PACKAGE
from samgap.download import Unavailable
from samgap.errors import UserError
from tests.helpers.server import Server

DATA = b"weights" * 1000
SHA = hashlib.sha256(DATA).hexdigest()
REVISION = "0123456789abcdef0123456789abcdef01234567"
HUB = {"hub": "maker/model", "file": "model.pt", "revision": REVISION, "sha256": SHA, "size": len(DATA)}
TOKEN = "hf_nobodymayseethis"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(downloads, "BACKOFF", 0.001)
    folder = tmp_path / "served"
    file = folder / "maker" / "model" / "resolve" / REVISION / "model.pt"
    file.parent.mkdir(parents=True)
    file.write_bytes(DATA)
    with Server(folder, headers={"X-Repo-Commit": REVISION}) as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out" / "weights.pt"


def available(source: str) -> dict:
    return {"status": "available", "why": None, "source": source, "sha256": SHA, "size": len(DATA)}


def test_no_weights(target: Path) -> None:
    card = fetch(None, target, skip_unavailable=False)
    assert card == {"status": "available", "why": None, "source": "none", "sha256": None, "size": None}
    assert target.read_bytes() == b""


def test_file_of_the_repository(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samgap.checkpoints.fetch.ROOT", tmp_path)
    (tmp_path / "a.pt").write_bytes(DATA)
    assert fetch({"path": "a.pt", "sha256": SHA}, target, skip_unavailable=True) == available("a.pt")
    assert target.read_bytes() == DATA
    with pytest.raises(UserError, match=r"b\.pt: cannot be copied"):
        fetch({"path": "b.pt"}, target, skip_unavailable=True)
    assert target.read_bytes() == DATA


def test_training(tmp_path: Path, target: Path) -> None:
    made, card = tmp_path / "made.pt", tmp_path / "checkpoint.json"
    made.write_bytes(DATA)
    card.write_text(json.dumps({"status": "available", "sha256": SHA, "size": len(DATA)}))
    files = {"trained": made, "trained_card": card}
    assert fetch({"training": "tuned"}, target, skip_unavailable=True, **files) == available("training:tuned")
    made.write_bytes(DATA + b"more")
    with pytest.raises(UserError, match="training:tuned: size is"):
        fetch({"training": "tuned"}, target, skip_unavailable=True, **files)
    card.write_text(json.dumps({"status": "unavailable", "why": "gated"}))
    found = fetch({"training": "tuned"}, target, skip_unavailable=True, **files)
    assert (found["status"], found["why"]) == ("unavailable", "gated")


def test_address(server: Server, target: Path) -> None:
    url = server.url(f"maker/model/resolve/{REVISION}/model.pt")
    assert fetch({"url": url, "sha256": SHA}, target, skip_unavailable=True) == available(url)


@pytest.mark.parametrize("status", [401, 403, 404, 503])
def test_address_that_gives_nothing_is_skipped(server: Server, target: Path, status: int, caplog) -> None:
    source = {"url": server.url("absent.pt")}
    server.statuses = [status] * (downloads.TRIES + 1 if status == 503 else 1)
    with caplog.at_level(logging.WARNING, logger="samgap"):
        card = fetch(source, target, skip_unavailable=True)
    assert card["status"] == "unavailable"
    assert str(status) in card["why"]
    assert (card["source"], card["sha256"], card["size"]) == (source["url"], None, None)
    assert target.read_bytes() == b""
    assert card["why"] in caplog.text
    server.statuses = [403]
    with pytest.raises(Unavailable):
        fetch(source, target, skip_unavailable=False)


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"size": 3}])
def test_wrong_checksum_stops_even_so(server: Server, target: Path, change: dict) -> None:
    source = {"url": server.url(f"maker/model/resolve/{REVISION}/model.pt"), **change}
    with pytest.raises(UserError):
        fetch(source, target, skip_unavailable=True)
    assert list(target.parent.iterdir()) == []


def test_source_of_no_kind(target: Path) -> None:
    with pytest.raises(UserError, match="one of path, url, hub or training"):
        fetch({"sha256": SHA}, target, skip_unavailable=True)


def from_hub(
    target: Path, endpoint: str, source: dict = HUB, skip: bool = True, **environment: str
) -> tuple[str, dict]:
    """Fetch in a process of its own: the hub's client reads its settings once, from the environment."""
    program = (
        "import json, logging, sys, time\n"
        "time.sleep = lambda seconds: None\n"  # the client asks again as ever, without its waits
        "from samgap.checkpoints.fetch import fetch\n"
        "from samgap.errors import UserError\n"
        "logging.basicConfig(level=logging.INFO)\n"
        "source, target, skip = json.loads(sys.argv[1])\n"
        "try:\n    print(json.dumps(fetch(source, target, skip_unavailable=skip)))\n"
        "except UserError as error:\n    print(json.dumps({'error': str(error)}))\n"
    )
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING_FACE"))}
    settings = {
        "PYTHONPATH": str(PACKAGE.parent),
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(target.parent.parent / "hub"),
        "HF_HUB_DISABLE_XET": "1",
        **environment,
    }
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps([source, str(target), skip])],
        env={**clean, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert TOKEN not in done.stdout + done.stderr
    return done.stdout + done.stderr, json.loads(done.stdout)


def test_hub_then_its_cache_offline(server: Server, target: Path) -> None:
    name = f"hub:maker/model/model.pt@{REVISION}"
    _, card = from_hub(target, server.address)
    assert card == available(name)
    assert target.read_bytes() == DATA
    target.unlink()
    asked = len(server.requests)
    _, card = from_hub(target, server.address, HF_HUB_OFFLINE="1")
    assert card == available(name)
    assert target.read_bytes() == DATA
    assert len(server.requests) == asked


def test_hub_sends_the_token_and_never_tells_it(server: Server, target: Path) -> None:
    _, card = from_hub(target, server.address, HF_TOKEN=TOKEN)
    assert card["status"] == "available"
    asked = [request for request in server.requests if "/resolve/" in request["path"]]
    assert {request["headers"].get("Authorization") for request in asked} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("status", "code", "token", "said"),
    [
        (401, "GatedRepo", "", ["gated", "/maker/model", "HF_TOKEN"]),
        (403, "GatedRepo", TOKEN, ["gated", "no access", "/maker/model", "HF_TOKEN"]),
        (401, "RepoNotFound", "", ["not there, or private", "/maker/model", "HF_TOKEN"]),
        (401, "", TOKEN, ["HF_TOKEN"]),
        (403, "", TOKEN, ["403", "HF_TOKEN"]),
        (404, "", "", ["answers 404", "check the hub id"]),
        (404, "RevisionNotFound", TOKEN, ["no such revision", "/maker/model/commits"]),
        (404, "EntryNotFound", TOKEN, ["no such file", "/maker/model/tree"]),
    ],
)
def test_hub_refuses(server: Server, target: Path, status: int, code: str, token: str, said: list[str]) -> None:
    server.statuses = [status] * 20
    server.headers["X-Error-Code"] = code
    _, card = from_hub(target, server.address, **({"HF_TOKEN": token} if token else {}))
    assert card["status"] == "unavailable"
    assert "\n" not in card["why"]
    for words in said:
        assert words in card["why"]
    assert target.read_bytes() == b""
    _, card = from_hub(target, server.address, skip=False)
    assert set(card) == {"error"}


def test_hub_out_of_reach(tmp_path: Path, target: Path) -> None:
    with Server(tmp_path) as server:
        address = server.address
    _, card = from_hub(target, address)
    assert card["status"] == "unavailable"
    assert f"{address} cannot be reached" in card["why"]
    _, card = from_hub(target, address, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set and the file is not in the cache" in card["why"]


def test_wrong_checksum_from_the_hub_stops(server: Server, target: Path) -> None:
    _, card = from_hub(target, server.address, {**HUB, "sha256": "0" * 64})
    assert set(card) == {"error"}
    assert f"sha256 is {SHA}" in card["error"]
    assert not target.exists()
