"""Pictures of red disks among leaves: enough of an orchard for the demo's models, drawn in no time."""

from typing import Any

import numpy as np
from PIL import Image


def apples(seed: int, side: int = 256, number: int = 6) -> tuple[Image.Image, list[dict[str, Any]]]:
    """A picture of `side` px, and the boxes of the disks in it, as rows of table `prompts` have them."""
    random = np.random.default_rng(seed)
    pixels = random.integers(30, 90, (side // 4, side // 4, 3)).repeat(4, 0).repeat(4, 1).astype(np.float32)
    pixels[..., 1] += 50
    rows, columns = np.mgrid[:side, :side] + 0.5
    boxes = []
    for place in range(number):
        radius = random.uniform(0.04, 0.09) * side
        x = side * ((place % 3) + random.uniform(0.4, 0.6)) / 3
        y = side * ((place // 3) + random.uniform(0.4, 0.6)) / 2
        depth = 1 - ((columns - x) ** 2 + (rows - y) ** 2) / radius**2
        inside = depth > 0
        shade = 0.6 + 0.4 * np.sqrt(np.maximum(depth, 0))
        pixels[inside] = (np.array([205, 40, 45]) * shade[..., None])[inside]
        boxes.append({"x0": x - radius, "y0": y - radius, "x1": x + radius, "y1": y + radius, "label": 1})
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), boxes
