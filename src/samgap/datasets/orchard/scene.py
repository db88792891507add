"""The composition of a drawn orchard: what hangs where, and in front of what.

A scene is a list of sprites at depths in front of a background; `_orchard_view.py` paints it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from samgap.datasets.orchard import fruit as fruits
from samgap.datasets.orchard.background import background
from samgap.datasets.orchard.leaves import Sprite, flower, foliage, leaf
from samgap.datasets.orchard.noise import LIGHTS, Array, Light, lit, smooth, tone
from samgap.errors import UserError

NOUNS = ("apple", "orange", "pear", "ball", "flower", "red leaf")
FRUIT = ("apple", "orange", "pear")
DENSITIES = ("sparse", "medium", "dense")

# Diameter of a fruit as a share of the scene's side, by density: the closer the camera, the fewer the fruit.
DIAMETERS = {"sparse": (0.085, 0.17), "medium": (0.06, 0.115), "dense": (0.042, 0.08)}
APPLES = {"sparse": (1, 5), "medium": (4, 10), "dense": (9, 20)}
SMALL, LARGE = 0.065, 0.11
"""A fruit is small below and large above these diameters (shares of the scene's side)."""

# Chances of red, green, yellow and mixed: colour hints at ripeness, and no more.
COLOUR_CHANCES = {
    "ripe": (0.46, 0.16, 0.16, 0.22),
    "unripe": (0.17, 0.46, 0.17, 0.20),
    "overripe": (0.3, 0.2, 0.3, 0.2),
}


@dataclass
class Thing:
    """A sprite in a scene: where its middle is (px), how near (1 is the tree itself), how strongly lit."""

    sprite: Sprite
    x: float
    y: float
    near: float = 1.0
    strength: float = 1.0
    number: int = 0  # 0: nothing that is labelled
    shadow: float = 0.0  # how much it darkens what lies behind it, 0 to 1
    sway: float = 0.0  # px to either side, in the wind


@dataclass
class Named:
    """What is known of thing `number`: index in `Scene.named` plus one."""

    noun: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass
class Scene:
    """All that a view shows: `far` float32 (side, wide, 3), then `things` from back to front; `named` is labelled."""

    side: int
    light: Light
    density: str
    far: Array
    things: list[Thing]
    named: list[Named]


def compose(rng: np.random.Generator, side: int, options: Mapping[str, Any], margin: int = 0) -> Scene:
    """A scene for a view of `side` px, painted `margin` px beyond it on the left and right for a camera that moves."""
    light = lit(rng, str(rng.choice(options.get("lighting", LIGHTS[:3]))))
    density = str(rng.choice(options.get("density", DENSITIES)))
    low, high = DIAMETERS[density]
    diameter = side * rng.uniform(low, high)
    green = foliage(rng)
    scene = Scene(side, light, density, background(rng, side + 2 * margin, side, light), [], [])
    wide = side + 2 * margin
    bank = []
    for _ in range(22):
        length = diameter * rng.uniform(0.7, 1.5)
        bank.append(leaf(rng, length, light, green * np.float32(rng.uniform(0.8, 1.2))))
    limbs = _limbs(rng, wide, side, diameter)
    covered = rng.choice([0.12, 0.5, 1.0], p=[0.25, 0.4, 0.35]) * rng.uniform(0.6, 1.2)
    count = int(min(covered * wide * side / (0.30 * diameter * diameter), 420 * wide / side))
    _leaves(rng, scene, bank, limbs, count, (0.40, 1.05), 0.94, wide)
    scene.things.append(Thing(_wood(rng, limbs, wide, side, diameter, light), wide / 2, side / 2, 0.97))
    _fruit(rng, scene, options, limbs, diameter, wide)
    _leaves(rng, scene, bank, limbs, int(count * rng.uniform(0.02, 0.18)) + 2, (0.80, 1.35), 1.05, wide, shadow=0.35)
    if rng.random() < 0.35:
        twigs = _limbs(rng, wide, side, diameter * 0.35)[:1]
        scene.things.append(Thing(_wood(rng, twigs, wide, side, diameter * 0.35, light), wide / 2, side / 2, 1.08))
    for _ in range(int(rng.random() < 0.2) if margin == 0 else int(rng.integers(1, 4))):
        scene.things.append(_frame_leaf(rng, scene, diameter * rng.uniform(2, 3.2), wide, green))
    for thing in scene.things:
        thing.x -= margin
    return scene


def _limbs(rng: np.random.Generator, wide: int, side: int, diameter: float) -> list[Array]:
    """Branches as polylines, float (points, 2), each with twigs."""
    limbs = []
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.6:
            start, end = (rng.uniform(0, wide), side * 1.05), (rng.uniform(0, wide), -0.05 * side)
        else:
            start, end = (-0.05 * wide, rng.uniform(0, side)), (1.05 * wide, rng.uniform(0, side))
        limbs.append(_bent(rng, start, end))
        for _ in range(rng.integers(1, 5)):
            root = limbs[-1][rng.integers(2, 14)]
            angle, length = rng.uniform(0, 2 * math.pi), diameter * rng.uniform(1.5, 4)
            tip = root[0] + length * math.cos(angle), root[1] + length * math.sin(angle)
            limbs.append(_bent(rng, tuple(root), tip))
    return limbs


def _bent(rng: np.random.Generator, start: Sequence[float], end: Sequence[float]) -> Array:
    """A curve from `start` to `end` (x, y in px), float (17, 2)."""
    t = np.linspace(0, 1, 17)[:, None]
    first, last = np.array(start), np.array(end)
    middle = (first + last) / 2 + rng.normal(0, 0.16, 2) * math.hypot(*(last - first))
    return (1 - t) ** 2 * first + 2 * t * (1 - t) * middle + t**2 * last


def _wood(rng: np.random.Generator, limbs: list[Array], wide: int, side: int, diameter: float, light: Light) -> Sprite:
    """All branches as one sprite of the whole view: rounder and lighter towards the light."""
    alpha = Image.new("L", (wide, side))
    shade = Image.new("L", (wide, side), 60)
    pens = ImageDraw.Draw(alpha), ImageDraw.Draw(shade)
    for limb in limbs:
        thick = diameter * rng.uniform(*((0.12, 0.45) if _length(limb) > 5 * diameter else (0.05, 0.13)))
        for index in range(len(limb) - 1):
            width = max(thick * (1 - 0.6 * index / len(limb)), 1.5)
            line = [tuple(limb[index]), tuple(limb[index + 1])]
            pens[0].line(line, fill=255, width=round(width))
            for part, value in ((1.0, 95), (0.7, 130), (0.4, 165)):
                offset = width * 0.18 * (1 - part)
                right, down = float(light.direction[0]) * offset, float(light.direction[1]) * offset
                moved = [(x + right, y + down) for x, y in line]
                pens[1].line(moved, fill=value, width=max(round(width * part), 1))
    bark = tone(rng, (78, 56, 40), (150, 122, 98))
    rough = np.asarray(shade, np.float32) / 128 * (1 + 0.5 * smooth(rng, max(side // 5, 4), wide, side))
    colour = bark * (rough * np.float32(light.ambient + 0.6 * light.direct))[..., None]
    return Sprite(np.asarray(alpha, np.float32) / 255, colour)


def _length(limb: Array) -> float:
    return float(math.hypot(*(limb[-1] - limb[0])))


def _leaves(
    rng: np.random.Generator,
    scene: Scene,
    bank: list[Sprite],
    limbs: list[Array],
    count: int,
    strength: tuple[float, float],
    near: float,
    wide: int,
    shadow: float = 0.0,
) -> None:
    """`count` leaves, most along the branches, flipped at random so that no two look alike."""
    spread = scene.side * rng.uniform(0.05, 0.13)
    for _ in range(count):
        if rng.random() < 0.8:
            limb = limbs[rng.integers(len(limbs))]
            x, y = limb[rng.integers(len(limb))] + rng.normal(0, spread, 2)
        else:
            x, y = rng.uniform(0, wide), rng.uniform(0, scene.side)
        sprite = bank[rng.integers(len(bank))]
        across, down = int(rng.choice([-1, 1])), int(rng.choice([-1, 1]))
        turned = Sprite(sprite.alpha[::down, ::across], sprite.colour[::down, ::across])
        thing = Thing(turned, x, y, near * rng.uniform(0.97, 1.03), rng.uniform(*strength), shadow=shadow)
        thing.sway = 0.004 * scene.side * rng.random()
        scene.things.append(thing)


def _fruit(
    rng: np.random.Generator, scene: Scene, options: Mapping[str, Any], limbs: list[Array], diameter: float, wide: int
) -> None:
    """Fruit and distractors, in clusters along the branches, from back to front."""
    cultivar = str(rng.choice(options.get("cultivars", ["common"])))
    ripening = rng.dirichlet((0.8, 0.8, 0.5))  # shares of a scene's ripeness; many scenes lack one
    wanted = _wanted(rng, scene, wide)
    cluster: tuple[float, float] | None = None
    for noun in wanted:
        if noun not in FRUIT or cluster is None or rng.random() < 0.6:
            limb = limbs[rng.integers(len(limbs))]
            x, y = limb[rng.integers(len(limb))] + rng.normal(0, 0.15 * scene.side, 2)
            x = float(np.clip(x, -0.02 * wide, 1.02 * wide))
            y = float(np.clip(y, -0.02 * scene.side, 1.02 * scene.side))
        else:
            angle = rng.uniform(0, 2 * math.pi)
            step = diameter * rng.uniform(0.75, 1.15)
            x, y = cluster[0] + step * math.cos(angle), cluster[1] + step * math.sin(angle)
        cluster = x, y
        across = diameter * float(np.clip(rng.normal(1, 0.2), 0.6, 1.5))
        attributes = _attributes(rng, noun, across / scene.side, ripening, options.get("without", []))
        scene.named.append(Named(noun, attributes))
        sprite = _sprite(rng, noun, across, attributes, cultivar, scene.light)
        strength = rng.uniform(0.72, 1.15) if noun in FRUIT else rng.uniform(0.8, 1.1)
        scene.things.append(Thing(sprite, x, y, rng.uniform(0.985, 1.015), strength, len(scene.named), 0.45))


def _wanted(rng: np.random.Generator, scene: Scene, wide: int) -> list[str]:
    """The nouns to draw, in no order; each is absent from many scenes."""
    wanted: list[str] = []
    if rng.random() < 0.9:
        low, high = APPLES[scene.density]
        wanted += ["apple"] * int(rng.integers(low, high + 1) * wide / scene.side)
    for noun in ("orange", "pear"):
        if rng.random() < 0.3:
            wanted += [noun] * int(rng.integers(1, 5))
    for noun, most in (("ball", 1), ("flower", 4), ("red leaf", 4)):
        if rng.random() < 0.14:
            wanted += [noun] * int(rng.integers(1, most + 1))
    return [wanted[index] for index in rng.permutation(len(wanted))]


def _attributes(
    rng: np.random.Generator, noun: str, across: float, ripening: Array, without: Sequence[Mapping[str, str]]
) -> dict[str, str]:
    """Attributes of a fruit of diameter `across` (share of the side), drawn anew while they are of `without`."""
    if noun not in FRUIT:
        return {}
    size = "small" if across < SMALL else "large" if across > LARGE else "medium"
    for _ in range(1000):
        attributes = {"health": str(rng.choice(fruits.HEALTH, p=[0.64, 0.18, 0.18])), "size": size}
        if noun == "apple":
            ripeness = str(rng.choice(fruits.RIPENESS, p=ripening))
            attributes |= {"ripeness": ripeness, "colour": str(rng.choice(fruits.COLOURS, p=COLOUR_CHANCES[ripeness]))}
        everything = {"noun": noun, **attributes}
        if not any(all(everything.get(key) == value for key, value in one.items()) for one in without):
            return attributes
    raise UserError(f"orchard-sim: `without` leaves no {noun} of size {size} to draw; take a combination out of it")


def _sprite(
    rng: np.random.Generator, noun: str, across: float, attributes: dict[str, str], cultivar: str, light: Light
) -> Sprite:
    if noun == "flower":
        return flower(rng, across * 0.38)
    if noun == "red leaf":
        return leaf(rng, across * rng.uniform(0.9, 1.4), light, tone(rng, (135, 18, 18), (200, 60, 40)))
    return fruits.draw(rng, fruits.Fruit(noun, across / 2, attributes, cultivar), light)


def _unsharp(sprite: Sprite) -> Sprite:
    """Out of focus: edge and colours smeared, by shrinking to an eighth and back."""
    height, width = sprite.alpha.shape
    small = (max(width // 8, 2), max(height // 8, 2))

    def smeared(values: Array) -> Array:
        picture = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
        shrunk = picture.resize(small, Image.Resampling.BOX)
        return np.asarray(shrunk.resize((width, height), Image.Resampling.BICUBIC), np.float32)

    inside = np.clip(sprite.alpha, 0.05, 1)
    weight = np.maximum(smeared(inside * 255) / 255, 0.1)
    colour = smeared(sprite.colour * sprite.alpha[..., None]) / weight[..., None]
    return Sprite(smeared(sprite.alpha * 255) / 255, colour)


def _frame_leaf(rng: np.random.Generator, scene: Scene, length: float, wide: int, green: Array) -> Thing:
    """A leaf right before the lens, out of focus."""
    sprite = _unsharp(leaf(rng, length, scene.light, green))
    return Thing(sprite, rng.uniform(0, wide), rng.uniform(0, scene.side), rng.uniform(1.5, 2.0))
