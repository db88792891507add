"""Weights from a model hub: the real client with a local server that responds like the hub."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from samgap.jobs.code_hash import PACKAGE_DIR
from tests.helpers.server import Hub, Server

DATA = b"weights" * 1000
SHA = hashlib.sha256(DATA).hexdigest()
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SOURCE = {"hub": "maker/model", "file": "model.pt", "revision": COMMIT}
NAME = f"hub:maker/model/model.pt@{COMMIT}"
TOKEN = "hf_nobodymayseethis"


@pytest.fixture
def hub(tmp_path: Path):
    file = tmp_path / "storage" / "maker" / "model" / "model.pt"
    file.parent.mkdir(parents=True)
    file.write_bytes(DATA)
    with Server(tmp_path / "storage") as storage, Hub(tmp_path, storage=storage, commit=COMMIT) as running:
        yield running


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out" / "weights.pt"


PROGRAM = """
import json, logging, sys, time
from pathlib import Path
time.sleep = lambda seconds: None  # the client retries without waiting
from samgap.download.cache import DownloadSettings
from samgap.checkpoints.fetch import fetch_weights
from samgap.errors import UserError
logging.basicConfig(level=logging.DEBUG)
source, target, cache, mirrors, skip = json.loads(sys.argv[1])
try:
    settings = DownloadSettings(Path(cache), mirrors)
    print(json.dumps(fetch_weights(source, target, skip_unavailable=skip, settings=settings)))
except UserError as error:
    print(json.dumps({"error": str(error)}))
