"""Downloads that are damaged, that change on the server, or whose cache is cleared."""

import shutil

import pytest

from samgap.io.files import read_json, sha256
from tests.helpers.server import Server

from .conftest import SCENES, Checkout, baseline_config, small_config
from .test_own_data import write_orchard

pytestmark = pytest.mark.workflow

SHARD = "dataset=orchard/model={model}/prompts=box/shard=000"


class OnlineCheckout(Checkout):
    """A checkout in which downloads in the cache are compared with the server."""

    def environment(self) -> dict[str, str]:
        """Return the environment variables of Snakemake."""
        return {key: value for key, value in super().environment().items() if key != "HF_HUB_OFFLINE"}


def get_error(output: str) -> str:
    """Return the one line of the error of a failed run."""
    (line,) = {line for line in output.splitlines() if line.startswith("error:")}
    return line


def test_a_damaged_archive_leaves_the_cache_and_a_changed_one_replaces_it(tmp_path):
    checkout = OnlineCheckout(tmp_path / "samgap")
    served = write_orchard(tmp_path / "served") / "orchard.tar.gz"
    whole = served.read_bytes()
    served.write_bytes(whole[: len(whole) // 2])
    card, archive = "resources/datasets/orchard/dataset.json", "resources/archives/orchard"
    cache = checkout.folder / "resources/cache"
    with Server(served.parent) as server:
        entry = {"kind": "coco", "annotations": ["labels.json"], "nouns": {"apple": "apple"}, "max-left-out": 0.5}
        checkout.write_config(**baseline_config({**entry, "path": server.url_of(served.name)}))
        error = get_error(checkout.run(card, succeeds=False))
        assert f"{archive}: truncated or damaged archive" in error
        assert error.endswith(".damaged; run the same command again to download it again")
        assert [path.suffix for path in cache.iterdir() if path.suffix not in (".lock",)] == [".damaged"]
        # The message's command is enough, when the server has the whole file.
        served.write_bytes(whole)
        checkout.run(card)
        assert read_json(checkout.folder / card)["sources"]["data"]["sha256"] == sha256(served)

        # A finished part of a run stays finished without the cache, and a forced one fetches what it needs.
        pairs = f"results/demo/matching/{SHARD.format(model='filled-box')}/pairs.parquet"
        checkout.run(pairs)
        shutil.rmtree(cache)
        assert "Nothing to be done" in checkout.run(pairs, "--dry-run")
        assert "rule fetch_archive:" in checkout.run(pairs, "--dry-run", "--forcerun", "dataset")

        # The file is compared with that of the server.
        checkout.run(archive)
        server.sent_bytes = 0
        checkout.run(archive, "--forcerun", "fetch_archive")
        assert server.sent_bytes == 0
        served.write_bytes(whole + bytes(512))
        checkout.run(card, "--forcerun", "fetch_archive")
        assert read_json(checkout.folder / card)["sources"]["data"]["sha256"] == sha256(served)
    # Without the server, the file in the cache is used.
    output = checkout.run(archive, "--forcerun", "fetch_archive")
    assert "warning: the file in the cache is used, which may not be the newest" in output


def test_weights_that_a_model_cannot_read_leave_the_cache(checkout, tmp_path):
    served = tmp_path / "served" / "sam2.pt"
    served.parent.mkdir()
    whole = (checkout.folder / "config/demo/sam2-demo.pt").read_bytes()
    served.write_bytes(whole[: len(whole) // 2])
    masks = f"results/demo/predictions/{SHARD.format(model='sam2-demo')}/masks.parquet"
    with Server(served.parent) as server:
        sections = small_config({**SCENES, "scenes": 1, "shards": 1, "size": 128})
        checkout.write_config(weights={"sam2-demo": {"url": server.url_of(served.name)}}, **sections)
        error = get_error(checkout.run(masks, succeeds=False))
        assert "resources/checkpoints/sam2-demo/weights.pt: not a weights file: it is cut off" in error
        assert error.endswith(".damaged; run the same command again to download it again")
        served.write_bytes(whole)
        checkout.run(masks)
    weights = checkout.folder / "resources/checkpoints/sam2-demo/weights.pt"
    assert sha256(weights) == read_json(weights.with_name("checkpoint.json"))["sha256"] == sha256(served)
