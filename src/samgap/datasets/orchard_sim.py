"""Kind `orchard-sim`: a procedural orchard with exact instance masks.

Fruit (ripe and unripe apples, oranges, pears) hangs in foliage, behind leaves, branches and each other. The mask
of a fruit is its visible pixels. Apples carry the attribute `ripeness`; oranges and pears are the distractors that
make a negative phrase mean something. All lengths scale with the image, so one seed gives one scene at every size.

Options: `scenes` (number), `size` (side of the square image, px), `seed` (scene i depends on it and on i alone).
"""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from samgap.datasets import Label, Picture

NOUNS = ("apple", "orange", "pear")
RIPENESS = ("ripe", "unripe")

# Below this visible area (share of the image) or visible share of itself, a fruit is kept but marked `ignore`.
MIN_AREA = 1 / 2000
MIN_VISIBLE = 0.2


def info(options: Mapping[str, Any]) -> dict[str, Any]:
    """What is labelled: every fruit, and the ripeness of every apple."""
    return {"nouns": list(NOUNS), "attributes": {"ripeness": list(RIPENESS)}}


def pictures(options: Mapping[str, Any], archives: Mapping[str, Path], seed: int) -> Iterator[Picture]:
    """Scene after scene, each from its own generator. The set's own `seed` option stands over the run's."""
    size = options["size"]
    for number in range(options["scenes"]):
        pixels, labels = scene(np.random.default_rng([options.get("seed", seed), number]), size)
        data = io.BytesIO()
        Image.fromarray(pixels).save(data, "png", compress_level=1)
        name = f"scene-{number:05d}"
        yield Picture(f"{name}.png", data.getvalue(), size, size, name, labels)


def scene(rng: np.random.Generator, size: int) -> tuple[np.ndarray, list[Label]]:
    """One scene: RGB pixels, uint8 (size, size, 3), and its fruit."""
    canvas = Canvas(rng, size)
    canvas.leaves(70, lambda: canvas.foliage * rng.uniform(0.55, 1.1))
    for _ in range(rng.integers(1, 4)):
        canvas.branch()
    fruits = _fruits(rng)
    for number, (noun, attributes) in enumerate(fruits, start=1):
        canvas.fruit(number, noun, attributes.get("ripeness"))
    canvas.leaves(int(rng.integers(8, 30)), lambda: canvas.foliage * rng.uniform(0.9, 1.6))
    if rng.random() < 0.4:
        canvas.branch(thin=True)
    return canvas.developed(), canvas.labels(fruits)


def _fruits(rng: np.random.Generator) -> list[tuple[str, dict[str, str]]]:
    """Which fruit hangs in a scene; one in eight has no apple, and most lack one ripeness or a distractor."""
    fruits: list[tuple[str, dict[str, str]]] = []
    if rng.random() < 0.88:
        ripe = rng.choice([0.0, 0.5, 1.0], p=[0.25, 0.5, 0.25])
        for _ in range(rng.integers(1, 8)):
            fruits.append(("apple", {"ripeness": "ripe" if rng.random() < ripe else "unripe"}))
    for noun in NOUNS[1:]:
        if rng.random() < 0.35:
            fruits += [(noun, {})] * int(rng.integers(1, 4))
    return [fruits[index] for index in rng.permutation(len(fruits))]


