"""Render the images of orchard-sim.md: the same bytes with the locked environment on x86-64.

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
from samgap.datasets.orchard_sim.noise import LIGHT_NAMES, make_light
from samgap.datasets.orchard_sim.scene import DENSITIES, draw_sprite

BACKGROUND_COLOUR = np.array([74, 92, 58], np.float32)
MASK_COLOURS = [(230, 159, 0), (86, 180, 233), (240, 228, 66), (204, 121, 167), (213, 94, 0), (0, 114, 178)]
IGNORED_COLOUR = (150, 150, 150)
MARGIN_PX, FONT_SIZE_PX = 4, 13
FLOW_GAIN = 24
"""Factor of the motion in the images of optical flow, which is only a few px."""

Rows = Sequence[tuple[str, Sequence[Image.Image]]]


def make_sheet(rows: Rows, column_labels: Sequence[str] = (), label_width_px: int = 86) -> Image.Image:
    """Arrange rows of images of the same size, with a label to the left of each row and labels above the columns."""
    width, height = rows[0][1][0].size
    top = FONT_SIZE_PX + 2 * MARGIN_PX if column_labels else 0
    n_columns = max(len(images) for _, images in rows)
    sheet_width = label_width_px + n_columns * (width + MARGIN_PX) - MARGIN_PX
    sheet_height = top + len(rows) * (height + MARGIN_PX) - MARGIN_PX
    sheet = Image.new("RGB", (sheet_width, sheet_height), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_SIZE_PX)
    for column, label in enumerate(column_labels):
        x = label_width_px + column * (width + MARGIN_PX) + width / 2
        draw.text((x, top / 2), label, "black", font, "mm")
    for row, (label, images) in enumerate(rows):
        y = top + row * (height + MARGIN_PX)
        draw.text((0, y + height / 2), label, "black", font, "lm")
        for column, image in enumerate(images):
            sheet.paste(image, (label_width_px + column * (width + MARGIN_PX), y))
    return sheet


def decode(image: AnnotatedImage) -> Image.Image:
    """Decode the photograph."""
    return Image.open(io.BytesIO(image.encoded_bytes)).convert("RGB")


def render_scenes(n_scenes: int, size: int = 200, **options: Any) -> list[AnnotatedImage]:
    """Render the first `n_scenes` scenes with at least three apples."""
    images = orchard_sim.iter_images({"scenes": 1000, "size": size, "seed": 12, **options}, {}, 0)
    with_apples = (image for image in images if sum(item.noun == "apple" for item in image.annotations) >= 3)
    return list(islice(with_apples, n_scenes))


def overlay_masks(image: AnnotatedImage) -> Image.Image:
    """Draw the masks over the photograph: a colour for each instance or track, grey if it is ignored."""
    pixels = np.asarray(decode(image), np.float32) * np.float32(0.55)
    for index, annotation in enumerate(image.annotations):
        number = annotation.track_id if annotation.track_id is not None else index
        colour = IGNORED_COLOUR if annotation.ignore else MASK_COLOURS[number % len(MASK_COLOURS)]
        pixels[annotation.mask] = np.array(colour, np.float32) * 0.8
    return Image.fromarray(pixels.astype(np.uint8))


def render_sprite(sprite: Sprite, side: int) -> Image.Image:
    """Render a sprite on a plain background."""
    pixels = np.broadcast_to(BACKGROUND_COLOUR, (side, side, 3)).copy()
    height, width = sprite.alpha.shape
    top, left = (side - height) // 2, (side - width) // 2
    inner = slice(max(-top, 0), max(-top, 0) + side), slice(max(-left, 0), max(-left, 0) + side)
    alpha, colour = sprite.alpha[inner], sprite.colour[inner]
    target = pixels[max(top, 0) : max(top, 0) + len(alpha), max(left, 0) : max(left, 0) + alpha.shape[1]]
    target += (colour - target) * alpha[..., None]
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def render_apple(seed: int, attributes: Mapping[str, str], cultivar: str = "common", side: int = 88) -> Image.Image:
    """Render one apple; by default it is ripe, red and healthy."""
    rng = np.random.default_rng([7, seed])
    all_attributes = {"ripeness": "ripe", "colour": "red", "health": "healthy", **attributes}
    fruit = fruits.Fruit("apple", side * 0.42, all_attributes, cultivar)
    return render_sprite(fruits.draw_fruit(rng, fruit, make_light(rng, "sun")), side)


def make_ripeness_sheet() -> Image.Image:
    """Show every ripeness in every colour."""
    rows = []
    for number, value in enumerate(fruits.RIPENESS_LEVELS):
        variants = [{"ripeness": value, "colour": colour} for colour in fruits.COLOURS for _ in range(2)]
        rows.append((value, [render_apple(10 * number + index, variant) for index, variant in enumerate(variants)]))
    return make_sheet(rows, [colour for colour in fruits.COLOURS for _ in range(2)])


def make_health_sheet() -> Image.Image:
    """Show healthy, damaged and diseased apples."""
    rows = []
    for number, value in enumerate(fruits.HEALTH_STATES):
        variants = [
            {"health": value, "ripeness": ripeness, "colour": colour}
            for ripeness, colour in zip(fruits.RIPENESS_LEVELS * 3, fruits.COLOURS * 2, strict=False)
        ]
        rows.append(
            (value, [render_apple(100 + 10 * number + index, variant) for index, variant in enumerate(variants)])
        )
    return make_sheet(rows)


def make_cultivars_sheet() -> Image.Image:
    """Show every colour of every cultivar."""
    rows = []
    for name in fruits.CULTIVAR_SKIN_TONES:
        variants = [{"colour": colour} for colour in fruits.COLOURS for _ in range(2)]
        rows.append((name, [render_apple(200 + index, variant, name) for index, variant in enumerate(variants)]))
    return make_sheet(rows, [colour for colour in fruits.COLOURS for _ in range(2)])


def make_nouns_sheet() -> Image.Image:
    """Show the nouns other than apple."""
    rows = []
    for number, noun in enumerate(orchard_sim.NOUNS[1:]):
        sprites = []
        for index in range(6):
            rng = np.random.default_rng([8, number, index])
            attributes = {"health": fruits.HEALTH_STATES[index // 2]} if noun in orchard_sim.FRUIT_NOUNS else {}
            diameter = {"flower": 100, "red leaf": 66}.get(noun, 72)
            sprites.append(draw_sprite(rng, noun, diameter, attributes, "common", make_light(rng, "sun")))
        rows.append((noun, [render_sprite(sprite, 88) for sprite in sprites]))
    return make_sheet(rows)


def make_lights_sheet() -> Image.Image:
    """Show a scene in each light."""
    images = [decode(render_scenes(1, lighting=[name])[0]) for name in LIGHT_NAMES]
    return make_sheet([("", images)], LIGHT_NAMES, label_width_px=0)


def make_densities_sheet() -> Image.Image:
    """Show a scene of each density."""
    images = [decode(render_scenes(1, 250, density=[name], seed=33)[0]) for name in DENSITIES]
    return make_sheet([("", images)], DENSITIES, label_width_px=0)


def make_masks_sheet() -> Image.Image:
    """Show two scenes and their masks."""
    scenes = render_scenes(2, density=["medium"], seed=44)
    images = [render(scene) for scene in scenes for render in (decode, overlay_masks)]
    return make_sheet([("", images)], label_width_px=0)


def make_shift_sheet() -> Image.Image:
    """Show scenes of the test set and of the shifted set."""
    test = render_scenes(3, seed=2)
    shifted = render_scenes(3, seed=4, lighting=["dusk"], cultivars=["pink", "dark"], density=["dense"])
    return make_sheet([("test", [decode(image) for image in test]), ("shifted", [decode(image) for image in shifted])])


def make_sequence_sheet() -> Image.Image:
    """Show three of fourteen frames with their tracks and their flow to the next frame."""
    options = {"scenes": 1, "size": 160, "seed": 50, "frames": 14}
    frames = list(orchard_sim.iter_images(options, {}, 0))[:-1:6]
    flows = []
    for frame in frames:
        (flow,) = frame.extra_files.values()
        channels = np.asarray(Image.open(io.BytesIO(flow))).astype(int)
        channels[..., :2] = np.clip(128 + FLOW_GAIN * (channels[..., :2] - 128), 0, 255)
        flows.append(Image.fromarray(channels.astype(np.uint8)))
    rows = [
        ("frames", [decode(frame) for frame in frames]),
        ("tracks", [overlay_masks(frame) for frame in frames]),
        (f"flow, {FLOW_GAIN}-fold", flows),
    ]
    return make_sheet(rows)


SHEETS = {
    "ripeness": make_ripeness_sheet,
    "health": make_health_sheet,
    "cultivars": make_cultivars_sheet,
    "nouns": make_nouns_sheet,
    "lights": make_lights_sheet,
    "densities": make_densities_sheet,
    "masks": make_masks_sheet,
    "shift": make_shift_sheet,
    "sequence": make_sequence_sheet,
}
"""Name in `orchard-<name>.jpg` -> function that renders it."""


def main(folder: Path) -> None:
    """Write all images to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in SHEETS.items():
        make().save(folder / f"orchard-{name}.jpg", quality=72, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
