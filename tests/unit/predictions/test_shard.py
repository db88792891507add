"""A shard of images through a model that needs no weights."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samgap.errors import UserError
from samgap.jobs.shards import select_shard
from samgap.models.shape import Shape
from samgap.predictions.shard import predict_images
from samgap.tables.predictions import MASKS, TIMING


@pytest.fixture
def folder(tmp_path):
    for number in range(3):
        Image.new("RGB", (40, 30), (number, 0, 0)).save(tmp_path / f"{number}.png")
    return tmp_path


def _images(width=40):
    return pd.DataFrame(
        [{"image_id": n, "file": f"{n}.png", "width": width, "height": 30, "group": str(n)} for n in range(3)]
    )


def _prompts(image_ids):
    box = {"x0": 5, "y0": 5, "x1": 15, "y1": 25, "label": 1}
    return pd.DataFrame([{"prompt_id": f"{n}-{k}", "image_id": n, "boxes": [box]} for n in image_ids for k in range(2)])


def predict(model, images, folder, prompts, device):
    found = list(predict_images(model, images, folder, prompts, device))
    assert len(found) == len(images)
    return [row for one in found for row in one.mask_rows], [row for one in found for row in one.timing_rows]


class CountingShape(Shape):
    encoded = 0

    def set_image(self, image):
        self.encoded += 1
        super().set_image(image)


def test_an_image_is_encoded_once_and_one_without_prompts_not_at_all(folder, tmp_path):
    model = CountingShape("box")
    masks, timing = predict(model, _images(), folder, _prompts([0, 2]), "cpu")
    assert model.encoded == 2
    assert [row["prompt_id"] for row in masks] == ["0-0", "0-1", "2-0", "2-1"]
    assert {row["area_px"] for row in masks} == {200}
    MASKS.write(tmp_path / "m.parquet", masks)
    TIMING.write(tmp_path / "t.parquet", timing)


def test_shards_split_the_images_without_loss_and_may_be_empty(folder):
    images = _images()
    parts = [select_shard(images, f"{number:03d}", 5) for number in range(5)]
    assert sorted(np.concatenate([part["image_id"] for part in parts])) == [0, 1, 2]
    assert predict(Shape("box"), parts[4], folder, _prompts([0]), "cpu") == ([], [])


def test_no_shard_cuts_a_sequence():
    images = pd.DataFrame({"image_id": range(9), "sequence": [*"aaabbb", None, *"cc"], "frame": range(9)})
    parts = [select_shard(images, number, 2)["image_id"].tolist() for number in range(2)]
    assert parts == [[0, 1, 2, 6], [3, 4, 5, 7, 8]]
    for single in (images.assign(sequence=None), images.drop(columns="sequence")):
        assert select_shard(single, 1, 2)["image_id"].tolist() == [1, 3, 5, 7]


def test_an_unreadable_image_is_one_line(folder):
    (folder / "1.png").write_bytes(b"not a picture")
    with pytest.raises(UserError, match="1.png: not a readable image"):
        predict(Shape("box"), _images(), folder, _prompts([0, 1]), "cpu")


def test_a_truncated_image_is_one_line(folder):
    whole = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    Image.fromarray(whole).save(folder / "1.png")
    data = (folder / "1.png").read_bytes()
    (folder / "1.png").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="1.png: not a readable image"):
        predict(Shape("box"), _images(), folder, _prompts([1]), "cpu")


def test_an_image_of_another_size_than_the_table_says_is_one_line(folder):
    with pytest.raises(UserError, match=r"is 40x30 px, images.parquet says 41x30"):
        predict(Shape("box"), _images(width=41), folder, _prompts([0]), "cpu")
