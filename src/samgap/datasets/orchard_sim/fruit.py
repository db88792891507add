"""Draw the fruit of the simulated orchard: a lit body of revolution with skin and blemishes.

Appearance of the attributes:
- ripeness: an unripe apple is matte under a pale bloom, with a green ring around the stem; a ripe one has a sharp
  highlight and pale dots (lenticels); an overripe one is dull and wrinkled from pole to pole, with brown spots. Every
  ripeness comes in every colour.
- colour: red, green, yellow, or mixed (red streaks over green or yellow).
- health: a damaged fruit has one or two large brown bruises or peck holes; a diseased one has many small dark scabs, or
  rot with rings.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from samgap.datasets.orchard_sim.leaves import Sprite
from samgap.datasets.orchard_sim.noise import (
    Array,
    Light,
    blend,
    quadratic_falloff,
    sample_colour,
    smooth_noise,
    triangle_wave,
    unit_vector,
)

RIPENESS_LEVELS = ("ripe", "unripe", "overripe")
COLOURS = ("red", "green", "yellow", "mixed")
HEALTH_STATES = ("healthy", "damaged", "diseased")

CULTIVAR_SKIN_TONES = {
    "common": {
        "red": (((150, 22, 28), (205, 52, 48)), ((190, 60, 40), (225, 110, 70))),
        "green": (((108, 150, 42), (150, 188, 78)), ((140, 175, 70), (170, 195, 95))),
        "yellow": (((205, 175, 60), (235, 208, 100)), ((215, 160, 60), (238, 190, 95))),
        "mixed": (((150, 165, 62), (215, 195, 95)), ((165, 35, 35), (205, 70, 55))),
    },
    "pink": {
        "red": (((205, 70, 85), (232, 112, 118)), ((220, 120, 110), (240, 160, 140))),
        "green": (((150, 182, 92), (182, 205, 125)), ((170, 190, 110), (195, 210, 135))),
        "yellow": (((225, 205, 120), (243, 225, 155)), ((232, 190, 120), (246, 212, 150))),
        "mixed": (((195, 195, 115), (228, 216, 140)), ((212, 84, 92), (232, 125, 118))),
    },
    "dark": {
        "red": (((82, 10, 24), (125, 26, 36)), ((120, 24, 34), (150, 48, 46))),
        "green": (((70, 105, 30), (100, 132, 50)), ((90, 118, 45), (115, 140, 60))),
        "yellow": (((165, 130, 45), (195, 160, 70)), ((150, 105, 45), (180, 135, 60))),
        "mixed": (((105, 115, 45), (150, 140, 65)), ((92, 14, 26), (130, 35, 38))),
    },
}
"""Cultivar -> colour -> ranges (low, high) of the ground colour and of the blush over it, RGB."""


@dataclass
class Fruit:
    """A fruit to draw.

    Attributes:
        noun: apple, orange, pear, or ball.
        radius_px: Radius.
        attributes: `ripeness`, `colour` and `health` of an apple; `health` of other fruit.
        cultivar: Cultivar of an apple.
    """

    noun: str
    radius_px: float
    attributes: dict[str, str] = field(default_factory=dict)
    cultivar: str = "common"


@dataclass
class _FruitSurface:
    """Surface of a fruit on a grid of pixels: opacity, unit normals, and direction of the stem."""

    alpha: Array
    normal_x: Array
    normal_y: Array
    normal_z: Array
    stem_axis: Array
    latitude: Array  # cosine to the axis: 1 at the stem, -1 at the calyx
    longitude: Array  # around the axis, 0 to 4 (diamond angle)
    radius_px: float

    def cosine_distance(self, direction: Array) -> Array:
        """Return one minus the cosine between the normals and `direction`."""
        return 1 - (self.normal_x * direction[0] + self.normal_y * direction[1] + self.normal_z * direction[2])


# Ranges (low, high) of the colours of balls: blue, red, yellow, violet.
_BALL_TONES = (
    ((20, 60, 180), (60, 120, 235)),
    ((200, 20, 30), (240, 50, 60)),
    ((215, 225, 40), (240, 245, 90)),
    ((150, 30, 150), (190, 70, 200)),
)

# Outline of a pear: cosine of the angle to the stem, and distance from the centre in radii.
_PEAR_OUTLINE = ((-1, -0.5, 0, 0.4, 0.7, 0.9, 0.97, 1), (0.85, 0.87, 0.78, 0.70, 0.66, 0.76, 0.93, 1.0))


def draw_fruit(rng: np.random.Generator, fruit: Fruit, light: Light) -> Sprite:
    """Draw a fruit in the centre of a sprite with odd width and height."""
    surface = _make_surface(rng, fruit)
    skin, gloss = _paint_skin(rng, fruit, surface)
    skin, blemish_mask = _add_blemishes(rng, fruit, surface, skin)
    return Sprite(surface.alpha, _apply_lighting(rng, surface, skin, gloss, light), blemish_mask)


def _make_surface(rng: np.random.Generator, fruit: Fruit) -> _FruitSurface:
    half = int(fruit.radius_px * 1.12) + 2
    rows, columns = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32) / np.float32(fruit.radius_px)
    is_ball = fruit.noun == "ball"
    lean = 0.0 if is_ball else rng.normal(0, 0.35)
    up = np.float32(math.sin(lean)), np.float32(-math.cos(lean))
    squash = np.float32(1 if is_ball else rng.uniform(0.94, 1.08))
    along = columns * up[0] + rows * up[1]
    across = (columns * up[1] - rows * up[0]) * squash
    distance = np.sqrt(along * along + across * across) + np.float32(1e-6)
    cosine = along / distance
    if fruit.noun == "pear":
        outline = np.interp(cosine, *_PEAR_OUTLINE).astype(np.float32)
    elif fruit.noun == "apple":
        first, second, third = rng.uniform((0.0, -0.05, -0.02), (0.06, 0.01, 0.02)).astype(np.float32)
        outline = 0.97 + first * cosine + second * (2 * cosine * cosine - 1)
        outline = outline + third * cosine * (4 * cosine * cosine - 3)
    else:
        outline = np.full(rows.shape, 0.97, np.float32)
    radius_fraction = distance / outline
    alpha = np.clip((1 - radius_fraction) * outline * np.float32(fruit.radius_px) + 0.5, 0, 1)
    radius_fraction = np.minimum(radius_fraction, 1)
    scale = radius_fraction / distance
    x, y = columns * scale, rows * scale
    z = np.sqrt(np.maximum(1 - radius_fraction * radius_fraction, 0))
    tilt = rng.uniform(-0.5, 0.9)
    axis = unit_vector(math.sin(lean) * math.cos(tilt), -math.cos(lean) * math.cos(tilt), math.sin(tilt))
    east = unit_vector(math.cos(lean), math.sin(lean), 0)
    north = np.cross(axis, east).astype(np.float32)
    latitude = x * axis[0] + y * axis[1] + z * axis[2]
    east_part, north_part = x * east[0] + y * east[1], x * north[0] + y * north[1] + z * north[2]
    diamond = north_part / (np.abs(east_part) + np.abs(north_part) + np.float32(1e-6))
    longitude = np.where(east_part >= 0, 1 + diamond, 3 - diamond)
    return _FruitSurface(alpha, x, y, z, axis, latitude, longitude, fruit.radius_px)


def _paint_skin(rng: np.random.Generator, fruit: Fruit, surface: _FruitSurface) -> tuple[Array, float]:
    """Return the colour of the skin, float32, (height, width, 3), and its gloss, 0 to 1."""
    if fruit.noun == "orange":
        ground, gloss = sample_colour(rng, (228, 118, 8), (250, 150, 40)), 0.45
        pores = rng.normal(0, 0.05, surface.normal_x.shape).astype(np.float32)
        return ground * (1 + pores)[..., None], gloss
    if fruit.noun == "pear":
        ground = sample_colour(rng, (168, 168, 52), (212, 200, 95))
        russet = np.clip(smooth_noise(rng, 7, len(surface.normal_x)) * 2, 0, 0.5)
        return blend(
            np.broadcast_to(ground, (*surface.normal_x.shape, 3)), np.array([150, 110, 60], np.float32), russet
        ), 0.25
    if fruit.noun == "ball":
        ground = sample_colour(rng, *_BALL_TONES[rng.integers(len(_BALL_TONES))])
        stripe = np.abs(surface.cosine_distance(unit_vector(*rng.uniform(-1, 1, 3))) - 1) < rng.uniform(0.08, 0.22)
        white = np.array([245, 245, 245], np.float32)
        return blend(np.broadcast_to(ground, (*surface.normal_x.shape, 3)), white, stripe.astype(np.float32)), 1.0
    return _paint_apple_skin(rng, fruit, surface)


def _paint_apple_skin(rng: np.random.Generator, fruit: Fruit, surface: _FruitSurface) -> tuple[Array, float]:
    """Return the colour of the skin of an apple and its gloss, as `_paint_skin`."""
    ripeness, colour = fruit.attributes["ripeness"], fruit.attributes["colour"]
    ground, blush = (sample_colour(rng, *limits) for limits in CULTIVAR_SKIN_TONES[fruit.cultivar][colour])
    streaks = np.interp(surface.longitude, np.arange(33) / 8, rng.random(33)).astype(np.float32) - 0.5
    facing = 1 - surface.cosine_distance(unit_vector(*rng.uniform((-1, -1, -0.2), (1, 0.3, 1))))
    cloud = smooth_noise(rng, 6, len(surface.normal_x))
    if colour == "mixed":
        blush_alpha = np.clip(0.5 + 1.1 * facing + 1.2 * streaks + 0.7 * cloud + rng.uniform(-0.25, 0.1), 0, 1)
    else:
        blush_alpha = np.clip(0.35 * facing + 0.9 * streaks + 0.6 * cloud, 0, 1) * 0.8
    skin = blend(np.broadcast_to(ground, (*blush_alpha.shape, 3)), blush, blush_alpha)
    if ripeness == "unripe":
        ring = quadratic_falloff((1 - surface.latitude) / 0.45)
        skin = blend(skin, sample_colour(rng, (105, 140, 50), (135, 165, 75)), ring * 0.75)
        bloom = np.clip(0.20 + 0.5 * smooth_noise(rng, 5, len(blush_alpha)), 0.05, 0.5)
        return blend(skin, np.array([176, 200, 165], np.float32), bloom), 0.0
    if ripeness == "ripe":
        return _add_lenticels(rng, surface, skin), 1.0
    wrinkles = triangle_wave(
        surface.longitude * np.float32(rng.uniform(4.5, 6.5)) + 1.6 * cloud + 0.5 * surface.latitude
    )
    skin = skin * (1 - 0.42 * quadratic_falloff(wrinkles * 2.2))[..., None]
    spots = np.clip(smooth_noise(rng, 9, len(blush_alpha)) * 2.4 + 0.1, 0, 0.65)
    return blend(skin * 0.86, sample_colour(rng, (105, 62, 30), (135, 85, 45)), spots), 0.08


def _add_lenticels(rng: np.random.Generator, surface: _FruitSurface, skin: Array) -> Array:
    """Return the skin with lenticels: small pale dots."""
    side = len(skin)
    dots = np.zeros((side, side), np.float32)
    positions = rng.integers(0, side, (int(rng.integers(50, 90)), 2))
    size = max(round(surface.radius_px / 26), 1)
    for row, column in positions:
        dots[row : row + size, column : column + size] = 1
    return blend(skin, np.array([245, 228, 170], np.float32), dots * 0.6)


def _add_blemishes(
    rng: np.random.Generator, fruit: Fruit, surface: _FruitSurface, skin: Array
) -> tuple[Array, Array | None]:
    """Return the skin with the damage or disease of the fruit, and its mask, bool (None for a healthy fruit)."""
    health = fruit.attributes.get("health", "healthy")
    if health == "healthy":
        return skin, None
    wobble = 1 + 1.1 * smooth_noise(rng, 7, len(skin))
    cracks = smooth_noise(rng, 13, len(skin))
    if health == "damaged":
        return _add_damage(rng, surface, skin, wobble, cracks)
    if rng.random() < 0.65:
        return _add_scab(rng, surface, skin, wobble)
    return _add_rot(rng, surface, skin, wobble)


def _sample_direction(rng: np.random.Generator, max_offset: float) -> Array:
    """Sample a direction towards the camera; a larger `max_offset` allows directions further from its axis."""
    return unit_vector(*rng.uniform((-max_offset, -max_offset, 0.75), (max_offset, max_offset, 1)))


def _add_damage(
    rng: np.random.Generator, surface: _FruitSurface, skin: Array, wobble: Array, cracks: Array
) -> tuple[Array, Array]:
    """Add one or two bruises or peck holes."""
    mask = np.zeros(skin.shape[:2], bool)
    for _ in range(rng.integers(1, 3)):
        t = surface.cosine_distance(_sample_direction(rng, 0.75)) * wobble / np.float32(rng.uniform(0.09, 0.20))
        if rng.random() < 0.65:  # a bruise: soft and brown, darker along the edge
            skin = blend(skin, sample_colour(rng, (98, 60, 28), (132, 86, 44)), np.clip((1 - t) * 4, 0, 0.92))
            skin = blend(skin, np.array([70, 42, 22], np.float32), quadratic_falloff(np.abs(t - 0.85) * 6) * 0.7)
        else:  # a peck hole: pale flesh around a dark centre
            skin = blend(skin, sample_colour(rng, (205, 180, 120), (232, 212, 160)), np.clip((0.75 - t) * 6, 0, 1))
            skin = blend(skin, np.array([58, 36, 20], np.float32), np.clip((0.25 + 0.4 * cracks - t) * 8, 0, 1))
        mask |= t < 0.8
    return skin, mask


def _add_scab(rng: np.random.Generator, surface: _FruitSurface, skin: Array, wobble: Array) -> tuple[Array, Array]:
    """Add many small dark scabs around one point."""
    mask = np.zeros(skin.shape[:2], bool)
    centre = _sample_direction(rng, 0.4)
    for _ in range(rng.integers(14, 28)):
        spread = rng.normal(0, 0.45, 3)
        direction = unit_vector(*(centre + spread)) if centre[2] + spread[2] > 0.2 else centre
        radius = np.float32(rng.uniform(0.006, 0.018) + 0.12 / surface.radius_px)
        t = surface.cosine_distance(direction) * wobble / radius
        skin = blend(skin, sample_colour(rng, (30, 28, 18), (54, 48, 32)), np.clip((1 - t) * 3, 0, 0.95))
        mask |= t < 0.8
    return skin, mask


def _add_rot(rng: np.random.Generator, surface: _FruitSurface, skin: Array, wobble: Array) -> tuple[Array, Array]:
    """Add a patch of rot with dark and light rings."""
    t = surface.cosine_distance(_sample_direction(rng, 0.6)) * wobble / np.float32(rng.uniform(0.25, 0.5))
    dark = np.broadcast_to(np.array([52, 38, 24], np.float32), skin.shape)
    rings = blend(dark, sample_colour(rng, (120, 92, 58), (150, 120, 80)), triangle_wave(t * 3.5))
    return blend(skin, rings, np.clip((1 - t) * 5, 0, 0.95)), t < 0.8


def _apply_lighting(rng: np.random.Generator, surface: _FruitSurface, skin: Array, gloss: float, light: Light) -> Array:
    """Shade the skin: diffuse light, light reflected by leaves, highlights, and dark pits at stem and calyx."""
    to_light = light.direction
    lambert = np.maximum(
        surface.normal_x * to_light[0] + surface.normal_y * to_light[1] + surface.normal_z * to_light[2], 0
    )
    strength = (light.ambient + light.diffuse * lambert) * (0.72 + 0.28 * surface.normal_z)
    colour = skin * strength[..., None]
    reflected = np.maximum(surface.normal_y, 0) * np.float32(0.16 * light.ambient)  # by the leaves below
    colour = colour + reflected[..., None] * np.array([40, 75, 20], np.float32)
    half_vector = unit_vector(to_light[0], to_light[1], to_light[2] + 1)
    distance = surface.cosine_distance(half_vector)
    sharpness = 0.35 if light.name in ("shade", "overcast") else 1.0
    if gloss > 0.1:
        width = np.float32(0.035 / sharpness)
        colour = (
            colour
            + np.float32(gloss * sharpness * rng.uniform(120, 190)) * quadratic_falloff(distance / width)[..., None]
        )
    colour = colour + np.float32(10 + 22 * gloss) * quadratic_falloff(distance / np.float32(0.25))[..., None]
    if len(skin) > 9 and surface.stem_axis[2] > -0.3:  # the pit at the stem; the calyx is opposite
        colour = colour * (1 - 0.62 * quadratic_falloff((1 - surface.latitude) / 0.10))[..., None]
    return colour * (1 - 0.7 * quadratic_falloff((1 + surface.latitude) / 0.03))[..., None]
