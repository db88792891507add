"""Compose a scene of the simulated orchard: sprites at several depths in front of a background.

`samgap.datasets.orchard_sim.view` renders a scene.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from samgap.datasets.orchard_sim import fruit as fruits
from samgap.datasets.orchard_sim.background import render_background
from samgap.datasets.orchard_sim.branches import draw_branches, make_branches
from samgap.datasets.orchard_sim.leaves import Sprite, defocus, draw_flower, draw_leaf, sample_foliage_colour
from samgap.datasets.orchard_sim.noise import LIGHT_NAMES, Array, Light, make_light, sample_colour
from samgap.errors import UserError

NOUNS = ("apple", "orange", "pear", "ball", "flower", "red leaf")
FRUIT_NOUNS = ("apple", "orange", "pear")
DENSITIES = ("sparse", "medium", "dense")

DIAMETER_FRACTIONS = {"sparse": (0.085, 0.17), "medium": (0.06, 0.115), "dense": (0.042, 0.08)}
"""Density -> range of the fruit diameter as a fraction of the side of the image; the camera is closer if sparse."""
APPLE_COUNT_RANGES = {"sparse": (1, 5), "medium": (4, 10), "dense": (9, 20)}
"""Density -> smallest and largest number of apples."""
SMALL_DIAMETER_FRACTION, LARGE_DIAMETER_FRACTION = 0.065, 0.11
"""A fruit is small below and large above these diameters (fractions of the side of the image)."""

COLOUR_PROBABILITIES = {
    "ripe": (0.46, 0.16, 0.16, 0.22),
    "unripe": (0.17, 0.46, 0.17, 0.20),
    "overripe": (0.3, 0.2, 0.3, 0.2),
}
"""Ripeness -> probabilities of red, green, yellow and mixed. Colour is correlated with ripeness, but weakly."""


@dataclass
class SceneObject:
    """A sprite in a scene.

    Attributes:
        sprite: The sprite.
        x: Column of its centre in px.
        y: Row of its centre in px.
        nearness: Factor of the shift when the camera moves; 1 for the tree.
        brightness: Factor of the colours.
        instance_id: Number of the labelled instance, from 1; 0 if it is not labelled.
        shadow_strength: How much it darkens the objects behind it, 0 to 1.
        sway_px: Amplitude of the sway in the wind.
    """

    sprite: Sprite
    x: float
    y: float
    nearness: float = 1.0
    brightness: float = 1.0
    instance_id: int = 0
    shadow_strength: float = 0.0
    sway_px: float = 0.0


@dataclass
class SceneInstance:
    """Labels of a scene object; its `instance_id` is the index in `Scene.instances` plus one."""

    noun: str
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass
class Scene:
    """A composed scene.

    Attributes:
        side_px: Side of the square view.
        light: Lighting.
        density: One of `DENSITIES`.
        background: Float32, (side, width, 3), 0 to 255; wider than the view if the camera moves.
        objects: Sprites from back to front.
        instances: Labels.
    """

    side_px: int
    light: Light
    density: str
    background: Array
    objects: list[SceneObject]
    instances: list[SceneInstance]


def compose_scene(rng: np.random.Generator, side_px: int, options: Mapping[str, Any], margin_px: int = 0) -> Scene:
    """Compose a random scene.

    Args:
        rng: Random generator.
        side_px: Side of the square view.
        options: Options of the data set: `lighting`, `density`, `cultivars`, `without`.
        margin_px: Width of the scene to the left and to the right of the view, for a camera that moves; 0 if it does
            not.

    Raises:
        UserError: `without` excludes all combinations of attributes.
    """
    light = make_light(rng, str(rng.choice(options.get("lighting", LIGHT_NAMES[:3]))))
    density = str(rng.choice(options.get("density", DENSITIES)))
    diameter = side_px * rng.uniform(*DIAMETER_FRACTIONS[density])
    leaf_colour = sample_foliage_colour(rng)
    width = side_px + 2 * margin_px
    scene = Scene(side_px, light, density, render_background(rng, width, side_px, light), [], [])
    leaf_sprites = []
    for _ in range(22):
        length = diameter * rng.uniform(0.7, 1.5)
        leaf_sprites.append(draw_leaf(rng, length, light, leaf_colour * np.float32(rng.uniform(0.8, 1.2))))
    branches = make_branches(rng, width, side_px, diameter)
    coverage = rng.choice([0.12, 0.5, 1.0], p=[0.25, 0.4, 0.35]) * rng.uniform(0.6, 1.2)
    n_leaves = int(min(coverage * width * side_px / (0.30 * diameter * diameter), 420 * width / side_px))
    _add_leaves(rng, scene, leaf_sprites, branches, n_leaves, (0.40, 1.05), 0.94, width)
    _add_branches(rng, scene, branches, diameter, width, 0.97)
    _add_fruit(rng, scene, options, branches, diameter, width)
    n_near_leaves = int(n_leaves * rng.uniform(0.02, 0.18)) + 2
    _add_leaves(rng, scene, leaf_sprites, branches, n_near_leaves, (0.80, 1.35), 1.05, width, shadow_strength=0.35)
    if rng.random() < 0.35:
        twigs = make_branches(rng, width, side_px, diameter * 0.35)[:1]
        _add_branches(rng, scene, twigs, diameter * 0.35, width, 1.08)
    for _ in range(int(rng.random() < 0.2) if margin_px == 0 else int(rng.integers(1, 4))):
        scene.objects.append(_make_foreground_leaf(rng, scene, diameter * rng.uniform(2, 3.2), width, leaf_colour))
    for scene_object in scene.objects:
        scene_object.x -= margin_px
    return scene


def _add_branches(
    rng: np.random.Generator,
    scene: Scene,
    branches: list[Array],
    diameter_px: float,
    canvas_width_px: int,
    nearness: float,
) -> None:
    sprite = draw_branches(rng, branches, canvas_width_px, scene.side_px, diameter_px, scene.light)
    scene.objects.append(SceneObject(sprite, canvas_width_px / 2, scene.side_px / 2, nearness))


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
    """Add randomly flipped leaves, most of them along the branches."""
    spread = scene.side_px * rng.uniform(0.05, 0.13)
    for _ in range(n_leaves):
        if rng.random() < 0.8:
            branch = branches[rng.integers(len(branches))]
            x, y = branch[rng.integers(len(branch))] + rng.normal(0, spread, 2)
        else:
            x, y = rng.uniform(0, canvas_width_px), rng.uniform(0, scene.side_px)
        sprite = leaf_sprites[rng.integers(len(leaf_sprites))]
        step_x, step_y = int(rng.choice([-1, 1])), int(rng.choice([-1, 1]))
        flipped = Sprite(sprite.alpha[::step_y, ::step_x], sprite.colour[::step_y, ::step_x])
        leaf = SceneObject(
            flipped,
            x,
            y,
            nearness * rng.uniform(0.97, 1.03),
            rng.uniform(*brightness_range),
            shadow_strength=shadow_strength,
        )
        leaf.sway_px = 0.004 * scene.side_px * rng.random()
        scene.objects.append(leaf)


def _add_fruit(
    rng: np.random.Generator,
    scene: Scene,
    options: Mapping[str, Any],
    branches: list[Array],
    diameter_px: float,
    canvas_width_px: int,
) -> None:
    """Add fruit and distractors from back to front, in clusters along the branches."""
    cultivar = str(rng.choice(options.get("cultivars", ["common"])))
    ripeness_probabilities = rng.dirichlet((0.8, 0.8, 0.5))  # many scenes lack one ripeness
    nouns = _sample_nouns(rng, scene, canvas_width_px)
    previous: tuple[float, float] | None = None
    for noun in nouns:
        if noun not in FRUIT_NOUNS or previous is None or rng.random() < 0.6:
            branch = branches[rng.integers(len(branches))]
            x, y = branch[rng.integers(len(branch))] + rng.normal(0, 0.15 * scene.side_px, 2)
            x = float(np.clip(x, -0.02 * canvas_width_px, 1.02 * canvas_width_px))
            y = float(np.clip(y, -0.02 * scene.side_px, 1.02 * scene.side_px))
        else:
            angle = rng.uniform(0, 2 * math.pi)
            step = diameter_px * rng.uniform(0.75, 1.15)
            x, y = previous[0] + step * math.cos(angle), previous[1] + step * math.sin(angle)
        previous = x, y
        object_diameter = diameter_px * float(np.clip(rng.normal(1, 0.2), 0.6, 1.5))
        attributes = _sample_attributes(
            rng, noun, object_diameter / scene.side_px, ripeness_probabilities, options.get("without", [])
        )
        scene.instances.append(SceneInstance(noun, attributes))
        sprite = draw_sprite(rng, noun, object_diameter, attributes, cultivar, scene.light)
        brightness = rng.uniform(0.72, 1.15) if noun in FRUIT_NOUNS else rng.uniform(0.8, 1.1)
        scene.objects.append(
            SceneObject(sprite, x, y, rng.uniform(0.985, 1.015), brightness, len(scene.instances), 0.45)
        )


def _sample_nouns(rng: np.random.Generator, scene: Scene, canvas_width_px: int) -> list[str]:
    """Return the nouns of the fruit and distractors in random order; each noun is absent from many scenes."""
    nouns: list[str] = []
    if rng.random() < 0.9:
        low, high = APPLE_COUNT_RANGES[scene.density]
        nouns += ["apple"] * int(rng.integers(low, high + 1) * canvas_width_px / scene.side_px)
    for noun in ("orange", "pear"):
        if rng.random() < 0.3:
            nouns += [noun] * int(rng.integers(1, 5))
    for noun, max_count in (("ball", 1), ("flower", 4), ("red leaf", 4)):
        if rng.random() < 0.14:
            nouns += [noun] * int(rng.integers(1, max_count + 1))
    return [nouns[index] for index in rng.permutation(len(nouns))]


def _sample_attributes(
    rng: np.random.Generator,
    noun: str,
    diameter_fraction: float,
    ripeness_probabilities: Array,
    excluded_combinations: Sequence[Mapping[str, str]],
) -> dict[str, str]:
    """Sample the attributes of a fruit, by rejection of the excluded combinations; other nouns have none."""
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
        labels = {"noun": noun, **attributes}
        if not any(
            all(labels.get(key) == value for key, value in combination.items()) for combination in excluded_combinations
        ):
            return attributes
    raise UserError(f"orchard-sim: `without` excludes every {noun} of size {size}; remove a combination from `without`")


def draw_sprite(
    rng: np.random.Generator, noun: str, diameter_px: float, attributes: dict[str, str], cultivar: str, light: Light
) -> Sprite:
    """Draw a fruit or a distractor.

    Args:
        rng: Random generator.
        noun: One of `NOUNS`.
        diameter_px: Diameter of a fruit; other objects are scaled by it.
        attributes: Attributes of a fruit.
        cultivar: Cultivar of an apple; a key of `fruit.CULTIVAR_SKIN_TONES`.
        light: Lighting.
    """
    if noun == "flower":
        return draw_flower(rng, diameter_px * 0.38)
    if noun == "red leaf":
        return draw_leaf(
            rng, diameter_px * rng.uniform(0.9, 1.4), light, sample_colour(rng, (135, 18, 18), (200, 60, 40))
        )
    return fruits.draw_fruit(rng, fruits.Fruit(noun, diameter_px / 2, attributes, cultivar), light)


def _make_foreground_leaf(
    rng: np.random.Generator, scene: Scene, length_px: float, canvas_width_px: int, leaf_colour: Array
) -> SceneObject:
    """Return an out-of-focus leaf close to the camera."""
    sprite = defocus(draw_leaf(rng, length_px, scene.light, leaf_colour))
    return SceneObject(sprite, rng.uniform(0, canvas_width_px), rng.uniform(0, scene.side_px), rng.uniform(1.5, 2.0))
