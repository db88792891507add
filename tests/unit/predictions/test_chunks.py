"""A killed shard resumes from its chunks, and its tables equal those of an uninterrupted one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image

from samgap.predictions import chunks as chunks_module
from samgap.predictions.chunks import ChunkStore, PredictionOutput
from samgap.tables import parquet
from samgap.tables.predictions import MASKS, TIMING

ROOT = Path(__file__).parents[3]
N_IMAGES = 12

SHARD_SCRIPT = """
import sys, time
from pathlib import Path
import pandas as pd
from PIL import Image
from samgap.models.shape import Shape
from samgap.predictions.chunks import ChunkStore
from samgap.predictions.shard import predict_shard

folder, chunk_seconds, image_seconds = Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
weights, n_images = sys.argv[4], int(sys.argv[5])

class SlowShape(Shape):
    def set_image(self, image):
        with open(folder / "encoded.txt", "a") as stream:
            stream.write(f"{image.getpixel((0, 0))[0]}\\n")
        time.sleep(image_seconds)
        super().set_image(image)

images = pd.DataFrame(
    [{"image_id": n, "file": f"{n}.png", "width": 40, "height": 30} for n in range(n_images)]
)
box = {"x0": 5, "y0": 5, "x1": 15, "y1": 25, "label": 1}
prompts = pd.DataFrame(
    [{"prompt_id": f"{n}-{k}", "image_id": n, "kind": "box", "points": None, "phrase": None,
      "boxes": [{**box, "x1": 10 + n + k if (n, k) != (3, 1) else 5}]} for n in range(n_images) for k in range(2)]
)
chunks = ChunkStore(folder / "chunks", {"weights": weights}, chunk_seconds)
predict_shard(SlowShape("ellipse"), images, folder, prompts, "cpu", chunks)
chunks.write_tables(folder / "masks.parquet", folder / "timing.parquet", {"device": "cpu"})
chunks.remove()
"""


def start_shard(folder, chunk_seconds=0.0, image_seconds=0.0, weights="a"):
    folder.mkdir(exist_ok=True)
    for number in range(N_IMAGES):
        Image.new("RGB", (40, 30), (number, 0, 0)).save(folder / f"{number}.png")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    arguments = [str(folder), str(chunk_seconds), str(image_seconds), weights, str(N_IMAGES)]
    return subprocess.Popen([sys.executable, "-W", "ignore", "-c", SHARD_SCRIPT, *arguments], env=environment)


def read_encoded(folder):
    """Return the numbers of the images that were encoded, over all starts of the shard."""
    file = folder / "encoded.txt"
    return [int(line) for line in file.read_text(encoding="utf-8").split()] if file.exists() else []


def kill_shard(folder, n_images=6):
    """Start a shard, kill it after `n_images` images and return the numbers of the encoded images."""
    process = start_shard(folder, image_seconds=0.15)
    deadline = time.monotonic() + 120
    while len(read_encoded(folder)) < n_images and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    return read_encoded(folder)


def test_a_killed_shard_resumes_and_writes_the_tables_of_an_uninterrupted_one(tmp_path):
    complete, killed = tmp_path / "complete", tmp_path / "killed"
    uninterrupted = start_shard(complete, chunk_seconds=20)
    encoded_before = kill_shard(killed)
    assert uninterrupted.wait() == 0
    assert not (killed / "masks.parquet").exists()
    n_chunks = len(list((killed / "chunks").rglob("*.parquet")))
    assert 0 < n_chunks < N_IMAGES
    assert start_shard(killed, chunk_seconds=20).wait() == 0
    # The images of completed chunks are not encoded again.
    assert read_encoded(killed)[len(encoded_before) :] == list(range(n_chunks, N_IMAGES))
    assert (killed / "masks.parquet").read_bytes() == (complete / "masks.parquet").read_bytes()
    timing = [TIMING.read(folder / "timing.parquet")[["image_id", "n_prompts"]] for folder in (complete, killed)]
    pd.testing.assert_frame_equal(*timing)
    assert parquet.read_provenance(killed / "masks.parquet")["notes"] == [
        "prompt 3-1 of image 3.png skipped: box (5, 5, 5, 25) has no area"
    ]
    assert not (killed / "chunks").exists()


def test_chunks_of_other_weights_are_not_used_and_are_deleted_at_the_end(tmp_path):
    encoded_before = kill_shard(tmp_path)
    assert start_shard(tmp_path, weights="b").wait() == 0
    assert read_encoded(tmp_path)[len(encoded_before) :] == list(range(N_IMAGES))
    assert not (tmp_path / "chunks").exists()


def make_row(number):
    ids = {"prompt_id": str(number), "prediction_id": 0, "image_id": number, "score": 0.5, "rle": b"x" * 100}
    return {**ids, **dict.fromkeys(("x0", "y0", "x1", "y1"), 1.0), "height": 9, "width": 9, "area_px": 4}


@pytest.mark.parametrize("n_rows", [0, 1, 7, 30])
def test_the_table_does_not_depend_on_the_chunks(tmp_path, monkeypatch, n_rows):
    monkeypatch.setattr(chunks_module, "MAX_GROUP_ROWS", 10)
    for name, chunk_seconds in (("one", 1e9), ("many", 0.0)):
        chunks = ChunkStore(tmp_path / name, {}, chunk_seconds)
        for number in range(n_rows):
            chunks.add(PredictionOutput([make_row(number)]))
        chunks.flush()
        chunks.write_tables(tmp_path / f"{name}.parquet", tmp_path / f"{name}-t.parquet", {"code": "c"})
    one_chunk, many_chunks = tmp_path / "one.parquet", tmp_path / "many.parquet"
    assert one_chunk.read_bytes() == many_chunks.read_bytes()
    assert MASKS.read(one_chunk)["image_id"].tolist() == list(range(n_rows))
    assert parquet.read_provenance(one_chunk) == {"code": "c"}
    assert pq.read_metadata(one_chunk).num_row_groups == -(-n_rows // 10)
    MASKS.write(tmp_path / "plain.parquet", [make_row(number) for number in range(n_rows)], {"code": "c"})
    assert pq.read_schema(one_chunk).equals(pq.read_schema(tmp_path / "plain.parquet"), check_metadata=True)


def test_row_groups_are_limited_by_their_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(chunks_module, "MAX_GROUP_BYTES", 350)  # four rows of 100 bytes reach it
    chunks = ChunkStore(tmp_path / "chunks", {}, 0.0)
    for number in range(9):
        chunks.add(PredictionOutput([make_row(number)]))
    chunks.write_tables(tmp_path / "m.parquet", tmp_path / "t.parquet", {})
    metadata = pq.read_metadata(tmp_path / "m.parquet")
    assert [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)] == [4, 4, 1]


def test_a_partly_written_chunk_is_ignored(tmp_path):
    chunks = ChunkStore(tmp_path, {}, 0.0)
    chunks.add(PredictionOutput([make_row(0)]))
    # A kill during the atomic write of the next chunk leaves a temporary file.
    (chunks.chunk_folder / ".0000001.parquet.abc.parquet").write_bytes(b"PAR1")
    assert ChunkStore(tmp_path, {}).n_done == 1