class Canvas:
    """A picture in the making: colours as float32 0 to 255, and the number of the fruit seen at each pixel."""

    def __init__(self, rng: np.random.Generator, size: int) -> None:
        self.rng, self.size = rng, size
        self.foliage = np.array([rng.uniform(35, 80), rng.uniform(80, 125), rng.uniform(25, 60)], np.float32)
        self.light = rng.uniform(-0.9, 0.9), rng.uniform(-0.9, -0.2)  # where the sun stands, in fruit radii
        sky = np.array([rng.uniform(150, 220), rng.uniform(180, 225), rng.uniform(205, 245)], np.float32)
        share = np.clip(self.texture(5) * 1.8 + rng.uniform(-0.5, 0.2), 0, 1)[..., None]
        self.pixels = self.foliage * (0.75 + 0.5 * self.texture(24)[..., None]) * (1 - share) + sky * share
        self.pixels = ndimage.gaussian_filter(self.pixels, (size / 120, size / 120, 0))
        self.owner = np.zeros((size, size), np.int16)
        self.full: dict[int, int] = {}

    def texture(self, cells: int) -> np.ndarray:
        """Smooth noise, float32 (size, size), -0.5 to 0.5, with about `cells` bumps across."""
        coarse = Image.fromarray(self.rng.random((cells, cells), np.float32))
        return np.asarray(coarse.resize((self.size, self.size), Image.Resampling.BICUBIC)) - 0.5

    def window(self, x: float, y: float, reach: float) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray]:
        """The part of the canvas within `reach` px of (x, y), and its pixels' offsets from there."""
        top, left = max(int(y - reach), 0), max(int(x - reach), 0)
        bottom, right = min(int(y + reach) + 2, self.size), min(int(x + reach) + 2, self.size)
        rows, columns = np.mgrid[top:bottom, left:right].astype(np.float32)
        return (slice(top, bottom), slice(left, right)), columns - np.float32(x), rows - np.float32(y)

    def paint(self, where: tuple[slice, slice], mask: np.ndarray, colour: np.ndarray, owner: int) -> None:
        self.pixels[where][mask] = (np.broadcast_to(colour, (*mask.shape, 3)))[mask]
        self.owner[where][mask] = owner

    def leaves(self, count: int, colour: Any) -> None:
        for _ in range(count):
            x, y = self.rng.uniform(0, self.size, 2)
            length = self.size * self.rng.uniform(0.03, 0.075)
            width = length * self.rng.uniform(0.3, 0.5)
            turn = self.rng.uniform(0, np.pi)
            where, dx, dy = self.window(x, y, length)
            along = (dx * np.cos(turn) + dy * np.sin(turn)) / length
            across = (dy * np.cos(turn) - dx * np.sin(turn)) / width
            # Two circular arcs: pointed at both ends, with a lighter midrib and one half in shade.
            mask = np.abs(across) < 1 - along**2
            shade = 1 + 0.12 * np.sign(across) + 0.25 * (np.abs(across) < 0.08) + 0.1 * along
            self.paint(where, mask, colour() * shade[..., None], 0)

    def branch(self, thin: bool = False) -> None:
        x, y = self.rng.uniform(0, self.size, 2)
        turn = self.rng.uniform(0, np.pi)
        width = self.size * (self.rng.uniform(0.004, 0.008) if thin else self.rng.uniform(0.01, 0.025))
        bend = self.rng.uniform(-0.5, 0.5) / self.size
        where, dx, dy = self.window(x, y, 1.5 * self.size)
        along = dx * np.cos(turn) + dy * np.sin(turn)
        across = dy * np.cos(turn) - dx * np.sin(turn) + bend * along**2
        bark = np.array([88, 66, 50], np.float32) * self.rng.uniform(0.6, 1.2)
        shade = 1 - 0.5 * (across / width) ** 2 + 0.15 * np.sin(along / width * 2)
        self.paint(where, np.abs(across) < width, bark * np.clip(shade, 0.2, 1.2)[..., None], 0)

    def fruit(self, number: int, noun: str, ripeness: str | None) -> None:
        rng = self.rng
        radius = self.size * rng.uniform(0.036, 0.105)
        x, y = rng.uniform(0.4 * radius, self.size - 0.4 * radius, 2)
        where, dx, dy = self.window(x, y, 1.7 * radius)
        u, v = dx / np.float32(radius), dy / np.float32(radius)
        squash = rng.uniform(0.88, 1.0)
        mask = u**2 + (v / squash) ** 2 < 1
        if noun == "pear":
            turn = rng.uniform(-0.5, 0.5)
            along, across = v * np.cos(turn) + u * np.sin(turn), u * np.cos(turn) - v * np.sin(turn)
            belly = across**2 + (along - 0.35) ** 2 < 0.85**2
            neck = (across / 0.5) ** 2 + ((along + 0.45) / 0.85) ** 2 < 1
            mask = belly | neck
        colour = self.skin(noun, ripeness, u, v)
        lit = 1.1 - 0.42 * ((u - 0.45 * self.light[0]) ** 2 + (v - 0.45 * self.light[1]) ** 2)
        colour = colour * np.clip(lit, 0.35, 1.15)[..., None]
        glint = (u - 0.5 * self.light[0]) ** 2 + (v - 0.5 * self.light[1]) ** 2
        colour = colour + 70 * np.exp(-glint / 0.03)[..., None]
        if noun == "apple":  # the pit that the stem sits in
            pit = np.exp(-((u / 0.35) ** 2 + ((v + 0.75 * squash) / 0.16) ** 2))
            colour = colour * (1 - 0.55 * pit)[..., None]
        self.full[number] = int(mask.sum())
        self.paint(where, mask, colour, number)

    def skin(self, noun: str, ripeness: str | None, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Colour of a fruit's skin, float32 (height, width, 3): a base, a blush, and specks."""
        rng = self.rng

        def tone(red: tuple[int, int], green: tuple[int, int], blue: tuple[int, int]) -> np.ndarray:
            return np.array([rng.uniform(*red), rng.uniform(*green), rng.uniform(*blue)], np.float32)

        if noun == "orange":
            base, blush = tone((225, 250), (120, 150), (10, 45)), tone((235, 250), (140, 165), (20, 50))
        elif noun == "pear":
            base, blush = tone((185, 215), (175, 200), (60, 100)), tone((165, 195), (125, 160), (60, 90))
        elif ripeness == "ripe":
            base, blush = tone((165, 215), (20, 60), (25, 60)), tone((185, 225), (70, 130), (40, 80))
        else:
            base, blush = tone((115, 165), (165, 205), (55, 95)), tone((150, 185), (175, 205), (70, 110))
        angle = rng.uniform(0, 2 * np.pi)
        mix = np.clip(0.5 * (u * np.cos(angle) + v * np.sin(angle)) + rng.uniform(-0.3, 0.2), 0, 1)
        speckle = rng.normal(0, 0.035, u.shape).astype(np.float32)
        return (base * (1 - mix[..., None]) + blush * mix[..., None]) * (1 + speckle[..., None])

    def developed(self) -> np.ndarray:
        """The photograph: patches of shade, a slight blur, sensor noise, uint8."""
        shade = 1 + self.rng.uniform(0.1, 0.5) * self.texture(6)
        sharp = self.pixels * shade[..., None] * self.rng.uniform(0.85, 1.1)
        soft = ndimage.gaussian_filter(sharp, (0.0018 * self.size, 0.0018 * self.size, 0))
        noise = self.rng.normal(0, self.rng.uniform(2, 7), soft.shape)
        return np.clip(soft + noise, 0, 255).astype(np.uint8)

    def labels(self, fruits: list[tuple[str, dict[str, str]]]) -> list[Label]:
        labels = []
        for number, (noun, attributes) in enumerate(fruits, start=1):
            mask = self.owner == number
            area = int(mask.sum())
            if area == 0:
                continue
            hidden = area < MIN_AREA * self.size**2 or area < MIN_VISIBLE * self.full[number]
            labels.append(Label(noun, mask=mask, attributes=attributes, ignore=hidden))
        return labels
