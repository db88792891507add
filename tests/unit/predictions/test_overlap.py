"""Reading and RLEs beside the model: the order stays, the queues are bounded, and so is the memory."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from samgap.models.runtime.predictions import logits_to_predictions
from samgap.models.shape import Shape
from samgap.predictions import shard
from samgap.predictions.shard import predict_images

ROOT = Path(__file__).parents[3]
BOX = {"x0": 5, "y0": 5, "x1": 15, "y1": 25, "label": 1}


def _shard(folder, number):
    for n in range(number):
        Image.new("RGB", (40, 30), (n, 0, 0)).save(folder / f"{n}.png")
    images = pd.DataFrame([{"image_id": n, "file": f"{n}.png", "width": 40, "height": 30} for n in range(number)])
    rows = [
        {"prompt_id": f"{n}-{k}", "image_id": n, "kind": "box", "boxes": [BOX]} for n in range(number) for k in "ab"
    ]
    return images, pd.DataFrame(rows)


class Waits(Shape):
    """Takes a while for an image, and gives masks that a worker has to make."""

    def __init__(self):
        super().__init__("box")
        self.encoded = 0

    def set_image(self, image):
        self.number = image.getpixel((0, 0))[0]
        self.encoded += 1
        time.sleep(0.05)

    def predict(self, prompts):
        logits = torch.full((1, 30, 40), -1.0)
        logits[0, : self.number + 1, :4] = 1
        return [logits_to_predictions(np.ones(1), None, logits, (30, 40)) for _ in prompts]


def test_images_come_in_order_with_their_own_masks_though_workers_are_late(tmp_path, monkeypatch):
    from samgap.models.runtime import predictions

    late, real = iter([0.3, 0.0] * 10), predictions.upsample_to_runs

    def slow(*given):
        time.sleep(next(late))
        return real(*given)

    monkeypatch.setattr(predictions, "upsample_to_runs", slow)
    found = list(predict_images(Waits(), *_args(tmp_path, 6), "cpu"))
    assert [row["image_id"] for one in found for row in one.mask_rows] == [n for n in range(6) for _ in "ab"]
    assert [row["area_px"] for one in found for row in one.mask_rows] == [4 * (n + 1) for n in range(6) for _ in "ab"]


def _args(folder, number):
    images, prompts = _shard(folder, number)
    return images, folder, prompts


def test_reading_goes_on_while_the_model_works_but_not_far_ahead(tmp_path, monkeypatch):
    model, ahead = Waits(), []
    real = shard.open_image

    def reading(path, image):
        ahead.append(image["image_id"] - model.encoded)
        time.sleep(0.05)
        return real(path, image)

    monkeypatch.setattr(shard, "open_image", reading)
    started = time.monotonic()
    list(predict_images(model, *_args(tmp_path, 10), "cpu"))
    taken = time.monotonic() - started
    assert taken < 0.9  # 10 times 0.05 s of reading and of the model are 1 s one after the other, 0.55 s side by side
    assert max(ahead) <= shard.N_PREFETCHED_IMAGES + 1


def test_nothing_goes_on_when_it_is_over(tmp_path):
    before = threading.active_count()
    some = predict_images(Waits(), *_args(tmp_path, 6), "cpu")
    next(some)
    some.close()
    list(predict_images(Waits(), *_args(tmp_path, 3), "cpu"))
    assert threading.active_count() == before


MEMORY = """
import resource, sys
from pathlib import Path
import numpy as np, pandas as pd
from PIL import Image
from samgap.models import Prediction
from samgap.predictions import chunks as module
from samgap.predictions.chunks import ChunkStore
from samgap.predictions.shard import predict_shard

module.MAX_CHUNK_IMAGES, module.MAX_GROUP_BYTES = 16, 1 << 20  # what may be held, made small beside what there is

class Noisy:
    random = np.random.default_rng(0)
    def set_image(self, image):
        pass
    def predict(self, prompts):
        return [[Prediction(0.5, (0, 0, 1, 1), 1, self.random.bytes(20_000))] for _ in prompts]

folder, number = Path(sys.argv[1]), int(sys.argv[2])
Image.new("RGB", (64, 48)).save(folder / "0.png")
images = pd.DataFrame([{"image_id": n, "file": "0.png", "width": 64, "height": 48} for n in range(number)])
prompts = pd.DataFrame([{"prompt_id": f"{n}-{k}", "image_id": n, "kind": "phrase", "phrase": "apple", "boxes": None,
                         "points": None} for n in range(number) for k in range(5)])
chunks = ChunkStore(folder / "aside", {}, 0.05)
predict_shard(Noisy(), images, folder, prompts, "cpu", chunks)
chunks.write_tables(folder / "masks.parquet", folder / "timing.parquet", {"device": "cpu"})
chunks.remove()
print((folder / "masks.parquet").stat().st_size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def test_ten_times_the_images_take_no_more_memory(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    size, peak = {}, {}
    for number in (200, 2000):
        (tmp_path / str(number)).mkdir()
        command = [sys.executable, "-W", "ignore", "-c", MEMORY, str(tmp_path / str(number)), str(number)]
        told = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
        size[number], peak[number] = map(int, told.split())
    more = size[2000] - size[200]
    assert more > 150e6  # what would be held if anything were
    assert peak[2000] - peak[200] < 0.25 * more
