"""Fruit of the drawn orchard: a lit body of revolution, its skin, and what ails it.

What each attribute looks like:
- ripeness: an unripe apple is matte under a pale bloom, with a green ring round the stem; a ripe one has a sharp
  highlight and pale dots (lenticels); an overripe one is dull and wrinkled from pole to pole, with brown mottles.
  Colour says little: every ripeness comes in every colour.
- colour: red, green, yellow, or mixed (red streaks over green or yellow).
- health: damaged shows one or two large brown bruises or pecked holes; diseased many small dark scabs, or a ringed rot.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from samgap.datasets.orchard.leaves import Sprite
from samgap.datasets.orchard.noise import Array, Light, blend, bump, smooth, tone, unit, wave

RIPENESS = ("ripe", "unripe", "overripe")
COLOURS = ("red", "green", "yellow", "mixed")
HEALTH = ("healthy", "damaged", "diseased")

# Skin tones (low, high) of the colours of a cultivar: the ground, and the blush over it.
CULTIVARS = {
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


@dataclass
class Fruit:
    """One fruit to be drawn: its noun, attributes, radius in px, and (apples) its cultivar."""

    noun: str
    radius: float
    attributes: dict[str, str] = field(default_factory=dict)
    cultivar: str = "common"


@dataclass
class _Body:
    """A fruit's surface on a grid of pixels: unit normals, and where its stem's axis points."""

    alpha: Array
    x: Array
    y: Array
    z: Array
    axis: Array
    latitude: Array  # the normal's share along the axis: 1 at the stem, -1 at the calyx
    longitude: Array  # round the axis, 0 to 4 (the diamond angle)
    radius: float

    def near(self, direction: Array) -> Array:
        """One minus the cosine to `direction`: 0 there, growing with the distance on the surface."""
        return 1 - (self.x * direction[0] + self.y * direction[1] + self.z * direction[2])


# Tones (low, high) of balls: blue, red, yellow, violet.
_BALLS = (
    ((20, 60, 180), (60, 120, 235)),
    ((200, 20, 30), (240, 50, 60)),
    ((215, 225, 40), (240, 245, 90)),
    ((150, 30, 150), (190, 70, 200)),
)

# Outline of a pear: distance from the middle by the cosine of the angle to its stem.
_PEAR = ((-1, -0.5, 0, 0.4, 0.7, 0.9, 0.97, 1), (0.85, 0.87, 0.78, 0.70, 0.66, 0.76, 0.93, 1.0))


def draw(rng: np.random.Generator, fruit: Fruit, light: Light) -> Sprite:
    """The fruit in the middle of a sprite whose sides are odd."""
    body = _body(rng, fruit)
    skin, gloss = _skin(rng, fruit, body)
    skin, mark = _ailing(rng, fruit, body, skin)
    return Sprite(body.alpha, _shaded(rng, body, skin, gloss, light), mark)


def _body(rng: np.random.Generator, fruit: Fruit) -> _Body:
    reach = int(fruit.radius * 1.12) + 2
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float32) / np.float32(fruit.radius)
    round_ = fruit.noun == "ball"
    lean = 0.0 if round_ else rng.normal(0, 0.35)
    up = np.float32(math.sin(lean)), np.float32(-math.cos(lean))
    squash = np.float32(1 if round_ else rng.uniform(0.94, 1.08))
    along = columns * up[0] + rows * up[1]
    across = (columns * up[1] - rows * up[0]) * squash
    distance = np.sqrt(along * along + across * across) + np.float32(1e-6)
    cosine = along / distance
    if fruit.noun == "pear":
        outline = np.interp(cosine, *_PEAR).astype(np.float32)
    elif fruit.noun == "apple":
        first, second, third = rng.uniform((0.0, -0.05, -0.02), (0.06, 0.01, 0.02)).astype(np.float32)
        outline = 0.97 + first * cosine + second * (2 * cosine * cosine - 1)
        outline = outline + third * cosine * (4 * cosine * cosine - 3)
    else:
        outline = np.full(rows.shape, 0.97, np.float32)
    share = distance / outline
    alpha = np.clip((1 - share) * outline * np.float32(fruit.radius) + 0.5, 0, 1)
    share = np.minimum(share, 1)
    scale = share / distance
    x, y = columns * scale, rows * scale
    z = np.sqrt(np.maximum(1 - share * share, 0))
    tip = rng.uniform(-0.5, 0.9)
    axis = unit(math.sin(lean) * math.cos(tip), -math.cos(lean) * math.cos(tip), math.sin(tip))
    east = unit(math.cos(lean), math.sin(lean), 0)
    north = np.cross(axis, east).astype(np.float32)
    latitude = x * axis[0] + y * axis[1] + z * axis[2]
    first_, second_ = x * east[0] + y * east[1], x * north[0] + y * north[1] + z * north[2]
    diamond = second_ / (np.abs(first_) + np.abs(second_) + np.float32(1e-6))
    longitude = np.where(first_ >= 0, 1 + diamond, 3 - diamond)
    return _Body(alpha, x, y, z, axis, latitude, longitude, fruit.radius)


def _skin(rng: np.random.Generator, fruit: Fruit, body: _Body) -> tuple[Array, float]:
    """Colour of the skin, float32 (h, w, 3), and how sharp its highlight is (0 matte to 1)."""
    if fruit.noun == "orange":
        ground, gloss = tone(rng, (228, 118, 8), (250, 150, 40)), 0.45
        pores = rng.normal(0, 0.05, body.x.shape).astype(np.float32)
        return ground * (1 + pores)[..., None], gloss
    if fruit.noun == "pear":
        ground = tone(rng, (168, 168, 52), (212, 200, 95))
        russet = np.clip(smooth(rng, 7, len(body.x)) * 2, 0, 0.5)
        return blend(np.broadcast_to(ground, (*body.x.shape, 3)), np.array([150, 110, 60], np.float32), russet), 0.25
    if fruit.noun == "ball":
        ground = tone(rng, *_BALLS[rng.integers(len(_BALLS))])
        stripe = np.abs(body.near(unit(*rng.uniform(-1, 1, 3))) - 1) < rng.uniform(0.08, 0.22)
        other = np.array([245, 245, 245], np.float32)
        return blend(np.broadcast_to(ground, (*body.x.shape, 3)), other, stripe.astype(np.float32)), 1.0
    return _apple_skin(rng, fruit, body)


def _apple_skin(rng: np.random.Generator, fruit: Fruit, body: _Body) -> tuple[Array, float]:
    ripeness, colour = fruit.attributes["ripeness"], fruit.attributes["colour"]
    ground, blush = (tone(rng, *limits) for limits in CULTIVARS[fruit.cultivar][colour])
    streaks = np.interp(body.longitude, np.arange(33) / 8, rng.random(33)).astype(np.float32) - 0.5
    facing = 1 - body.near(unit(*rng.uniform((-1, -1, -0.2), (1, 0.3, 1))))
    cloud = smooth(rng, 6, len(body.x))
    if colour == "mixed":
        share = np.clip(0.5 + 1.1 * facing + 1.2 * streaks + 0.7 * cloud + rng.uniform(-0.25, 0.1), 0, 1)
    else:
        share = np.clip(0.35 * facing + 0.9 * streaks + 0.6 * cloud, 0, 1) * 0.8
    skin = blend(np.broadcast_to(ground, (*share.shape, 3)), blush, share)
    if ripeness == "unripe":
        ring = bump((1 - body.latitude) / 0.45)
        skin = blend(skin, tone(rng, (105, 140, 50), (135, 165, 75)), ring * 0.75)
        bloom = np.clip(0.20 + 0.5 * smooth(rng, 5, len(share)), 0.05, 0.5)
        return blend(skin, np.array([176, 200, 165], np.float32), bloom), 0.0
    if ripeness == "ripe":
        return _dotted(rng, body, skin), 1.0
    lines = wave(body.longitude * np.float32(rng.uniform(4.5, 6.5)) + 1.6 * cloud + 0.5 * body.latitude)
    skin = skin * (1 - 0.42 * bump(lines * 2.2))[..., None]
    mottles = np.clip(smooth(rng, 9, len(share)) * 2.4 + 0.1, 0, 0.65)
    return blend(skin * 0.86, tone(rng, (105, 62, 30), (135, 85, 45)), mottles), 0.08


def _dotted(rng: np.random.Generator, body: _Body, skin: Array) -> Array:
    """Lenticels: pale dots, sharper and farther apart towards the stem's far end."""
    side = len(skin)
    dots = np.zeros((side, side), np.float32)
    spots = rng.integers(0, side, (int(rng.integers(50, 90)), 2))
    size = max(round(body.radius / 26), 1)
    for row, column in spots:
        dots[row : row + size, column : column + size] = 1
    return blend(skin, np.array([245, 228, 170], np.float32), dots * 0.6)


