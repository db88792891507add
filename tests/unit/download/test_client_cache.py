"""A file in the cache of the hub's client is copied only if it has the content that its name states."""

import hashlib
import logging
from pathlib import Path

import pytest

from samgap.download.client_cache import copy_from_client_cache
from samgap.download.errors import ChecksumMismatch

DATA = b"weights" * 1000
SHA = hashlib.sha256(DATA).hexdigest()
GIT_SHA = hashlib.sha1(b"blob 7000\0" + DATA).hexdigest()
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SOURCE = {"hub": "maker/model", "file": "model.pt", "revision": COMMIT}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the repository in the client's cache, without files."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = tmp_path / "hub" / "models--maker--model"
    for name in ("blobs", f"snapshots/{COMMIT}"):
        (folder / name).mkdir(parents=True)
    return folder


def store(repository: Path, blob: str, content: bytes) -> None:
    """Store a file as the client does: under its hash, with a link of its name."""
    (repository / "blobs" / blob).write_bytes(content)
    (repository / f"snapshots/{COMMIT}/model.pt").symlink_to(f"../../blobs/{blob}")


@pytest.mark.parametrize("blob", [SHA, GIT_SHA])
def test_an_undamaged_file_is_copied(repository: Path, tmp_path: Path, blob: str) -> None:
    store(repository, blob, DATA)
    result = copy_from_client_cache(SOURCE, tmp_path / "w", name="weights")
    assert result and (result["source"], result["sha256"], result["verified"]) == ("weights", SHA, blob == SHA)
    assert (tmp_path / "w").read_bytes() == DATA and not (tmp_path / "w").is_symlink()


@pytest.mark.parametrize("blob", [SHA, GIT_SHA])
@pytest.mark.parametrize("content", [DATA[:-1] + b"?", DATA[:100], b""], ids=["changed", "cut", "empty"])
def test_a_damaged_file_is_not_used(repository: Path, tmp_path: Path, blob: str, content: bytes, caplog) -> None:
    store(repository, blob, content)
    with caplog.at_level(logging.WARNING, logger="samgap"):
        assert copy_from_client_cache(SOURCE, tmp_path / "w", name="weights", second_hand=True, sha256=SHA) is None
    assert list(tmp_path.glob("w*")) == []
    assert "model.pt in the cache of the hub's client is damaged and not used" in caplog.text


def test_a_missing_file_is_none(repository: Path, tmp_path: Path) -> None:
    assert copy_from_client_cache(SOURCE, tmp_path / "w", name="weights") is None


def test_a_wrong_configured_checksum_is_an_error_unless_it_is_second_hand(repository: Path, tmp_path: Path) -> None:
    store(repository, SHA, DATA)
    with pytest.raises(ChecksumMismatch, match="weights: sha256 is"):
        copy_from_client_cache(SOURCE, tmp_path / "w", name="weights", sha256="0" * 64)
    assert list(tmp_path.glob("w*")) == []
    with pytest.raises(ChecksumMismatch, match="weights: size is"):
        copy_from_client_cache(SOURCE, tmp_path / "w", name="weights", size=3)
    expected = {"sha256": "0" * 64, "size": 3, "second_hand": True}
    result = copy_from_client_cache(SOURCE, tmp_path / "w", name="weights", **expected)
    assert result and result["sha256"] == SHA


def test_a_file_without_a_hash_in_its_name_needs_a_configured_one(repository: Path, tmp_path: Path, caplog) -> None:
    (repository / f"snapshots/{COMMIT}/model.pt").write_bytes(DATA[:100])
    assert copy_from_client_cache(SOURCE, tmp_path / "w", name="weights", sha256=SHA) is None
    result = copy_from_client_cache(SOURCE, tmp_path / "w", name="weights")
    assert result and (result["size"], result["verified"]) == (100, False)
