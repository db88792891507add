"""Small data sets of the simulated orchard, and their pixels."""

import io
from typing import Any

import numpy as np
from PIL import Image

from samgap.datasets import AnnotatedImage, Annotation, orchard_sim

OPTIONS = {"scenes": 24, "size": 256, "seed": 7}
SEQUENCES = {"scenes": 2, "size": 160, "seed": 5, "frames": 4}


def render_images(**options: Any) -> list[AnnotatedImage]:
    """Return the images of a data set with `OPTIONS`, updated with `options`."""
    return list(orchard_sim.iter_images({**OPTIONS, **options}, {}, seed=0))


def decode_rgb(image: AnnotatedImage) -> np.ndarray:
    """Return the pixels of an image, float32, (height, width, 3), 0 to 255."""
    with Image.open(io.BytesIO(image.encoded_bytes)) as photo:
        return np.asarray(photo.convert("RGB"), np.float32)


def collect_annotations(images: list[AnnotatedImage], noun: str = "apple") -> list[Annotation]:
    """Return the annotations with a noun in all images."""
    return [annotation for image in images for annotation in image.annotations if annotation.noun == noun]