"""


def fetch(
    target: Path,
    endpoint: str,
    source: dict = SOURCE,
    skip: bool = True,
    mirrors: dict | None = None,
    **environment: str,
) -> dict:
    """Fetch in a new process, because the hub's client reads the environment only when it is imported."""
    home = target.parent.parent
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING_FACE"))}
    settings = {
        "PYTHONPATH": str(PACKAGE_DIR.parent),
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home / "hub"),
        "HOME": str(home),
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps([source, str(target), str(home / "cache"), mirrors or {}, skip])],
        env={**clean, **settings, **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    assert TOKEN not in done.stdout + done.stderr
    assert "thrown while requesting" not in done.stderr and "Retrying" not in done.stderr  # messages of the client
    assert "letmein" not in done.stdout  # the key of a signed address
    return json.loads(done.stdout)


def make_available_card(checked: str = "agrees with the size, sha256") -> dict:
    card = {"source": NAME, "sha256": SHA, "size": len(DATA), "checked": checked, "verified": True}
    return {"status": "available", "why": None, **card}


def test_a_public_file_is_fetched_once_and_then_linked_from_the_cache(hub: Hub, target: Path) -> None:
    assert fetch(target, hub.base_url) == make_available_card()
    assert target.read_bytes() == DATA
    target.unlink()
    hub.requests.clear()
    assert fetch(target, hub.base_url, HF_HUB_OFFLINE="1")["status"] == "available"
    assert target.read_bytes() == DATA
    # A fixed revision cannot change, so no request is sent.
    assert fetch(target, hub.base_url)["status"] == "available"
    assert hub.requests == []


def test_the_token_is_sent_to_the_hub_only(hub: Hub, target: Path) -> None:
    hub.is_gated, hub.granted_tokens = True, {TOKEN}
    assert fetch(target, hub.base_url, HF_TOKEN=TOKEN) == make_available_card()
    resolved = [request for request in hub.requests if "/resolve/" in request["path"]]
    assert [request["method"] for request in resolved] == ["HEAD", "GET"]
    assert {request["headers"].get("Authorization") for request in resolved} == {f"Bearer {TOKEN}"}
    assert hub.storage.list_request_headers("Authorization") == [None]


def test_the_token_of_the_clients_login_is_used(hub: Hub, target: Path) -> None:
    hub.is_gated, hub.granted_tokens = True, {TOKEN}
    (target.parent.parent / "hub").mkdir()
    (target.parent.parent / "hub" / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    assert fetch(target, hub.base_url)["status"] == "available"


@pytest.mark.parametrize(
    ("token", "parts"),
    [
        ("", ["gated; request access at {hub}/maker/model, then set HF_TOKEN to a token from {hub}/settings/tokens"]),
        (f"{TOKEN}bad", ["refuses the token (401)", "{hub}/settings/tokens", "set HF_TOKEN", "{hub}/maker/model"]),
        (f"{TOKEN}pending", ["not yet granted: see {hub}/maker/model, and run again with this HF_TOKEN"]),
        (
            f"{TOKEN}other",
            ["no access: request it at {hub}/maker/model", "fine-grained", "set HF_TOKEN to another one"],
        ),
        (f"{TOKEN}…", ["the token has invalid characters", "set HF_TOKEN"]),
    ],
    ids=["none", "refused", "pending", "no-access", "invalid-characters"],
)
def test_gated_weights_are_one_line_with_the_page_and_the_setting(
    hub: Hub, target: Path, token: str, parts: list[str]
) -> None:
    hub.is_gated, hub.known_tokens, hub.pending_tokens = True, {f"{TOKEN}other"}, {f"{TOKEN}pending"}
    environment = {"HF_TOKEN": token} if token else {}
    card = fetch(target, hub.base_url, **environment)
    assert (card["status"], card["source"], card["sha256"]) == ("unavailable", NAME, None)
    assert "\n" not in card["why"]
    for part in parts:
        assert part.format(hub=hub.base_url) in card["why"]
    assert target.read_bytes() == b""
    assert fetch(target, hub.base_url, skip=False, **environment) == {"error": card["why"]}


def test_offline_mode_without_the_file_in_a_cache(hub: Hub, target: Path) -> None:
    card = fetch(target, hub.base_url, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE is set and the file is in no cache" in card["why"]
    assert "unset it" in card["why"] and f"{hub.base_url}/maker/model" in card["why"]
    assert hub.requests == []


def test_a_hub_that_cannot_be_reached(hub: Hub, target: Path, tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        address = server.base_url
    card = fetch(target, address)
    assert f"{address} cannot be reached" in card["why"]
    assert "HF_ENDPOINT" in card["why"] and f"{address}/maker/model" in card["why"]


def test_a_password_in_the_endpoint_is_in_no_card(hub: Hub, target: Path, tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        address = server.base_url
    for endpoint, status in ((hub.base_url, 503), (address, None)):
        hub.next_statuses = [status] * 20 if status else []
        why = fetch(target, endpoint.replace("://", "://me:pear-and-plum@"))["why"]
        assert f"{endpoint} " in why and "plum" not in why


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"revision": "0123456"}, "no such revision; see {hub}/maker/model/commits/main"),
        ({"file": "absent.pt"}, "no such file; see {hub}/maker/model/tree/main"),
    ],
)
def test_a_revision_or_file_that_does_not_exist(hub: Hub, target: Path, change: dict, message: str) -> None:
    assert message.format(hub=hub.base_url) in fetch(target, hub.base_url, {**SOURCE, **change})["why"]


@pytest.mark.parametrize(
    ("status", "message"), [(503, "responds 503; try again later"), (404, "responds 404, not found")]
)
def test_a_hub_that_responds_with_an_error(hub: Hub, target: Path, status: int, message: str) -> None:
    hub.next_statuses = [status] * 20
    assert message in fetch(target, hub.base_url)["why"]


def test_a_server_that_is_not_a_hub(hub: Hub, target: Path) -> None:
    (hub.storage.folder / "maker/model/resolve" / COMMIT).mkdir(parents=True)
    (hub.storage.folder / "maker/model/resolve" / COMMIT / "model.pt").write_bytes(DATA)
    assert "is not a model hub; check HF_ENDPOINT" in fetch(target, hub.storage.base_url)["why"]


def test_an_invalid_hub_id(hub: Hub, target: Path) -> None:
    assert "not a valid hub id" in fetch(target, hub.base_url, {**SOURCE, "hub": "a//b"})["error"]


def test_a_different_checksum_is_an_error_before_the_download(hub: Hub, target: Path) -> None:
    card = fetch(target, hub.base_url, {**SOURCE, "sha256": "0" * 64})
    assert f"sha256 is {SHA}, not {'0' * 64} as configured" in card["error"]
    assert hub.storage.requests == []
    assert not target.exists()


def test_the_hubs_checksum_replaces_a_second_hand_one(hub: Hub, target: Path) -> None:
    source = {**SOURCE, "sha256": "0" * 64, "md5": "0" * 32, "second-hand": True}
    assert fetch(target, hub.base_url, source) == make_available_card()


def test_bytes_that_differ_from_the_hubs_checksum_are_an_error(hub: Hub, target: Path) -> None:
    path, special_response = hub.storage.folder / "maker/model/model.pt", hub.special_response

    def replace_file(request):
        response = special_response(request)
        if request.command == "GET" and "/resolve/" in request.path:  # after the metadata were sent
            path.write_bytes(DATA[::-1])
        return response

    hub.special_response = replace_file
    assert "sha256 is" in fetch(target, hub.base_url)["error"]
    assert not target.exists()


def test_a_branch_is_resolved_on_each_fetch(hub: Hub, target: Path) -> None:
    source = {**SOURCE, "revision": "main"}
    fetch(target, hub.base_url, source)
    newer = DATA + b"newer"
    (hub.storage.folder / "maker/model/model.pt").write_bytes(newer)
    assert fetch(target, hub.base_url, source)["sha256"] == hashlib.sha256(newer).hexdigest()
    assert target.read_bytes() == newer
    # Offline, the file fetched last is used.
    assert fetch(target, hub.base_url, source, HF_HUB_OFFLINE="1")["size"] == len(newer)


def test_without_an_answer_of_the_hub_the_cache_is_used(hub: Hub, target: Path) -> None:
    source = {**SOURCE, "revision": "main"}
    expected = fetch(target, hub.base_url, source)
    hub.next_statuses = [503] * 20
    assert fetch(target, hub.base_url, source) == {**expected, "checked": "agrees with the size, sha256"}
    # A refusal is an answer.
    hub.next_statuses = [404] * 20
    assert fetch(target, hub.base_url, source)["status"] == "unavailable"


def test_a_file_in_the_clients_cache_is_copied(hub: Hub, target: Path) -> None:
    snapshot = target.parent.parent / "hub" / "hub" / "models--maker--model" / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "model.pt").write_bytes(DATA)
    card = fetch(target, hub.base_url, {**SOURCE, "sha256": SHA})
    assert (card["status"], card["sha256"]) == ("available", SHA)
    assert hub.requests == []
    shutil.rmtree(snapshot)
    assert target.read_bytes() == DATA  # a copy, because the user may clear that cache