def _ailing(rng: np.random.Generator, fruit: Fruit, body: _Body, skin: Array) -> tuple[Array, Array | None]:
    """The skin with the marks of its health, and where they are."""
    health = fruit.attributes.get("health", "healthy")
    if health == "healthy":
        return skin, None
    wobble = 1 + 1.1 * smooth(rng, 7, len(skin))
    cracks = smooth(rng, 13, len(skin))
    mark = np.zeros(skin.shape[:2], np.float32)

    def direction(reach: float) -> Array:
        return unit(*rng.uniform((-reach, -reach, 0.75), (reach, reach, 1)))

    if health == "damaged":
        for _ in range(rng.integers(1, 3)):
            t = body.near(direction(0.75)) * wobble / np.float32(rng.uniform(0.09, 0.20))
            if rng.random() < 0.65:  # a bruise: soft and brown, darker along its rim
                skin = blend(skin, tone(rng, (98, 60, 28), (132, 86, 44)), np.clip((1 - t) * 4, 0, 0.92))
                skin = blend(skin, np.array([70, 42, 22], np.float32), bump(np.abs(t - 0.85) * 6) * 0.7)
            else:  # a hole pecked by a bird: pale flesh round a dark middle
                skin = blend(skin, tone(rng, (205, 180, 120), (232, 212, 160)), np.clip((0.75 - t) * 6, 0, 1))
                skin = blend(skin, np.array([58, 36, 20], np.float32), np.clip((0.25 + 0.4 * cracks - t) * 8, 0, 1))
            mark = np.maximum(mark, (t < 0.8).astype(np.float32))
        return skin, mark > 0
    if rng.random() < 0.65:  # scab: many small corky spots
        middle = direction(0.4)
        for _ in range(rng.integers(14, 28)):
            spread = rng.normal(0, 0.45, 3)
            place = unit(*(middle + spread)) if middle[2] + spread[2] > 0.2 else middle
            t = body.near(place) * wobble / np.float32(rng.uniform(0.006, 0.018) + 0.12 / body.radius)
            skin = blend(skin, tone(rng, (30, 28, 18), (54, 48, 32)), np.clip((1 - t) * 3, 0, 0.95))
            mark = np.maximum(mark, (t < 0.8).astype(np.float32))
        return skin, mark > 0
    t = body.near(direction(0.6)) * wobble / np.float32(rng.uniform(0.25, 0.5))  # rot: rings, dark and light by turns
    dark = np.broadcast_to(np.array([52, 38, 24], np.float32), skin.shape)
    rings = blend(dark, tone(rng, (120, 92, 58), (150, 120, 80)), wave(t * 3.5))
    return blend(skin, rings, np.clip((1 - t) * 5, 0, 0.95)), t < 0.8


