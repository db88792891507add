"""Reading of images: modes, bit depth and orientation."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samgap.datasets import AnnotatedImage, Annotation, photographs, write
from samgap.datasets.exif_orientation import ORIENTATION_TAG
from samgap.errors import UserError
from samgap.predictions.image_io import open_image

IMAGE = {"image_id": 1, "file": "1.png", "width": 40, "height": 30}


def make_random_pixels():
    return np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK", "LA"])
def test_images_of_all_modes_with_8_bits_are_read_as_rgb(tmp_path, mode):
    file = tmp_path / ("1.jpg" if mode == "CMYK" else "1.png")
    Image.fromarray(make_random_pixels()).convert(mode).save(file)
    image = open_image(file, IMAGE)
    assert image.mode == "RGB" and image.size == (40, 30)
    if mode == "L":
        assert (np.asarray(image)[..., 0] == np.asarray(image)[..., 2]).all()
    if mode == "RGBA":
        assert (np.asarray(image) == make_random_pixels()).all()


def test_an_image_with_16_bits_is_refused_instead_of_clipped(tmp_path):
    Image.fromarray(make_random_pixels()[..., 0].astype(np.uint16) * 257).save(tmp_path / "1.png")
    with pytest.raises(UserError, match=r"1\.png: more than 8 bits per channel \(mode I"):
        open_image(tmp_path / "1.png", IMAGE)


@pytest.mark.parametrize("label_size", [(30, 40), (40, 30)], ids=["rotated", "as stored"])
def test_a_rotated_photograph_is_read_in_the_orientation_of_its_labels(tmp_path, label_size):
    # The EXIF orientation is a quarter turn. The labelled red square must be red in the input of the model.
    stored = np.zeros((30, 40, 3), np.uint8)
    stored[2:10, 4:14] = (250, 0, 0)
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = 6
    stream = io.BytesIO()
    Image.fromarray(stored).save(stream, "JPEG", quality=98, subsampling=0, exif=exif)
    photograph = photographs.load_photograph(stream.getvalue(), "1.jpg", label_size)
    red = (stored if label_size == (40, 30) else np.rot90(stored, -1))[..., 0] > 100
    annotated = AnnotatedImage(
        "1.jpg", photograph.encoded_bytes, photograph.width, photograph.height, "1", [Annotation("apple", mask=red)]
    )
    info = {"nouns": ["apple"], "attributes": {}}
    write.write_dataset(
        [annotated], info, tmp_path / "images", tmp_path / "i.json", tmp_path / "i.parquet", dataset="d"
    )
    row = pd.read_parquet(tmp_path / "i.parquet").iloc[0]
    pixels = np.asarray(open_image(tmp_path / "images" / "1.jpg", row))
    assert pixels.shape[:2] == red.shape
    assert ((pixels[..., 0] > 100) == red).mean() > 0.99
