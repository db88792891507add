"""Prediction of a shard of images with a model that needs no weights; order, queues and memory with several threads."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from samgap.errors import UserError
from samgap.jobs.shards import select_shard
from samgap.models.runtime.predictions import logits_to_predictions
from samgap.models.shape import Shape
from samgap.predictions import shard
from samgap.predictions.shard import predict_images
from samgap.tables.predictions import MASKS, TIMING

ROOT = Path(__file__).parents[3]
BOX = {"x0": 5, "y0": 5, "x1": 15, "y1": 25, "label": 1}


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        Image.new("RGB", (40, 30), (number, 0, 0)).save(tmp_path / f"{number}.png")
    return tmp_path


def make_images(width=40):
    return pd.DataFrame(
        [{"image_id": n, "file": f"{n}.png", "width": width, "height": 30, "group": str(n)} for n in range(3)]
    )


def make_prompts(image_ids):
    return pd.DataFrame(
        [{"prompt_id": f"{n}-{k}", "image_id": n, "kind": "box", "boxes": [BOX]} for n in image_ids for k in range(2)]
    )


def predict(model, images, folder, prompts):
    """Return the rows of tables `masks` and `timing`."""
    outputs = list(predict_images(model, images, folder, prompts, "cpu"))
    assert len(outputs) == len(images)
    mask_rows = [row for output in outputs for row in output.mask_rows]
    return mask_rows, [row for output in outputs for row in output.timing_rows]


class CountingShape(Shape):
    n_encoded = 0

    def set_image(self, image):
        self.n_encoded += 1
        super().set_image(image)


def test_an_image_is_encoded_once_and_not_at_all_without_prompts(folder, tmp_path):
    model = CountingShape("box")
    masks, timing = predict(model, make_images(), folder, make_prompts([0, 2]))
    assert model.n_encoded == 2
    assert [row["prompt_id"] for row in masks] == ["0-0", "0-1", "2-0", "2-1"]
    assert {row["area_px"] for row in masks} == {200}
    MASKS.write(tmp_path / "m.parquet", masks)
    TIMING.write(tmp_path / "t.parquet", timing)


def test_the_warnings_of_a_model_belong_to_its_image(folder):
    class Warns(Shape):
        def __init__(self):
            super().__init__("box")
            self.warnings = []

        def predict(self, prompts):
            self.warnings.append(f"{len(prompts)} prompts")
            return super().predict(prompts)

    outputs = predict_images(Warns(), make_images(), folder, make_prompts([0, 2]), "cpu")
    assert [output.warnings for output in outputs] == [["2 prompts"], [], ["2 prompts"]]


def test_shards_split_the_images_and_may_be_empty(folder):
    parts = [select_shard(make_images(), f"{number:03d}", 5) for number in range(5)]
    assert sorted(np.concatenate([part["image_id"] for part in parts])) == [0, 1, 2]
    assert predict(Shape("box"), parts[4], folder, make_prompts([0])) == ([], [])


def test_an_unreadable_image_raises_a_one_line_error(folder):
    (folder / "1.png").write_bytes(b"not a picture")
    with pytest.raises(UserError, match=r"1\.png: not a readable image"):
        predict(Shape("box"), make_images(), folder, make_prompts([0, 1]))


def test_a_truncated_image_raises_a_one_line_error(folder):
    pixels = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "1.png")
    data = (folder / "1.png").read_bytes()
    (folder / "1.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match=r"1\.png: not a readable image"):
        predict(Shape("box"), make_images(), folder, make_prompts([1]))


def test_an_image_of_another_size_than_in_the_table_raises_a_one_line_error(folder):
    with pytest.raises(UserError, match=r"has 40x30 px, but images\.parquet lists 41x30 px"):
        predict(Shape("box"), make_images(width=41), folder, make_prompts([0]))


def make_shard(folder, n_images):
    """Write images and return the arguments of `predict_images` between the model and the device."""
    for n in range(n_images):
        Image.new("RGB", (40, 30), (n, 0, 0)).save(folder / f"{n}.png")
    images = pd.DataFrame([{"image_id": n, "file": f"{n}.png", "width": 40, "height": 30} for n in range(n_images)])
    rows = [
        {"prompt_id": f"{n}-{k}", "image_id": n, "kind": "box", "boxes": [BOX]} for n in range(n_images) for k in "ab"
    ]
    return images, folder, pd.DataFrame(rows)


class SlowModel(Shape):
    """Takes 50 ms per image, and returns masks that a worker thread must convert."""

    def __init__(self):
        super().__init__("box")
        self.n_encoded = 0

    def set_image(self, image):
        self.number = image.getpixel((0, 0))[0]
        self.n_encoded += 1
        time.sleep(0.05)

    def predict(self, prompts):
        logits = torch.full((1, 30, 40), -1.0)
        logits[0, : self.number + 1, :4] = 1
        return [logits_to_predictions(np.ones(1), None, logits, (30, 40)) for _ in prompts]


def test_images_keep_their_order_and_masks_if_worker_threads_are_late(tmp_path, monkeypatch):
    from samgap.models.runtime import predictions

    delays, upsample_to_runs = iter([0.3, 0.0] * 10), predictions.upsample_to_runs

    def upsample_slowly(*args):
        time.sleep(next(delays))
        return upsample_to_runs(*args)

    monkeypatch.setattr(predictions, "upsample_to_runs", upsample_slowly)
    outputs = list(predict_images(SlowModel(), *make_shard(tmp_path, 6), "cpu"))
    rows = [row for output in outputs for row in output.mask_rows]
    assert [row["image_id"] for row in rows] == [n for n in range(6) for _ in "ab"]
    assert [row["area_px"] for row in rows] == [4 * (n + 1) for n in range(6) for _ in "ab"]


def test_images_are_read_during_prediction_but_not_far_ahead(tmp_path, monkeypatch):
    model, n_ahead = SlowModel(), []
    open_image = shard.open_image

    def open_slowly(path, image_row):
        n_ahead.append(image_row["image_id"] - model.n_encoded)
        time.sleep(0.05)
        return open_image(path, image_row)

    monkeypatch.setattr(shard, "open_image", open_slowly)
    started = time.monotonic()
    list(predict_images(model, *make_shard(tmp_path, 10), "cpu"))
    # 10 images of 0.05 s for reading and 0.05 s for the model: 1 s in sequence, 0.55 s in parallel.
    assert time.monotonic() - started < 0.9
    assert max(n_ahead) <= shard.N_PREFETCHED_IMAGES + 1


def test_no_thread_is_left_after_an_early_stop(tmp_path):
    n_threads = threading.active_count()
    outputs = predict_images(SlowModel(), *make_shard(tmp_path, 6), "cpu")
    next(outputs)
    outputs.close()
    list(predict_images(SlowModel(), *make_shard(tmp_path, 3), "cpu"))
    assert threading.active_count() == n_threads


MEMORY_SCRIPT = """
import resource, sys
from pathlib import Path
import numpy as np, pandas as pd
from PIL import Image
from samgap.models import Prediction
from samgap.predictions import chunks as chunks_module
from samgap.predictions.chunks import ChunkStore
from samgap.predictions.shard import predict_shard

