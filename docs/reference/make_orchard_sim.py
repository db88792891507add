"""The pictures of orchard-sim.md, drawn by the package itself: the same bytes under the lock.

PYTHONPATH=src python docs/reference/make_orchard_sim.py docs/reference/img
"""

import io
import sys
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from samgap.datasets import AnnotatedImage, orchard_sim
from samgap.datasets.orchard_sim import fruit as fruits
from samgap.datasets.orchard_sim.leaves import Sprite
from samgap.datasets.orchard_sim.noise import make_light
from samgap.datasets.orchard_sim.scene import _draw_sprite

GROUND = np.array([74, 92, 58], np.float32)
TONES = [(230, 159, 0), (86, 180, 233), (240, 228, 66), (204, 121, 167), (213, 94, 0), (0, 114, 178)]
MARGIN, TEXT = 4, 13  # px

Rows = Sequence[tuple[str, Sequence[Image.Image]]]


def sheet(rows: Rows, heads: Sequence[str] = (), name: int = 86) -> Image.Image:
    """Rows of pictures of one size, each named on its left (`name` px), with `heads` over the columns."""
    wide, high = rows[0][1][0].size
    top = TEXT + 2 * MARGIN if heads else 0
    across = max(len(pictures) for _, pictures in rows)
    size = name + across * (wide + MARGIN) - MARGIN, top + len(rows) * (high + MARGIN) - MARGIN
    whole = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(whole), ImageFont.load_default(TEXT)
    for column, head in enumerate(heads):
        pen.text((name + column * (wide + MARGIN) + wide / 2, top / 2), head, "black", font, "mm")
    for row, (head, pictures) in enumerate(rows):
        y = top + row * (high + MARGIN)
        pen.text((0, y + high / 2), head, "black", font, "lm")
        for column, picture in enumerate(pictures):
            whole.paste(picture, (name + column * (wide + MARGIN), y))
    return whole


def photo(picture: AnnotatedImage) -> Image.Image:
    return Image.open(io.BytesIO(picture.encoded_bytes)).convert("RGB")


def scenes(number: int, size: int = 200, **options: Any) -> list[AnnotatedImage]:
    """The first `number` scenes of a set with apples in them."""
    every = orchard_sim.iter_images({"scenes": 1000, "size": size, "seed": 12, **options}, {}, 0)
    held = (picture for picture in every if sum(label.noun == "apple" for label in picture.annotations) >= 3)
    return list(islice(held, number))


def painted(picture: AnnotatedImage) -> Image.Image:
    """The masks over the photograph: a colour for each thing (in a sequence: for each track), grey where ignored."""
    pixels = np.asarray(photo(picture), np.float32) * np.float32(0.55)
    for place, label in enumerate(picture.annotations):
        tone = TONES[(label.track_id if label.track_id is not None else place) % len(TONES)]
        pixels[label.mask] = np.array((150, 150, 150) if label.ignore else tone, np.float32) * 0.8
    return Image.fromarray(pixels.astype(np.uint8))


