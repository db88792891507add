"""The composition of a drawn orchard: what hangs where, and in front of what.

A scene is a list of sprites at depths in front of a background; `_orchard_view.py` paints it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from samgap.datasets.orchard_sim import fruit as fruits
from samgap.datasets.orchard_sim.background import render_background
from samgap.datasets.orchard_sim.leaves import Sprite, draw_flower, draw_leaf, sample_foliage_colour
from samgap.datasets.orchard_sim.noise import LIGHT_NAMES, Array, Light, make_light, sample_colour, smooth_noise
from samgap.errors import UserError

NOUNS = ("apple", "orange", "pear", "ball", "flower", "red leaf")
FRUIT_NOUNS = ("apple", "orange", "pear")
DENSITIES = ("sparse", "medium", "dense")

# Diameter of a fruit as a share of the scene's side, by density: the closer the camera, the fewer the fruit.
DIAMETER_FRACTIONS = {"sparse": (0.085, 0.17), "medium": (0.06, 0.115), "dense": (0.042, 0.08)}
APPLE_COUNT_RANGES = {"sparse": (1, 5), "medium": (4, 10), "dense": (9, 20)}
SMALL_DIAMETER_FRACTION, LARGE_DIAMETER_FRACTION = 0.065, 0.11
"""A fruit is small below and large above these diameters (shares of the scene's side)."""

# Chances of red, green, yellow and mixed: colour hints at ripeness, and no more.
COLOUR_PROBABILITIES = {
    "ripe": (0.46, 0.16, 0.16, 0.22),
    "unripe": (0.17, 0.46, 0.17, 0.20),
    "overripe": (0.3, 0.2, 0.3, 0.2),
}


@dataclass
class SceneObject:
    """A sprite in a scene: where its middle is (px), how near (1 is the tree itself), how strongly lit."""

    sprite: Sprite
    x: float
    y: float
    nearness: float = 1.0
    brightness: float = 1.0
    instance_id: int = 0  # 0: nothing that is labelled
    shadow_strength: float = 0.0  # how much it darkens what lies behind it, 0 to 1
    sway_px: float = 0.0  # px to either side, in the wind


@dataclass
class SceneInstance:
    """What is known of thing `number`: index in `Scene.named` plus one."""

    noun: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass
class Scene:
    """All that a view shows: `far` float32 (side, wide, 3), then `things` from back to front; `named` is labelled."""

    side_px: int
    light: Light
    density: str
    background: Array
    objects: list[SceneObject]
    instances: list[SceneInstance]


def compose_scene(rng: np.random.Generator, side_px: int, options: Mapping[str, Any], margin_px: int = 0) -> Scene:
    """A scene for a view of `side` px, painted `margin` px beyond it on the left and right for a camera that moves."""
    light = make_light(rng, str(rng.choice(options.get("lighting", LIGHT_NAMES[:3]))))
    density = str(rng.choice(options.get("density", DENSITIES)))
    low, high = DIAMETER_FRACTIONS[density]
    diameter = side_px * rng.uniform(low, high)
    green = sample_foliage_colour(rng)
    scene = Scene(side_px, light, density, render_background(rng, side_px + 2 * margin_px, side_px, light), [], [])
    wide = side_px + 2 * margin_px
    bank = []
    for _ in range(22):
        length = diameter * rng.uniform(0.7, 1.5)
        bank.append(draw_leaf(rng, length, light, green * np.float32(rng.uniform(0.8, 1.2))))
    limbs = _make_branches(rng, wide, side_px, diameter)
    covered = rng.choice([0.12, 0.5, 1.0], p=[0.25, 0.4, 0.35]) * rng.uniform(0.6, 1.2)
    count = int(min(covered * wide * side_px / (0.30 * diameter * diameter), 420 * wide / side_px))
    _add_leaves(rng, scene, bank, limbs, count, (0.40, 1.05), 0.94, wide)
    scene.objects.append(
        SceneObject(_draw_branches(rng, limbs, wide, side_px, diameter, light), wide / 2, side_px / 2, 0.97)
    )
    _add_fruit(rng, scene, options, limbs, diameter, wide)
    _add_leaves(
        rng,
        scene,
        bank,
        limbs,
        int(count * rng.uniform(0.02, 0.18)) + 2,
        (0.80, 1.35),
        1.05,
        wide,
        shadow_strength=0.35,
    )
    if rng.random() < 0.35:
        twigs = _make_branches(rng, wide, side_px, diameter * 0.35)[:1]
        scene.objects.append(
            SceneObject(_draw_branches(rng, twigs, wide, side_px, diameter * 0.35, light), wide / 2, side_px / 2, 1.08)
        )
    for _ in range(int(rng.random() < 0.2) if margin_px == 0 else int(rng.integers(1, 4))):
        scene.objects.append(_make_foreground_leaf(rng, scene, diameter * rng.uniform(2, 3.2), wide, green))
    for thing in scene.objects:
        thing.x -= margin_px
    return scene


def _make_branches(rng: np.random.Generator, canvas_width_px: int, side_px: int, diameter_px: float) -> list[Array]:
    """Branches as polylines, float (points, 2), each with twigs."""
    limbs = []
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.6:
            start, end = (
                (rng.uniform(0, canvas_width_px), side_px * 1.05),
                (rng.uniform(0, canvas_width_px), -0.05 * side_px),
            )
        else:
            start, end = (
                (-0.05 * canvas_width_px, rng.uniform(0, side_px)),
                (1.05 * canvas_width_px, rng.uniform(0, side_px)),
            )
        limbs.append(_make_curve(rng, start, end))
        for _ in range(rng.integers(1, 5)):
            root = limbs[-1][rng.integers(2, 14)]
            angle, length = rng.uniform(0, 2 * math.pi), diameter_px * rng.uniform(1.5, 4)
            tip = root[0] + length * math.cos(angle), root[1] + length * math.sin(angle)
            limbs.append(_make_curve(rng, tuple(root), tip))
    return limbs


def _make_curve(rng: np.random.Generator, start: Sequence[float], end: Sequence[float]) -> Array:
    """A curve from `start` to `end` (x, y in px), float (17, 2)."""
    t = np.linspace(0, 1, 17)[:, None]
    first, last = np.array(start), np.array(end)
    middle = (first + last) / 2 + rng.normal(0, 0.16, 2) * math.hypot(*(last - first))
    return (1 - t) ** 2 * first + 2 * t * (1 - t) * middle + t**2 * last


def _draw_branches(
    rng: np.random.Generator,
    branches: list[Array],
    canvas_width_px: int,
    side_px: int,
    diameter_px: float,
    light: Light,
) -> Sprite:
    """All branches as one sprite of the whole view: rounder and lighter towards the light."""
    alpha = Image.new("L", (canvas_width_px, side_px))
    shade = Image.new("L", (canvas_width_px, side_px), 60)
    pens = ImageDraw.Draw(alpha), ImageDraw.Draw(shade)
    for limb in branches:
        thick = diameter_px * rng.uniform(*((0.12, 0.45) if _chord_length_px(limb) > 5 * diameter_px else (0.05, 0.13)))
        for index in range(len(limb) - 1):
            width = max(thick * (1 - 0.6 * index / len(limb)), 1.5)
            line = [tuple(limb[index]), tuple(limb[index + 1])]
            pens[0].line(line, fill=255, width=round(width))
            for part, value in ((1.0, 95), (0.7, 130), (0.4, 165)):
                offset = width * 0.18 * (1 - part)
                right, down = float(light.direction[0]) * offset, float(light.direction[1]) * offset
                moved = [(x + right, y + down) for x, y in line]
                pens[1].line(moved, fill=value, width=max(round(width * part), 1))
    bark = sample_colour(rng, (78, 56, 40), (150, 122, 98))
    rough = (
        np.asarray(shade, np.float32)
        / 128
        * (1 + 0.5 * smooth_noise(rng, max(side_px // 5, 4), canvas_width_px, side_px))
    )
    colour = bark * (rough * np.float32(light.ambient + 0.6 * light.diffuse))[..., None]
    return Sprite(np.asarray(alpha, np.float32) / 255, colour)


def _chord_length_px(branch: Array) -> float:
    return float(math.hypot(*(branch[-1] - branch[0])))


def _add_leaves(
    rng: np.random.Generator,
    scene: Scene,
    leaf_sprites: list[Sprite],
    branches: list[Array],
    n_leaves: int,
    brightness_range: tuple[float, float],
    nearness: float,
    canvas_width_px: int,
    shadow_strength: float = 0.0,
) -> None:
    """`count` leaves, most along the branches, flipped at random so that no two look alike."""
    spread = scene.side_px * rng.uniform(0.05, 0.13)
    for _ in range(n_leaves):
        if rng.random() < 0.8:
            limb = branches[rng.integers(len(branches))]
            x, y = limb[rng.integers(len(limb))] + rng.normal(0, spread, 2)
        else:
            x, y = rng.uniform(0, canvas_width_px), rng.uniform(0, scene.side_px)
        sprite = leaf_sprites[rng.integers(len(leaf_sprites))]
        across, down = int(rng.choice([-1, 1])), int(rng.choice([-1, 1]))
        turned = Sprite(sprite.alpha[::down, ::across], sprite.colour[::down, ::across])
        thing = SceneObject(
            turned,
            x,
            y,
            nearness * rng.uniform(0.97, 1.03),
            rng.uniform(*brightness_range),
            shadow_strength=shadow_strength,
        )
        thing.sway_px = 0.004 * scene.side_px * rng.random()
        scene.objects.append(thing)


def _add_fruit(
    rng: np.random.Generator,
    scene: Scene,
    options: Mapping[str, Any],
    branches: list[Array],
    diameter_px: float,
    canvas_width_px: int,
) -> None:
    """Fruit and distractors, in clusters along the branches, from back to front."""
    cultivar = str(rng.choice(options.get("cultivars", ["common"])))
    ripening = rng.dirichlet((0.8, 0.8, 0.5))  # shares of a scene's ripeness; many scenes lack one
    wanted = _sample_nouns(rng, scene, canvas_width_px)
    cluster: tuple[float, float] | None = None
    for noun in wanted:
        if noun not in FRUIT_NOUNS or cluster is None or rng.random() < 0.6:
            limb = branches[rng.integers(len(branches))]
            x, y = limb[rng.integers(len(limb))] + rng.normal(0, 0.15 * scene.side_px, 2)
            x = float(np.clip(x, -0.02 * canvas_width_px, 1.02 * canvas_width_px))
            y = float(np.clip(y, -0.02 * scene.side_px, 1.02 * scene.side_px))
        else:
            angle = rng.uniform(0, 2 * math.pi)
            step = diameter_px * rng.uniform(0.75, 1.15)
            x, y = cluster[0] + step * math.cos(angle), cluster[1] + step * math.sin(angle)
        cluster = x, y
        across = diameter_px * float(np.clip(rng.normal(1, 0.2), 0.6, 1.5))
        attributes = _sample_attributes(rng, noun, across / scene.side_px, ripening, options.get("without", []))
        scene.instances.append(SceneInstance(noun, attributes))
        sprite = _draw_sprite(rng, noun, across, attributes, cultivar, scene.light)
        strength = rng.uniform(0.72, 1.15) if noun in FRUIT_NOUNS else rng.uniform(0.8, 1.1)
        scene.objects.append(SceneObject(sprite, x, y, rng.uniform(0.985, 1.015), strength, len(scene.instances), 0.45))


def _sample_nouns(rng: np.random.Generator, scene: Scene, canvas_width_px: int) -> list[str]:
    """The nouns to draw, in no order; each is absent from many scenes."""
    wanted: list[str] = []
    if rng.random() < 0.9:
        low, high = APPLE_COUNT_RANGES[scene.density]
        wanted += ["apple"] * int(rng.integers(low, high + 1) * canvas_width_px / scene.side_px)
    for noun in ("orange", "pear"):
        if rng.random() < 0.3:
            wanted += [noun] * int(rng.integers(1, 5))
    for noun, most in (("ball", 1), ("flower", 4), ("red leaf", 4)):
        if rng.random() < 0.14:
            wanted += [noun] * int(rng.integers(1, most + 1))
    return [wanted[index] for index in rng.permutation(len(wanted))]


def _sample_attributes(
    rng: np.random.Generator,
    noun: str,
    diameter_fraction: float,
    ripeness_probabilities: Array,
    excluded_combinations: Sequence[Mapping[str, str]],
) -> dict[str, str]:
    """Attributes of a fruit of diameter `across` (share of the side), drawn anew while they are of `without`."""
    if noun not in FRUIT_NOUNS:
        return {}
    size = (
        "small"
        if diameter_fraction < SMALL_DIAMETER_FRACTION
        else "large"
        if diameter_fraction > LARGE_DIAMETER_FRACTION
        else "medium"
    )
    for _ in range(1000):
        attributes = {"health": str(rng.choice(fruits.HEALTH_STATES, p=[0.64, 0.18, 0.18])), "size": size}
        if noun == "apple":
            ripeness = str(rng.choice(fruits.RIPENESS_LEVELS, p=ripeness_probabilities))
            attributes |= {
                "ripeness": ripeness,
                "colour": str(rng.choice(fruits.COLOURS, p=COLOUR_PROBABILITIES[ripeness])),
            }
        everything = {"noun": noun, **attributes}
        if not any(all(everything.get(key) == value for key, value in one.items()) for one in excluded_combinations):
            return attributes
    raise UserError(f"orchard-sim: `without` leaves no {noun} of size {size} to draw; take a combination out of it")


def _draw_sprite(
    rng: np.random.Generator, noun: str, diameter_px: float, attributes: dict[str, str], cultivar: str, light: Light
) -> Sprite:
    if noun == "flower":
        return draw_flower(rng, diameter_px * 0.38)
    if noun == "red leaf":
        return draw_leaf(
            rng, diameter_px * rng.uniform(0.9, 1.4), light, sample_colour(rng, (135, 18, 18), (200, 60, 40))
        )
    return fruits.draw_fruit(rng, fruits.Fruit(noun, diameter_px / 2, attributes, cultivar), light)


def _defocus(sprite: Sprite) -> Sprite:
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


def _make_foreground_leaf(
    rng: np.random.Generator, scene: Scene, length_px: float, canvas_width_px: int, leaf_colour: Array
) -> SceneObject:
    """A leaf right before the lens, out of focus."""
    sprite = _defocus(draw_leaf(rng, length_px, scene.light, leaf_colour))
    return SceneObject(sprite, rng.uniform(0, canvas_width_px), rng.uniform(0, scene.side_px), rng.uniform(1.5, 2.0))
