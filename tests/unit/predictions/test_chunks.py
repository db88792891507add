"""A killed shard goes on where it stood, and its tables are those of one that nothing disturbed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from samgap.predictions import chunks as module
from samgap.predictions.chunks import ChunkStore, PredictionOutput
from samgap.tables import parquet
from samgap.tables.predictions import MASKS, TIMING

ROOT = Path(__file__).parents[3]
IMAGES = 12

SHARD = """
import sys, time
from pathlib import Path
import pandas as pd
from PIL import Image
from samgap.models.shape import Shape
from samgap.predictions.chunks import ChunkStore
from samgap.predictions.shard import predict_shard

folder, seconds, pause = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
number = int(sys.argv[5])

class Slow(Shape):
    def set_image(self, image):
        with open(folder / "encoded.txt", "a") as stream:
            stream.write(f"{image.getpixel((0, 0))[0]}\\n")
        time.sleep(pause)
        super().set_image(image)

images = pd.DataFrame(
    [{"image_id": n, "file": f"{n}.png", "width": 40, "height": 30} for n in range(number)]
)
box = {"x0": 5, "y0": 5, "x1": 15, "y1": 25, "label": 1}
prompts = pd.DataFrame(
    [{"prompt_id": f"{n}-{k}", "image_id": n, "kind": "box", "points": None, "phrase": None,
      "boxes": [{**box, "x1": 10 + n + k if (n, k) != (3, 1) else 5}]} for n in range(number) for k in range(2)]
)
chunks = ChunkStore(folder / "aside", {"weights": sys.argv[4]}, seconds)
predict_shard(Slow("ellipse"), images, folder, prompts, "cpu", chunks)
chunks.write_tables(folder / "masks.parquet", folder / "timing.parquet", {"device": "cpu"})
chunks.remove()
"""


def _start(folder, seconds=0.0, pause=0.0, weights="a"):
    from PIL import Image

    folder.mkdir(exist_ok=True)
    for number in range(IMAGES):
        Image.new("RGB", (40, 30), (number, 0, 0)).save(folder / f"{number}.png")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", SHARD, str(folder), str(seconds), str(pause), weights, str(IMAGES)]
    return subprocess.Popen(command, env=environment)


def _encoded(folder):
    file = folder / "encoded.txt"
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def _killed(folder, after=6):
    """A shard killed in the midst of its images."""
    process = _start(folder, pause=0.15)
    until = time.monotonic() + 120
    while len(_encoded(folder)) < after and time.monotonic() < until and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    return _encoded(folder)


def test_a_killed_shard_goes_on_and_ends_in_the_tables_of_an_undisturbed_one(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert _start(whole, seconds=20).wait() == 0
    before = _killed(cut)
    assert not (cut / "masks.parquet").exists()
    finished = len(list((cut / "aside").rglob("*.parquet")))
    assert 0 < finished < IMAGES
    assert _start(cut, seconds=20).wait() == 0
    again = _encoded(cut)[len(before) :]
    assert again == list(range(finished, IMAGES))  # and nothing of what was finished
    assert (cut / "masks.parquet").read_bytes() == (whole / "masks.parquet").read_bytes()
    timing = [TIMING.read(folder / "timing.parquet")[["image_id", "n_prompts"]] for folder in (whole, cut)]
    pd.testing.assert_frame_equal(*timing)
    assert parquet.read_provenance(cut / "masks.parquet")["notes"] == [
        "prompt 3-1 of image 3.png left out: box (5, 5, 5, 25) has no area"
    ]
    assert not (cut / "aside").exists()


def test_chunks_of_other_weights_are_not_taken_and_go_with_the_shard(tmp_path):
    before = _killed(tmp_path)
    assert _start(tmp_path, weights="b").wait() == 0
    assert _encoded(tmp_path)[len(before) :] == list(range(IMAGES))
    assert not (tmp_path / "aside").exists()


def _row(number):
    keys = {"prompt_id": str(number), "prediction_id": 0, "image_id": number, "score": 0.5, "rle": b"x" * 100}
    return {**keys, **dict.fromkeys(("x0", "y0", "x1", "y1"), 1.0), "height": 9, "width": 9, "area_px": 4}


@pytest.mark.parametrize("rows", [0, 1, 7, 30])
def test_the_table_does_not_depend_on_how_its_rows_came(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(module, "MAX_GROUP_ROWS", 10)
    for name, seconds in (("one", 1e9), ("many", 0.0)):
        chunks = ChunkStore(tmp_path / name, {}, seconds)
        for number in range(rows):
            chunks.add(PredictionOutput([_row(number)]))
        chunks.flush()
        chunks.write_tables(tmp_path / f"{name}.parquet", tmp_path / f"{name}-t.parquet", {"code": "c"})
    one, many = tmp_path / "one.parquet", tmp_path / "many.parquet"
    assert one.read_bytes() == many.read_bytes()
    assert MASKS.read(one)["image_id"].tolist() == list(range(rows))
    assert parquet.read_provenance(one) == {"code": "c"}
    assert pq.read_metadata(one).num_row_groups == -(-rows // 10)
    MASKS.write(tmp_path / "plain.parquet", [_row(number) for number in range(rows)], {"code": "c"})
    assert pq.read_schema(one).equals(pq.read_schema(tmp_path / "plain.parquet"), check_metadata=True)


def test_groups_of_rows_are_cut_by_their_bytes_too(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_GROUP_BYTES", 350)  # four of a hundred
    chunks = ChunkStore(tmp_path / "aside", {}, 0.0)
    for number in range(9):
        chunks.add(PredictionOutput([_row(number)]))
    chunks.write_tables(tmp_path / "m.parquet", tmp_path / "t.parquet", {})
    groups = pq.read_metadata(tmp_path / "m.parquet")
    assert [groups.row_group(place).num_rows for place in range(groups.num_row_groups)] == [4, 4, 1]


def test_a_chunk_that_was_cut_off_is_none(tmp_path):
    chunks = ChunkStore(tmp_path, {}, 0.0)
    chunks.add(PredictionOutput([_row(0)]))
    # What a kill leaves of the next one is a file of another name.
    (chunks.chunk_folder / ".0000001.parquet.abc.parquet").write_bytes(b"PAR1")
    assert ChunkStore(tmp_path, {}).n_done == 1
