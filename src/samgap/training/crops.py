"""Augmentation of training images: random square crops, and changes of light, colour and sharpness."""

import math

import numpy as np
from PIL import Image, ImageFilter

CropWindow = tuple[int, int, int, int]
"""x0, y0, x1, y1 in px, end exclusive; inside the image."""


def sample_window(
    image_size: tuple[int, int],
    box: tuple[float, float, float, float],
    min_fraction: float,
    max_fraction: float,
    rng: np.random.Generator,
) -> CropWindow:
    """Sample a square window that contains the centre of a box, and the entire box if it fits.

    Args:
        image_size: width and height, px
        box: x0, y0, x1, y1, px
        min_fraction: smallest side, as a fraction of the image's shorter side
        max_fraction: largest side; sides are log-uniform between the two
        rng: source of randomness
    """
    side = max(round(min(image_size) * math.exp(rng.uniform(math.log(min_fraction), math.log(max_fraction)))), 1)
    corner = []
    for extent, start, end in zip(image_size, box[:2], box[2:], strict=True):
        if end - start > side:
            start = end = (start + end) / 2
        first, last = max(math.ceil(end) - side, 0), min(math.floor(start), extent - side)
        corner.append(int(rng.integers(first, last + 1)) if last > first else min(first, extent - side))
    return corner[0], corner[1], corner[0] + side, corner[1] + side


def jitter_image(image: Image.Image, rng: np.random.Generator) -> np.ndarray:
    """Return the pixels with random changes of light, colour and sharpness: float32 (height, width, 3), 0 to 1."""
    if rng.random() < 0.25:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.2)))
    pixels = np.asarray(image, np.float32) / 255
    if rng.random() < 0.8:
        # A gain for each channel (colour of the light), contrast about the mean, then exposure as a gamma.
        gain = (rng.uniform(0.75, 1.25) * rng.uniform(0.9, 1.1, 3)).astype(np.float32)
        contrast, gamma = np.float32(rng.uniform(0.75, 1.25)), np.float32(rng.uniform(0.8, 1.25))
        grey = pixels.mean(axis=2, keepdims=True)
        saturation = np.float32(rng.uniform(0.7, 1.3))
        pixels = (grey + (pixels - grey) * saturation) * gain
        pixels = (pixels - pixels.mean()) * contrast + pixels.mean()
        pixels = np.clip(pixels, 0, 1) ** gamma
    if rng.random() < 0.25:
        pixels = pixels + rng.normal(0, rng.uniform(0.005, 0.03), pixels.shape).astype(np.float32)
    return np.clip(pixels, 0, 1)


def image_to_array(image: Image.Image) -> np.ndarray:
    """Return the unchanged pixels as float32 (height, width, 3), 0 to 1."""
    return np.asarray(image, np.float32) / 255
