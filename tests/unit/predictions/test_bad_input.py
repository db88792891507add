"""Prompts and pictures as they should not be: named, and the rest is answered."""

import io

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from samgap.datasets import AnnotatedImage, Annotation, photographs, write
from samgap.errors import UserError
from samgap.models import shape
from samgap.models.runtime.predictions import logits_to_predictions
from samgap.predictions.checks import invalid_reason
from samgap.predictions.image_io import open_image
from samgap.predictions.shard import predict_images

IMAGE = {"image_id": 1, "file": "1.png", "width": 40, "height": 30}
GOOD = {"x0": 5, "y0": 5, "x1": 15, "y1": 25, "label": 1}
NAN = float("nan")


def _box(**edges):
    return {"kind": "box", "boxes": [{**GOOD, **edges}]}


def _point(x, y):
    return {"kind": "point", "points": [{"x": x, "y": y, "label": 1}]}


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        (_box(x1=5), r"box \(5, 5, 5, 25\) has no area"),
        (_box(y0=25, y1=5), "has no area"),
        (_box(x0=NAN), "has a coordinate that is no number"),
        (_box(x1=float("inf")), "has a coordinate that is no number"),
        (_box(x0=50, x1=60), "lies outside the image of 40x30 px"),
        (_point(40, 3), r"point \(40, 3\) lies outside the image of 40x30 px"),
        (_point(3, -0.5), "lies outside"),
        (_point(NAN, 3), "has a coordinate that is no number"),
        ({"kind": "phrase", "phrase": "  "}, "its phrase is empty"),
        ({"kind": "other", "phrase": None}, "its phrase is empty"),
        ({"kind": "point", "points": []}, "shows neither a point, nor a box, nor a mask"),
    ],
)
def test_what_cannot_be_asked_is_told(prompt, told):
    import re

    assert re.search(told, invalid_reason({"points": None, "boxes": None, **prompt}, IMAGE))


@pytest.mark.parametrize(
    "prompt",
    [
        _box(),
        _box(x0=-3, x1=60),
        _point(0, 0),
        _point(39.9, 29.9),
        {"kind": "phrase", "phrase": "apple"},
        {"kind": "phrase", "phrase": None, "boxes": np.array([GOOD])},
    ],
)
def test_what_can_be_asked_is_asked(prompt):
    assert invalid_reason({"points": None, **prompt}, IMAGE) is None


def test_the_rest_of_a_shard_is_answered_and_what_is_left_out_is_listed(tmp_path):
    Image.new("RGB", (40, 30)).save(tmp_path / "1.png")
    boxes = [GOOD, {**GOOD, "x1": 5}, {**GOOD, "y1": 20}]
    prompts = pd.DataFrame(
        [{"prompt_id": f"1-{n}", "image_id": 1, "kind": "box", "boxes": [box]} for n, box in enumerate(boxes)]
    )
    (one,) = predict_images(shape.Shape("box"), pd.DataFrame([IMAGE]), tmp_path, prompts, "cpu")
    assert [row["prompt_id"] for row in one.mask_rows] == ["1-0", "1-2"]
    assert one.warnings == ["prompt 1-1 of image 1.png left out: box (5, 5, 5, 25) has no area"]
    assert one.timing_rows[0]["n_prompts"] == 2


def test_an_answer_whose_score_is_no_number_is_left_out_and_listed(tmp_path):
    class Unsure(shape.Shape):
        def predict(self, prompts):
            logits = torch.full((2, 30, 40), 1.0)
            logits[1] = NAN
            scores = np.array([0.9, 1.7]), np.array([0.9, NAN])
            return [logits_to_predictions(each, None, logits, (30, 40)) for each in scores]

    Image.new("RGB", (40, 30)).save(tmp_path / "1.png")
    prompts = pd.DataFrame(
        [{"prompt_id": f"1-{n}", "image_id": 1, "kind": "phrase", "phrase": "apple"} for n in range(2)]
    )
    (one,) = predict_images(Unsure("box"), pd.DataFrame([IMAGE]), tmp_path, prompts, "cpu")
    assert [(row["prompt_id"], row["score"], row["area_px"]) for row in one.mask_rows] == [("1-0", 0.9, 1200)]
    assert [note.partition(":")[0] for note in one.warnings] == ["prompt 1-1 of image 1.png left out"]


def _pixels():
    return np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK", "LA"])
def test_pictures_of_every_mode_of_8_bits_are_read_as_rgb(tmp_path, mode):
    file = tmp_path / ("1.jpg" if mode == "CMYK" else "1.png")
    Image.fromarray(_pixels()).convert(mode).save(file)
    found = open_image(file, IMAGE)
    assert found.mode == "RGB" and found.size == (40, 30)
    if mode == "L":
        assert (np.asarray(found)[..., 0] == np.asarray(found)[..., 2]).all()
    if mode == "RGBA":
        assert (np.asarray(found) == _pixels()).all()


def test_a_picture_of_16_bits_is_refused_and_not_cut_off(tmp_path):
    Image.fromarray(_pixels()[..., 0].astype(np.uint16) * 257).save(tmp_path / "1.png")
    with pytest.raises(UserError, match=r"1\.png: more than 8 bits a channel \(mode I"):
        open_image(tmp_path / "1.png", IMAGE)


@pytest.mark.parametrize("labelled", [(30, 40), (40, 30)], ids=["as shown", "as stored"])
def test_a_turned_photograph_is_asked_as_its_labels_see_it(tmp_path, labelled):
    """EXIF says: turn it by a quarter. Where the red square is labelled, the model must see red."""
    stored = np.zeros((30, 40, 3), np.uint8)
    stored[2:10, 4:14] = (250, 0, 0)
    picture = Image.fromarray(stored)
    exif = Image.Exif()
    exif[photographs.EXIF_ORIENTATION_TAG] = 6
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=98, subsampling=0, exif=exif)
    found = photographs.load_photograph(stream.getvalue(), "1.jpg", labelled)
    red = (stored if labelled == (40, 30) else np.rot90(stored, -1))[..., 0] > 100
    picture = AnnotatedImage("1.jpg", found.encoded_bytes, found.width, found.height, "1", [Annotation("apple", mask=red)])
    info = {"nouns": ["apple"], "attributes": {}}
    write.write_dataset([picture], info, tmp_path / "images", tmp_path / "i.json", tmp_path / "i.parquet", dataset="d")
    row = pd.read_parquet(tmp_path / "i.parquet").iloc[0]
    seen = np.asarray(open_image(tmp_path / "images" / "1.jpg", row))
    assert seen.shape[:2] == red.shape
    assert ((seen[..., 0] > 100) == red).mean() > 0.99