def alone(sprite: Sprite, side: int) -> Image.Image:
    """A sprite on plain ground."""
    pixels = np.broadcast_to(GROUND, (side, side, 3)).copy()
    high, wide = sprite.alpha.shape
    top, left = (side - high) // 2, (side - wide) // 2
    inner = slice(max(-top, 0), max(-top, 0) + side), slice(max(-left, 0), max(-left, 0) + side)
    alpha, colour = sprite.alpha[inner], sprite.colour[inner]
    part = pixels[max(top, 0) : max(top, 0) + len(alpha), max(left, 0) : max(left, 0) + alpha.shape[1]]
    part += (colour - part) * alpha[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def apple(seed: int, attributes: Mapping[str, str], cultivar: str = "common", side: int = 88) -> Image.Image:
    rng = np.random.default_rng([7, seed])
    known = {"ripeness": "ripe", "colour": "red", "health": "healthy", **attributes}
    return alone(
        fruits.draw_fruit(rng, fruits.Fruit("apple", side * 0.42, known, cultivar), make_light(rng, "sun")), side
    )


def ripeness() -> Image.Image:
    rows = []
    for number, value in enumerate(fruits.RIPENESS_LEVELS):
        kinds = [{"ripeness": value, "colour": colour} for colour in fruits.COLOURS for _ in range(2)]
        rows.append((value, [apple(10 * number + place, kind) for place, kind in enumerate(kinds)]))
    return sheet(rows, [colour for colour in fruits.COLOURS for _ in range(2)])


def health() -> Image.Image:
    rows = []
    for number, value in enumerate(fruits.HEALTH_STATES):
        kinds = [{"health": value, "ripeness": ripe, "colour": colour}
                 for ripe, colour in zip(fruits.RIPENESS_LEVELS * 3, fruits.COLOURS * 2, strict=False)]  # fmt: skip
        rows.append((value, [apple(100 + 10 * number + place, kind) for place, kind in enumerate(kinds)]))
    return sheet(rows)


def cultivars() -> Image.Image:
    rows = []
    for name in fruits.CULTIVAR_SKIN_TONES:
        kinds = [{"colour": colour} for colour in fruits.COLOURS for _ in range(2)]
        rows.append((name, [apple(200 + place, kind, name) for place, kind in enumerate(kinds)]))
    return sheet(rows, [colour for colour in fruits.COLOURS for _ in range(2)])


def nouns() -> Image.Image:
    rows = []
    for number, noun in enumerate(orchard_sim.NOUNS[1:]):
        pictures = []
        for place in range(6):
            rng = np.random.default_rng([8, number, place])
            attributes = {"health": fruits.HEALTH_STATES[place // 2]} if noun in orchard_sim.FRUIT_NOUNS else {}
            across = {"flower": 100, "red leaf": 66}.get(noun, 72)
            pictures.append(alone(_draw_sprite(rng, noun, across, attributes, "common", make_light(rng, "sun")), 88))
        rows.append((noun, pictures))
    return sheet(rows)


def lights() -> Image.Image:
    names = ("sun", "shade", "overcast", "dusk")
    return sheet([("", [photo(scenes(1, lighting=[name])[0]) for name in names])], names, name=0)


def densities() -> Image.Image:
    names = ("sparse", "medium", "dense")
    return sheet([("", [photo(scenes(1, 250, density=[name], seed=33)[0]) for name in names])], names, name=0)


def masks() -> Image.Image:
    pictures = scenes(2, density=["medium"], seed=44)
    return sheet([("", [draw(each) for each in pictures for draw in (photo, painted)])], name=0)


def shift() -> Image.Image:
    test = scenes(3, seed=2)
    shifted = scenes(3, seed=4, lighting=["dusk"], cultivars=["pink", "dark"], density=["dense"])
    return sheet([("test", [photo(each) for each in test]), ("shifted", [photo(each) for each in shifted])])


def sequence() -> Image.Image:
    """Every sixth of thirteen frames, its tracks, and its flow to the next."""
    options = {"scenes": 1, "size": 160, "seed": 50, "frames": 14}
    kept = list(orchard_sim.iter_images(options, {}, 0))[:-1:6]
    flows = []
    for each in kept:
        (data,) = each.extra_files.values()
        coded = np.asarray(Image.open(io.BytesIO(data))).astype(int)
        coded[..., :2] = np.clip(128 + 24 * (coded[..., :2] - 128), 0, 255)  # so that motion of few px shows
        flows.append(Image.fromarray(coded.astype(np.uint8)))
    return sheet([("frames", [photo(each) for each in kept]), ("tracks", [painted(each) for each in kept]),
                  ("flow, 24-fold", flows)])  # fmt: skip


DRAWN = (ripeness, health, cultivars, nouns, lights, densities, masks, shift, sequence)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for draw in DRAWN:
        draw().save(folder / f"orchard-{draw.__name__}.jpg", quality=72, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
