"""`snakemake fetch` and `snakemake verify`: killed, without access, and offline, with servers on this machine."""

import hashlib
import io
import os
import random
import shutil
import signal
import subprocess
import tarfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.helpers.server import BLOCK_BYTES, Hub, ProcessKiller, Server

from .conftest import SCENES, Checkout, small_config

pytestmark = pytest.mark.workflow

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_thistokenmustnotappear"
WEIGHTS_BYTES = 1_200_000


class OnlineCheckout(Checkout):
    """A checkout that uses `hub` with `TOKEN`, unless `is_offline` is set."""

    def __init__(self, folder: Path, hub: Hub) -> None:
        super().__init__(folder)
        self.hub, self.is_offline = hub, False

    def environment(self) -> dict[str, str]:
        """Return the environment variables of Snakemake, without the user's settings of the hub."""
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING_FACE", "SAMGAP"))
        }
        added = {"OMP_NUM_THREADS": "1", "HF_ENDPOINT": self.hub.base_url, "HF_HOME": str(self.folder.parent / "hub")}
        return {**inherited, **added, "HF_TOKEN": TOKEN, **({"HF_HUB_OFFLINE": "1"} if self.is_offline else {})}


@pytest.fixture
def hub(tmp_path):
    """A gated hub whose files, an archive and two checkpoints, are on another server, `hub.storage`."""
    served = tmp_path / "served"
    (served / "maker/model").mkdir(parents=True)
    rng = random.Random(3)
    for name in ("maker/model/sam3.pt", "sam2.pt"):
        (served / name).write_bytes(rng.randbytes(WEIGHTS_BYTES))
    pixels = np.random.default_rng(3).integers(0, 255, (400, 300, 3), np.uint8)
    mask = np.zeros((400, 300), np.uint8)
    mask[50:80, 60:90] = 1
    with tarfile.open(served / "detection.tar.gz", "w:gz") as archive:
        for folder, array in (("images", pixels), ("masks", mask)):
            stream = io.BytesIO()
            Image.fromarray(array).save(stream, "PNG")
            member = tarfile.TarInfo(f"detection/train/{folder}/20150919_174151_image1.png")
            member.size = stream.tell()
            stream.seek(0)
            archive.addfile(member, stream)
    with Server(served) as storage, Hub(tmp_path, storage=storage, commit=COMMIT, is_gated=True) as running:
        running.granted_tokens = {TOKEN}
        yield running


def write_config(checkout: Checkout, hub: Hub, **sections) -> None:
    """Write the configuration of a run with an archive, a checkpoint from a URL and a checkpoint from the hub."""
    orchard = {"kind": "minneapple", "part": "train", "archives": {"images": "orchard"}}
    sha256 = hashlib.sha256((hub.storage.folder / "detection.tar.gz").read_bytes()).hexdigest()
    archive = {"file": "detection.tar.gz", "url": hub.storage.url_of("detection.tar.gz"), "sha256": sha256}
    weights = {
        "sam2-demo": {"url": hub.storage.url_of("sam2.pt")},
        "sam3-demo": {"hub": "maker/model", "file": "sam3.pt", "revision": COMMIT},
    }
    checkout.write_config(weights=weights, **small_config(orchard), archives={"orchard": archive}, **sections)


