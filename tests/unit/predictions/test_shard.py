"""Prediction of a shard of images with a model that needs no weights."""

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


def make_images(width=40):
    return pd.DataFrame(
        [{"image_id": n, "file": f"{n}.png", "width": width, "height": 30, "group": str(n)} for n in range(3)]
    )


def make_prompts(image_ids):
    box = {"x0": 5, "y0": 5, "x1": 15, "y1": 25, "label": 1}
    return pd.DataFrame(
        [{"prompt_id": f"{n}-{k}", "image_id": n, "kind": "box", "boxes": [box]} for n in image_ids for k in range(2)]
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


def test_a_sequence_is_in_one_shard():
    images = pd.DataFrame({"image_id": range(9), "sequence": [*"aaabbb", None, *"cc"], "frame": range(9)})
    parts = [select_shard(images, number, 2)["image_id"].tolist() for number in range(2)]
    assert parts == [[0, 1, 2, 6], [3, 4, 5, 7, 8]]
    for single in (images.assign(sequence=None), images.drop(columns="sequence")):
        assert select_shard(single, 1, 2)["image_id"].tolist() == [1, 3, 5, 7]


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
