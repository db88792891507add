"""The pictures of docs/reference/orchard-sim.md show the orchard as the package draws it today."""

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the bytes are those of x86-64")
def test_the_committed_pictures_are_those_that_the_program_draws(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(REFERENCE.parents[1] / "src"), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, REFERENCE / "make_orchard_sim.py", tmp_path], check=True, env=environment)
    drawn = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert drawn == {path.name: path.read_bytes() for path in (REFERENCE / "img").glob("orchard-*.jpg")}
    assert sum(map(len, drawn.values())) < 400_000


def test_the_page_shows_every_picture():
    shown = re.findall(r"\]\(img/(orchard-[^)]*)\)", (REFERENCE / "orchard-sim.md").read_text())
    assert sorted(shown) == sorted(path.name for path in (REFERENCE / "img").glob("orchard-*.jpg"))