@pytest.mark.parametrize("blob", [SHA, hashlib.sha1(b"blob 7000\0" + DATA).hexdigest()])
def test_a_damaged_file_in_the_clients_cache_is_not_copied(hub: Hub, target: Path, blob: str) -> None:
    repository = target.parent.parent / "hub" / "hub" / "models--maker--model"
    for folder in ("blobs", f"snapshots/{COMMIT}"):
        (repository / folder).mkdir(parents=True)
    (repository / f"snapshots/{COMMIT}/model.pt").symlink_to(f"../../blobs/{blob}")
    (repository / "blobs" / blob).write_bytes(DATA[:-1] + b"?")
    card = fetch(target, hub.base_url, HF_HUB_OFFLINE="1")
    assert card["status"] == "unavailable" and "is in no cache" in card["why"]
    assert fetch(target, hub.base_url) == make_available_card()
    assert target.read_bytes() == DATA
    # The undamaged file is copied without a request; a large one is verified against the SHA-256 in its name.
    hub.requests.clear()
    shutil.rmtree(target.parent.parent / "cache")
    (repository / "blobs" / blob).write_bytes(DATA)
    card = fetch(target, hub.base_url)
    assert (card["status"], card["sha256"], card["verified"]) == ("available", SHA, blob == SHA)
    assert hub.requests == []
    # A wrong configured checksum is an error as for a download.
    assert "sha256 is" in fetch(target, hub.base_url, {**SOURCE, "sha256": "0" * 64})["error"]


def test_a_mirror_of_the_hub(hub: Hub, target: Path, tmp_path: Path) -> None:
    file = tmp_path / "mirror" / "maker/model/resolve" / COMMIT / "model.pt"
    file.parent.mkdir(parents=True)
    file.write_bytes(DATA)
    hub.is_gated = True
    card = fetch(target, hub.base_url, {**SOURCE, "sha256": SHA}, mirrors={hub.base_url: str(tmp_path / "mirror")})
    assert card["status"] == "available"
    assert hub.requests == []


def test_a_cut_download_is_resumed(hub: Hub, target: Path) -> None:
    hub.storage.cut_after_bytes = [3000]
    assert fetch(target, hub.base_url) == make_available_card()
    assert hub.storage.list_request_headers("Range") == [None, "bytes=3000-"]