def _shaded(rng: np.random.Generator, body: _Body, skin: Array, gloss: float, light: Light) -> Array:
    """The skin under the light: diffuse, thrown back by leaves, highlights, and the pits at stem and calyx."""
    toward = light.direction
    lambert = np.maximum(body.x * toward[0] + body.y * toward[1] + body.z * toward[2], 0)
    strength = (light.ambient + light.direct * lambert) * (0.72 + 0.28 * body.z)
    colour = skin * strength[..., None]
    under = np.maximum(body.y, 0) * np.float32(0.16 * light.ambient)  # green thrown back by the leaves below
    colour = colour + under[..., None] * np.array([40, 75, 20], np.float32)
    half = unit(toward[0], toward[1], toward[2] + 1)
    near = body.near(half)
    soft = 0.35 if light.name in ("shade", "overcast") else 1.0
    if gloss > 0.1:
        width = np.float32(0.035 / soft)
        colour = colour + np.float32(gloss * soft * rng.uniform(120, 190)) * bump(near / width)[..., None]
    colour = colour + np.float32(10 + 22 * gloss) * bump(near / np.float32(0.25))[..., None]
    if len(skin) > 9 and body.axis[2] > -0.3:  # the pit that the stem sits in, and the calyx opposite
        colour = colour * (1 - 0.62 * bump((1 - body.latitude) / 0.10))[..., None]
    return colour * (1 - 0.7 * bump((1 + body.latitude) / 0.03))[..., None]