def hash_resources(checkout: Checkout) -> dict[str, str]:
    """Return path -> SHA-256 of all fetched files, with links followed, without locks and hidden files of the cache."""
    checksums = {}
    for path in sorted((checkout.folder / "resources").rglob("*")):
        is_hidden = any(part.startswith(".") for part in path.relative_to(checkout.folder).parts)
        if path.is_file() and not is_hidden and path.suffix != ".lock":
            checksums[str(path.relative_to(checkout.folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return checksums


def test_a_fetch_killed_twice_ends_in_the_same_verified_files(tmp_path, hub):
    undisturbed = OnlineCheckout(tmp_path / "undisturbed", hub)
    write_config(undisturbed, hub)
    undisturbed.run("fetch")
    expected, total_bytes = hash_resources(undisturbed), hub.storage.sent_bytes
    assert total_bytes > 2 * WEIGHTS_BYTES
    assert {"resources/archives/orchard", "resources/checkpoints/sam3-demo/weights.pt"} <= expected.keys()

    checkout = OnlineCheckout(tmp_path / "samgap", hub)
    write_config(checkout, hub)
    cache = checkout.folder / "resources/cache"

    def count_stored_bytes() -> int:
        return sum(path.stat().st_size for path in cache.glob("*") if path.suffix not in (".json", ".lock"))

    hub.storage.sent_bytes = 0
    kill_points = sorted(random.Random(11).sample(range(total_bytes - BLOCK_BYTES), 2))
    hub.storage.before_block = killer = ProcessKiller(kill_points, count_stored_bytes)
    exit_codes = []
    while not exit_codes or exit_codes[-1] != 0:
        # No other run uses this folder, so the lock that a killed run leaves protects nothing.
        killer.process = subprocess.Popen(
            checkout.command("fetch", "--nolock", "--rerun-incomplete"),
            cwd=checkout.folder,
            env=checkout.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        exit_codes.append(killer.process.wait(300))
        assert len(exit_codes) <= 3
    assert exit_codes == [-signal.SIGKILL] * 2 + [0]
    assert hash_resources(checkout) == expected
    # Each run resumes from the bytes on disk; at most one block is in transit when a process is killed.
    assert total_bytes <= hub.storage.sent_bytes <= total_bytes + 2 * BLOCK_BYTES
    hub.storage.before_block = None

    # `verify` prints one line for each file, and detects a changed byte and a missing link.
    output = checkout.run("verify", "--nolock")
    lines = [line for line in output.splitlines() if line.startswith("ok ")]
    assert {line.split()[1].split("/")[1] for line in lines} == {"archives", "checkpoints", "datasets"}
    weights = (checkout.folder / "resources/checkpoints/sam3-demo/weights.pt").resolve()
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    (checkout.folder / "resources/archives/orchard").unlink()
    output = checkout.run("verify", "--nolock", succeeds=False)
    assert "differs  resources/checkpoints/sam3-demo/weights.pt" in output
    assert "missing  resources/archives/orchard" in output
    assert "error: 2 of" in output

    # The command of the last line fetches the damaged file again, but no file that the cache has intact: the archive
    # has a checksum, and the server says that the other weights are unchanged.
    hub.storage.requests.clear()
    hub.storage.sent_bytes = 0
    checkout.run("fetch", "--nolock", "--forcerun", "fetch_archive", "dataset", "checkpoint")
    requested = [Path(request["path"].split("?")[0]).name for request in hub.storage.requests]
    assert sorted(requested) == ["sam2.pt", "sam3.pt"]
    assert hub.storage.sent_bytes == WEIGHTS_BYTES
    assert hash_resources(checkout) == expected
    checkout.run("verify", "--nolock")


def test_after_a_fetch_no_network_is_needed_and_two_runs_share_a_cache(tmp_path, hub):
    shared = str(tmp_path / "shared")
    first, second = OnlineCheckout(tmp_path / "first", hub), OnlineCheckout(tmp_path / "second", hub)
    for checkout in (first, second):
        write_config(checkout, hub, cache=shared)
    first.run("fetch")
    n_requests = len(hub.requests) + len(hub.storage.requests)
    first.is_offline = second.is_offline = True
    # As on a node without a network: the second run gets all files from the cache, and the first has nothing to do.
    second.run("fetch")
    assert hash_resources(second) == hash_resources(first)
    assert "Nothing to be done" in first.run("fetch")
    assert len(hub.requests) + len(hub.storage.requests) == n_requests
    # The cache, the mirrors and the number of connections change no file, so a change of them reruns nothing.
    shutil.copytree(shared, tmp_path / "moved")
    write_config(first, hub, cache=str(tmp_path / "moved"), mirrors={"http://mirror.invalid": "x"}, connections=4)
    assert "Nothing to be done" in first.run("fetch")


def test_weights_without_access_are_skipped_and_the_token_is_in_no_output(tmp_path, hub, monkeypatch):
    hub.granted_tokens, hub.known_tokens = set(), {TOKEN}
    sections = small_config({**SCENES, "scenes": 1, "shards": 1})
    del sections["tables"]["claims"]  # it needs the inventory, which imports torch
    sections["experiments"]["spatial-prompts"]["models"] = ["filled-box", "ellipse"]
    sections["figures"]["prompt-or-concept"]["spatial"]["model"] = "ellipse"
    sections["comparisons"]["words"]["pairs"][0]["baseline"]["model"] = "filled-box"
    gated = {"hub": "maker/model", "file": "sam3.pt", "revision": COMMIT}

    stopping = OnlineCheckout(tmp_path / "stopping", hub)
    stopping.write_config(weights={"sam3-demo": gated}, **sections, **{"skip-unavailable": False})
    output = stopping.run("fetch", "--keep-going", succeeds=False)
    (line,) = {line for line in output.splitlines() if line.startswith("error:")}
    assert f"gated; the token in use has no access: request it at {hub.base_url}/maker/model" in line
    assert "HF_TOKEN" in line
    # The other models can be fetched without it.
    stopping.run("fetch", "--config", "models=filled-box,ellipse")

    checkout = OnlineCheckout(tmp_path / "samgap", hub)
    checkout.write_config(weights={"sam3-demo": gated}, **sections)
    # Without weights and an inventory no job may import torch, which takes seconds.
    (tmp_path / "block").mkdir()
    (tmp_path / "block" / "torch.py").write_text(
        "raise ImportError('no job of this run needs torch')", encoding="utf-8"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "block"))
    output += checkout.run(cores=2)
    output += checkout.run("--report", "report.html")
    output += checkout.run("verify")
    assert "skipped  resources/checkpoints/sam3-demo/weights.pt  weights not available" in output
    results = checkout.folder / "results/demo"
    estimates = pq.read_table(results / "statistics/estimates.parquet").to_pandas()
    skipped = estimates[estimates["model"] == "sam3-demo"]
    assert len(skipped) and skipped["note"].str.startswith("skipped: weights not available").all()
    assert skipped["value"].isna().all()
    assert estimates[estimates["model"] != "sam3-demo"]["value"].notna().all()
    for table in sections["tables"]:
        assert "skipped: weights not available" in (results / f"paper/tables/{table}.md").read_text(encoding="utf-8"), (
            table
        )
    for figure in sections["figures"]:
        assert (results / f"paper/figures/{figure}.png").stat().st_size > 0

    secret = TOKEN.encode()
    assert secret not in output.encode()
    for folder in (checkout.folder, stopping.folder):
        for path in folder.rglob("*"):
            if path.is_file():
                assert secret not in path.read_bytes(), path
                # Snakemake's records of jobs have encoded names and compressed content.
                assert TOKEN not in str(path)
