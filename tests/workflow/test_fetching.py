"""`snakemake fetch` and `snakemake verify`: killed, gated, and offline, against servers on this machine."""

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
TOKEN = "hf_nobodymayseethistoken"
SIZE = 1_200_000


class Online(Checkout):
    """A checkout with a hub in reach, and a token for it."""

    def __init__(self, folder: Path, hub: Hub) -> None:
        super().__init__(folder)
        self.hub, self.offline = hub, False

    def environment(self) -> dict[str, str]:
        clean = {
            key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING_FACE", "SAMGAP"))
        }
        own = {"OMP_NUM_THREADS": "1", "HF_ENDPOINT": self.hub.base_url, "HF_HOME": str(self.folder.parent / "hub")}
        return {**clean, **own, "HF_TOKEN": TOKEN, **({"HF_HUB_OFFLINE": "1"} if self.offline else {})}


@pytest.fixture
def hub(tmp_path):
    """A hub whose files, an archive and a checkpoint lie on one more server, `hub.storage`."""
    served = tmp_path / "served"
    (served / "maker/model").mkdir(parents=True)
    noise = random.Random(3)
    for name in ("maker/model/sam3.pt", "sam2.pt"):
        (served / name).write_bytes(noise.randbytes(SIZE))
    pixels = np.random.default_rng(3).integers(0, 255, (400, 300, 3), np.uint8)
    mask = np.zeros((400, 300), np.uint8)
    mask[50:80, 60:90] = 1
    with tarfile.open(served / "detection.tar.gz", "w:gz") as archive:
        for folder, picture in (("images", pixels), ("masks", mask)):
            data = io.BytesIO()
            Image.fromarray(picture).save(data, "PNG")
            member = tarfile.TarInfo(f"detection/train/{folder}/20150919_174151_image1.png")
            member.size = data.tell()
            data.seek(0)
            archive.addfile(member, data)
    with Server(served) as storage, Hub(tmp_path, storage=storage, commit=COMMIT, is_gated=True) as running:
        running.granted_tokens = {TOKEN}
        yield running


def configure(checkout: Checkout, hub: Hub, **more) -> None:
    """A run of an archive, a checkpoint by its address and one of the hub."""
    orchard = {"kind": "minneapple", "part": "train", "archives": {"images": "orchard"}}
    sha256 = hashlib.sha256((hub.storage.folder / "detection.tar.gz").read_bytes()).hexdigest()
    archive = {"file": "detection.tar.gz", "url": hub.storage.url_of("detection.tar.gz"), "sha256": sha256}
    weights = {
        "sam2-demo": {"url": hub.storage.url_of("sam2.pt")},
        "sam3-demo": {"hub": "maker/model", "file": "sam3.pt", "revision": COMMIT},
    }
    checkout.config(weights=weights, **small_config(orchard), archives={"orchard": archive}, **more)