# Small limits, so that the memory they allow is small compared with all predictions.
chunks_module.MAX_CHUNK_IMAGES, chunks_module.MAX_GROUP_BYTES = 16, 1 << 20

class LargeRles:
    rng = np.random.default_rng(0)
    def set_image(self, image):
        pass
    def predict(self, prompts):
        return [[Prediction(0.5, (0, 0, 1, 1), 1, self.rng.bytes(20_000))] for _ in prompts]

folder, n_images = Path(sys.argv[1]), int(sys.argv[2])
Image.new("RGB", (64, 48)).save(folder / "0.png")
images = pd.DataFrame([{"image_id": n, "file": "0.png", "width": 64, "height": 48} for n in range(n_images)])
prompts = pd.DataFrame([{"prompt_id": f"{n}-{k}", "image_id": n, "kind": "phrase", "phrase": "apple", "boxes": None,
                         "points": None} for n in range(n_images) for k in range(5)])
chunks = ChunkStore(folder / "chunks", {}, 0.05)
predict_shard(LargeRles(), images, folder, prompts, "cpu", chunks)
chunks.write_tables(folder / "masks.parquet", folder / "timing.parquet", {"device": "cpu"})
chunks.remove()
print((folder / "masks.parquet").stat().st_size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def test_ten_times_the_images_need_no_more_memory(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    table_bytes, peak_bytes, processes = {}, {}, {}
    for n_images in (200, 2000):
        (tmp_path / str(n_images)).mkdir()
        command = [sys.executable, "-W", "ignore", "-c", MEMORY_SCRIPT, str(tmp_path / str(n_images)), str(n_images)]
        processes[n_images] = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, encoding="utf-8")
    for n_images, process in processes.items():
        stdout, _ = process.communicate()
        assert process.returncode == 0
        table_bytes[n_images], peak_bytes[n_images] = map(int, stdout.split())
    growth = table_bytes[2000] - table_bytes[200]
    assert growth > 150e6  # what would stay in memory without the limits
    assert peak_bytes[2000] - peak_bytes[200] < 0.25 * growth
