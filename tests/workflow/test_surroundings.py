"""A run with credentials in addresses, a space in the path of the checkout, no home folder and another locale."""

import hashlib
import os
import shutil
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from tests.helpers.archives import ROOT
from tests.helpers.server import Server

from .conftest import Checkout, baseline_config

pytestmark = pytest.mark.workflow

TOKEN = "pear-and-plum/42="
SIGNATURE = "quince-and-fig"
"""Values of an environment variable; no file and no output may have them."""


class ProtectedServer(Server):
    """A server that refuses requests without the token or the signature."""

    def special_response(self, request) -> tuple[int, dict[str, str]] | None:
        return None if TOKEN in request.path or f"X-Amz-Signature={SIGNATURE}" in request.path else (403, {})


class AdverseCheckout(Checkout):
    """A checkout without a home folder, in a locale with another encoding, and with credentials in the environment."""

    variables: dict[str, str]

    def environment(self) -> dict[str, str]:
        """Return the environment variables of Snakemake."""
        inherited = {name: value for name, value in super().environment().items() if name != "XDG_CACHE_HOME"}
        # Without the last two, Python takes UTF-8 in the locale C.
        locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
        return {**inherited, **locale, "HOME": "/proc/none", **self.variables}


@pytest.fixture
def server(tmp_path):
    served = tmp_path / "served"
    served.mkdir()
    shutil.copy(ROOT / "config/demo/sam2-demo.pt", served / "sam2.pt")
    with ProtectedServer(served) as running:
        yield running


def pack_photographs(server: Server) -> None:
    """Write an archive with one image in the layout of MinneApple."""
    folder = server.folder / "data"
    for name, value in (("images", 120), ("masks", 0)):
        (folder / "train" / name).mkdir(parents=True)
        pixels = np.full((80, 60), value, np.uint8)
        pixels[20:40, 20:40] = 1
        image = Image.fromarray(pixels if name == "masks" else np.stack([pixels] * 3, -1))
        image.save(folder / "train" / name / "20150919_174151_image1.png")
    shutil.make_archive(str(server.folder / "data"), "zip", folder)


def list_leaks(folder: Path, secrets: list[str]) -> list[Path]:
    """Return the files with one of `secrets` in their content or name."""
    values = [value.encode() for secret in secrets for value in {secret, quote(secret), quote(secret, safe="")}]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if any(value in path.read_bytes() + os.fsencode(path) for value in values)]


def test_credentials_stay_out_of_every_file(tmp_path, server):
    pack_photographs(server)
    checkout = AdverseCheckout(tmp_path / "my checkout")
    checkout.variables = {
        "SAMGAP_TEST_TOKEN": TOKEN,
        "SAMGAP_TEST_URL": server.url_of(f"sam2.pt?X-Amz-Date=20240101T000000Z&X-Amz-Signature={SIGNATURE}"),
    }
    archive = {"file": "data.zip", "url": server.url_of("data.zip?token=${SAMGAP_TEST_TOKEN}")}
    weights = {
        "url": "${SAMGAP_TEST_URL}",
        "sha256": hashlib.sha256((server.folder / "sam2.pt").read_bytes()).hexdigest(),
    }
    sections = baseline_config({"kind": "minneapple", "part": "train", "archives": {"images": "orchard"}})
    sections["experiments"]["spatial-prompts"]["models"] = ["filled-box"]
    with Server(tmp_path / "empty") as mirror:
        checkout.write_config(
            weights={"sam2-demo": weights},
            **{**sections, "tables": {}, "comparisons": {}},
            archives={"orchard": archive},
            mirrors={server.base_url: mirror.base_url},
        )
        card = "resources/checkpoints/sam2-demo/checkpoint.json"
        output = checkout.run("resources/datasets/orchard/dataset.json", card, "--verbose")
        assert [request["path"] for request in mirror.requests] == ["/data.zip"]
    assert {request["path"] for request in server.requests} == {
        f"/data.zip?token={TOKEN}",
        f"/sam2.pt?X-Amz-Date=20240101T000000Z&X-Amz-Signature={SIGNATURE}",
    }
    dataset_card = (checkout.folder / "resources/datasets/orchard/dataset.json").read_text(encoding="utf-8")
    assert server.url_of("data.zip") in dataset_card
    assert '"available"' in (checkout.folder / card).read_text(encoding="utf-8")
    assert TOKEN not in output and SIGNATURE not in output
    assert list_leaks(checkout.folder, [TOKEN, SIGNATURE]) == []
    # The search finds a value where there is one.
    (checkout.folder / ".snakemake" / "leak").write_text(quote(TOKEN, safe=""), encoding="utf-8")
    assert list_leaks(checkout.folder, [TOKEN, SIGNATURE]) == [checkout.folder / ".snakemake" / "leak"]

    # Another user lacks the variable. Files in the cache need none.
    checkout.variables = {}
    assert "Finished" in checkout.run("fetch", "--forcerun", "fetch_archive")
    shutil.rmtree(checkout.folder / "resources")
    lines = [line for line in checkout.run("fetch", succeeds=False).splitlines() if line.startswith("error: ")]
    assert set(lines) == {
        "error: archives.orchard.url names the environment variable SAMGAP_TEST_TOKEN, which is not set; set it "
        "(export SAMGAP_TEST_TOKEN=…) and run again"
    }
    # A literal value is refused before anything runs.
    archive["url"] = server.url_of(f"data.zip?token={TOKEN}")
    checkout.write_config(**sections, archives={"orchard": archive})
    (line,) = [line for line in checkout.run("-n", succeeds=False).splitlines() if line.startswith("error: ")]
    assert "archives.orchard.url has the value of 'token' in its address" in line and TOKEN not in line