def resources(checkout: Checkout) -> dict[str, str]:
    """sha256 of all that the run has, links followed, without the cache's locks and what a kill left in it."""
    found = {}
    for path in sorted((checkout.folder / "resources").rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(checkout.folder).parts)
        if path.is_file() and not hidden and path.suffix != ".lock":
            found[str(path.relative_to(checkout.folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def test_a_fetch_killed_twice_ends_in_the_same_verified_files(tmp_path, hub):
    undisturbed = Online(tmp_path / "undisturbed", hub)
    configure(undisturbed, hub)
    undisturbed.run("fetch")
    expected, total = resources(undisturbed), hub.storage.sent
    assert {"resources/archives/orchard", "resources/checkpoints/sam3-demo/weights.pt"} <= expected.keys()

    checkout = Online(tmp_path / "samgap", hub)
    configure(checkout, hub)
    cache = checkout.folder / "resources/cache"

    def kept() -> int:
        return sum(path.stat().st_size for path in cache.glob("*") if path.suffix not in (".json", ".lock"))

    hub.storage.sent = 0
    points = sorted(random.Random(11).sample(range(total - BLOCK_BYTES), 2))
    hub.storage.watch = killer = ProcessKiller(points, kept)
    codes = []
    while not codes or codes[-1] != 0:
        # Nobody else is there whom the lock of a killed run could protect.
        killer.process = subprocess.Popen(
            checkout.command("fetch", "--nolock", "--rerun-incomplete"),
            cwd=checkout.folder,
            env=checkout.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        codes.append(killer.process.wait(300))
        assert len(codes) <= 3
    assert codes == [-signal.SIGKILL] * 2 + [0]
    assert resources(checkout) == expected
    # Each run went on with what had come before, but for what was on its way while the killed one's last process died.
    assert total <= hub.storage.sent <= total + 2 * BLOCK_BYTES
    hub.storage.watch = None

    # verify: a line a file; again without a network; and after a byte is changed.
    told = checkout.run("verify", "--nolock")
    lines = [line for line in told.splitlines() if line.startswith("ok ")]
    assert {line.split()[1].split("/")[1] for line in lines} == {"archives", "checkpoints", "datasets"}
    weights = (checkout.folder / "resources/checkpoints/sam3-demo/weights.pt").resolve()
    weights.write_bytes(weights.read_bytes()[:-1] + b"?")
    (checkout.folder / "resources/archives/orchard").unlink()
    told = checkout.run("verify", "--nolock", ok=False)
    assert "differs  resources/checkpoints/sam3-demo/weights.pt" in told
    assert "missing  resources/archives/orchard" in told
    assert "error: 2 of" in told

    # As the last line says: what is damaged comes anew, and what the cache has whole does not.
    hub.storage.requests.clear()
    checkout.run("fetch", "--nolock", "--forcerun", "fetch_archive", "dataset", "checkpoint")
    assert [Path(request["path"].split("?")[0]).name for request in hub.storage.requests] == ["sam3.pt"]
    assert resources(checkout) == expected
    checkout.run("verify", "--nolock")


def test_after_a_fetch_nothing_needs_a_network_and_two_runs_share_a_cache(tmp_path, hub):
    shared = str(tmp_path / "shared")
    first, second = Online(tmp_path / "first", hub), Online(tmp_path / "second", hub)
    for checkout in (first, second):
        configure(checkout, hub, cache=shared)
    first.run("fetch")
    asked = len(hub.requests) + len(hub.storage.requests)
    first.offline = second.offline = True
    # As on a node without a network: the other run finds all in the cache, and this one has nothing to do.
    second.run("fetch")
    assert resources(second) == resources(first)
    assert "Nothing to be done" in first.run("fetch")
    assert len(hub.requests) + len(hub.storage.requests) == asked
    # What a cache, a mirror or the number of connections is changes no file, so it makes nothing again.
    shutil.copytree(shared, tmp_path / "moved")
    configure(first, hub, cache=str(tmp_path / "moved"), mirrors={"http://nobody.invalid": "x"}, connections=4)
    assert "Nothing to be done" in first.run("fetch")


def test_weights_that_are_refused_are_skipped_and_the_token_is_nowhere(tmp_path, hub):
    hub.granted, hub.known = set(), {TOKEN}
    sections = small_config({**SCENES, "scenes": 1, "shards": 1})
    sections["experiments"]["spatial-prompts"]["models"] = ["filled-box", "ellipse"]
    sections["figures"]["prompt-or-concept"]["spatial"]["model"] = "ellipse"
    sections["comparisons"]["words"]["pairs"][0]["baseline"]["model"] = "filled-box"
    gated = {"hub": "maker/model", "file": "sam3.pt", "revision": COMMIT}

    stopping = Online(tmp_path / "stopping", hub)
    stopping.config(weights={"sam3-demo": gated}, **sections, **{"skip-unavailable": False})
    told = stopping.run("fetch", "--keep-going", ok=False)
    (line,) = {line for line in told.splitlines() if line.startswith("error:")}
    assert f"gated; the token in use has no access: ask for it at {hub.address}/maker/model" in line
    assert "HF_TOKEN" in line
    # The rest runs without it.
    stopping.run("fetch", "--config", "models=filled-box,ellipse")

    checkout = Online(tmp_path / "samgap", hub)
    checkout.config(weights={"sam3-demo": gated}, **sections)
    tables = [f"results/demo/paper/tables/{name}.md" for name in sections["tables"]]
    told += checkout.run(*tables)
    told += checkout.run(*tables, "--report", "report.html")
    told += checkout.run("verify")
    assert "skipped  resources/checkpoints/sam3-demo/weights.pt  weights not available" in told
    results = checkout.folder / "results/demo"
    estimates = pq.read_table(results / "statistics/estimates.parquet").to_pandas()
    missing = estimates[estimates["model"] == "sam3-demo"]
    assert len(missing) and missing["note"].str.startswith("skipped: weights not available").all()
    for table in tables:
        assert "skipped: weights not available" in (checkout.folder / table).read_text(), table

    secret = TOKEN.encode()
    assert secret not in told.encode()
    for folder in (checkout.folder, stopping.folder):
        for path in folder.rglob("*"):
            if path.is_file():
                assert secret not in path.read_bytes(), path
                # Snakemake keeps what it knows of jobs under encoded names and in compressed form.
                assert TOKEN not in str(path)
