"""The images of docs/reference/orchard-sim.md are those that the package renders."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the bytes are specific to x86-64")
def test_committed_images_equal_rendered_images(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(REFERENCE.parents[1] / "src"), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, REFERENCE / "make_orchard_sim.py", tmp_path], check=True, env=environment)
    rendered = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert rendered == {path.name: path.read_bytes() for path in (REFERENCE / "img").glob("orchard-*.jpg")}
    assert sum(map(len, rendered.values())) < 400_000


def test_page_links_every_image():
    linked = re.findall(r"\]\(img/(orchard-[^)]*)\)", (REFERENCE / "orchard-sim.md").read_text(encoding="utf-8"))
    assert sorted(linked) == sorted(path.name for path in (REFERENCE / "img").glob("orchard-*.jpg"))
