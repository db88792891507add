"""Downloads are verified; mirrors, local files and partial files that cannot be used."""

import logging
from pathlib import Path

import pytest

from samgap.download.errors import Unavailable
from samgap.download.fetch import download_file
from samgap.errors import UserError
from tests.helpers.downloads import DATA, compute_checksums, is_only_file, leave_partial_file
from tests.helpers.server import Server


def test_a_file_is_downloaded_and_verified(server: Server, target: Path) -> None:
    result = download_file(server.url_of("a.bin"), target, **compute_checksums(DATA))
    checked = "agrees with the size, sha256, md5"
    assert result == {"source": server.url_of("a.bin"), **compute_checksums(DATA), "checked": checked, "verified": True}
    assert target.read_bytes() == DATA
    assert is_only_file(target)


@pytest.mark.parametrize("second_hand", [True, False])
def test_a_damaged_partial_file_is_downloaded_again(server: Server, target: Path, second_hand: bool, caplog) -> None:
    part = leave_partial_file(server, target, 300_000)
    part.write_bytes(b"x" * 300_000)
    download_file(server.url_of("a.bin"), target, **compute_checksums(DATA), second_hand=second_hand)
    assert target.read_bytes() == DATA
    assert server.list_request_headers("Range") == ["bytes=300000-", None]
    assert "second-hand" not in caplog.text


# --- mirrors


def test_a_mirror_is_tried_first_and_the_recorded_source_is_the_published_address(server: Server, target: Path) -> None:
    url = "http://nobody.invalid/pub/a.bin"
    mirrors = {"http://nobody.invalid/": server.url_of("wrong/"), "http://nobody.invalid/pub/": server.url_of("")}
    result = download_file(url, target, **compute_checksums(DATA), mirrors=mirrors)
    assert result["source"] == url
    assert [request["path"] for request in server.requests] == ["/a.bin"]  # the longest prefix


def test_a_folder_as_mirror(tmp_path: Path, target: Path) -> None:
    (tmp_path / "pub").mkdir()
    (tmp_path / "pub" / "a.bin").write_bytes(DATA)
    download_file("http://nobody.invalid/pub/a.bin", target, mirrors={"http://nobody.invalid": str(tmp_path)})
    assert target.read_bytes() == DATA


def test_without_the_file_at_the_mirror_its_own_server_is_used(server: Server, target: Path, caplog) -> None:
    mirrors = {server.url_of(""): server.url_of("absent/")}
    assert download_file(server.url_of("a.bin"), target, mirrors=mirrors)["sha256"] == compute_checksums(DATA)["sha256"]
    assert [request["path"] for request in server.requests] == ["/absent/a.bin", "/a.bin"]
    assert "the mirror failed" in caplog.text


def test_a_different_file_at_the_mirror_is_an_error(server: Server, target: Path) -> None:
    (server.folder / "mirror").mkdir()
    (server.folder / "mirror" / "a.bin").write_bytes(DATA[::-1])
    with pytest.raises(UserError, match="as configured"):
        download_file(
            server.url_of("a.bin"),
            target,
            **compute_checksums(DATA),
            mirrors={server.url_of(""): server.url_of("mirror/")},
        )
    assert not target.exists()


def test_credentials_of_an_address_are_not_in_messages(server: Server, target: Path) -> None:
    url = server.url_of("a.bin").replace("://", "://user:secret@")
    assert download_file(url, target)["source"] == server.url_of("a.bin")
    server.next_statuses = [403]
    with pytest.raises(Unavailable) as error:
        download_file(url, target)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(("key", "wrong"), [("sha256", "0" * 64), ("md5", "0" * 32), ("size", 7)])
def test_a_wrong_checksum_keeps_the_old_target(server: Server, target: Path, key: str, wrong: str | int) -> None:
    target.parent.mkdir()
    target.write_bytes(b"before")
    with pytest.raises(UserError, match=f"{wrong} as configured") as error:
        download_file(server.url_of("a.bin"), target, **{key: wrong})
    assert not isinstance(error.value, Unavailable)
    assert target.read_bytes() == b"before"
    assert is_only_file(target)


def test_a_wrong_second_hand_checksum_is_a_warning_with_the_actual_one(server: Server, target: Path, caplog) -> None:
    with caplog.at_level(logging.WARNING, logger="samgap"):
        result = download_file(server.url_of("a.bin"), target, md5="0" * 32, second_hand=True)
    assert target.read_bytes() == DATA
    assert result["sha256"] == compute_checksums(DATA)["sha256"]
    assert result["checked"] == f"differs from the second-hand md5 {'0' * 32}"
    assert "second-hand" in caplog.text
    assert compute_checksums(DATA)["sha256"] in caplog.text
    caplog.clear()
    result = download_file(server.url_of("a.bin"), target, md5=compute_checksums(DATA)["md5"], second_hand=True)
    assert (caplog.text, result["checked"]) == ("", "agrees with the second-hand md5")
    assert result["verified"] is False
    assert download_file(server.url_of("a.bin"), target)["checked"] == "nothing to check it against"


@pytest.mark.parametrize("form", ["path", "uri"])
def test_a_local_file_is_copied(tmp_path: Path, target: Path, form: str) -> None:
    source = tmp_path / "with space.bin"
    source.write_bytes(DATA)
    url = str(source) if form == "path" else source.as_uri()
    checked = "agrees with the size, sha256, md5"
    assert download_file(url, target, **compute_checksums(DATA), name="my file") == {
        "source": "my file",
        **compute_checksums(DATA),
        "checked": checked,
        "verified": True,
    }
    assert target.read_bytes() == DATA
    source.unlink()
    with pytest.raises(UserError, match="No such file"):
        download_file(url, target)
    assert is_only_file(target)


def test_a_misspelt_argument_is_an_error(server: Server, target: Path) -> None:
    with pytest.raises(TypeError, match="sha265"):
        download_file(server.url_of("a.bin"), target, sha265="0" * 64)


def test_other_schemes_are_an_error(target: Path) -> None:
    with pytest.raises(UserError, match="ftp://host/a"):
        download_file("ftp://host/a", target)
