"""Kind `orchard-sim`: a drawn orchard with exact instance masks, attributes, and (as sequences) tracks and flow.

Fruit (apples, oranges, pears) and things that are none (balls, flowers, red leaves) hang in foliage, behind leaves,
branches and each other. The mask of a thing is its visible pixels. Everything scales with the side of the image.
`docs/reference/orchard-sim.md` shows the scenes and says what each attribute looks like.

Options: `scenes` (number of scenes, or of sequences), `size` (side of the square image, px), `seed` (scene i depends
on it and on i alone), `lighting`, `cultivars`, `density` (what to draw from), `without` (combinations of noun and
attributes that never appear), `frames` (of each sequence; default is single images).
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from samgap.datasets import AnnotatedImage, Annotation
from samgap.datasets.orchard_sim.camera import Camera
from samgap.datasets.orchard_sim.fruit import COLOURS, HEALTH_STATES, RIPENESS_LEVELS
from samgap.datasets.orchard_sim.scene import FRUIT_NOUNS, NOUNS, Scene, compose_scene
from samgap.datasets.orchard_sim.view import View, compute_flow, render_view

OCCLUSION_LEVELS = ("visible", "partial", "heavy")
"""Less than a tenth hidden, less than half, more."""

# Below this visible area (share of the image) or visible share of itself, a thing is kept but marked `ignore`.
MIN_AREA_FRACTION = 1 / 4000
MIN_VISIBLE_FRACTION = 0.2

MIN_BLEMISH_FRACTION = 0.05
"""A fruit whose visible damage or disease covers less of what is seen of it counts as healthy: it looks so."""


def describe_labels(options: Mapping[str, Any]) -> dict[str, Any]:
    """What is labelled: every thing; ripeness and colour of apples; health, size and occlusion of all fruit."""
    return {
        "nouns": list(NOUNS),
        "attributes": {
            "ripeness": list(RIPENESS_LEVELS),
            "colour": list(COLOURS),
            "health": list(HEALTH_STATES),
            "size": ["small", "medium", "large"],
            "occlusion": list(OCCLUSION_LEVELS),
        },
    }


def iter_images(options: Mapping[str, Any], archives: Mapping[str, Path], seed: int) -> Iterator[AnnotatedImage]:
    """Scene after scene, each from its own generator. The set's own `seed` option stands over the run's."""
    for number in range(options["scenes"]):
        rng = np.random.default_rng([options.get("seed", seed), number])
        if options.get("frames"):
            yield from render_sequence(rng, f"sequence-{number:05d}", options)
        else:
            yield render_photograph(rng, f"scene-{number:05d}", options)


def render_photograph(rng: np.random.Generator, name: str, options: Mapping[str, Any]) -> AnnotatedImage:
    """One scene as `name`.jpg, its own group."""
    side = options["size"]
    scene = compose_scene(rng, side, options)
    seen = render_view(scene)
    data = Camera(rng, scene.light, side).capture(rng, seen.pixels)
    return AnnotatedImage(
        f"{name}.jpg", data, side, side, name, make_annotations(scene, seen), attributes=_make_image_attributes(scene)
    )


def render_sequence(rng: np.random.Generator, name: str, options: Mapping[str, Any]) -> Iterator[AnnotatedImage]:
    """A camera passing the tree, as `name`/00000.jpg and so on: the layout that SAM2's video predictor reads.

    Beside each frame but the last lies its flow to the next, `flow/00000.png`: red and green are the motion to the
    right and down in px, plus 128; blue is 255 where the pixel is still seen in the next frame, else 0.
    """
    side, frames = options["size"], options["frames"]
    step = side * rng.uniform(0.006, 0.020) * rng.choice([-1, 1])
    margin = int(abs(step) * frames / 2 * 2) + 8
    scene = compose_scene(rng, side, options, margin)
    camera = Camera(rng, scene.light, side, margin)
    shifts = [step * (frame - (frames - 1) / 2) for frame in range(frames)]
    now = render_view(scene, shifts[0], 0)
    for frame in range(frames):
        then = render_view(scene, shifts[frame + 1], frame + 1) if frame + 1 < frames else None
        extras = {} if then is None else {f"{name}/flow/{frame:05d}.png": _encode_flow_png(now, then)}
        found = [replace(label, track_id=number) for number, label in _iter_tracked_annotations(scene, now)]
        data = camera.capture(rng, now.pixels, shifts[frame])
        file, of_image = f"{name}/{frame:05d}.jpg", _make_image_attributes(scene)
        yield AnnotatedImage(
            file, data, side, side, name, found, of_image, sequence=name, frame_index=frame, extra_files=extras
        )
        now = then or now


def _encode_flow_png(source_view: View, target_view: View) -> bytes:
    motion, seen = compute_flow(source_view, target_view)
    coded = np.dstack([np.clip(motion + 128, 0, 255), seen * 255]).astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(coded).save(data, "png", compress_level=6)
    return data.getvalue()


def make_annotations(scene: Scene, scene_view: View) -> list[Annotation]:
    """Every thing of which a pixel is seen, in the order it was drawn."""
    return [label for _, label in _iter_tracked_annotations(scene, scene_view)]


def _iter_tracked_annotations(scene: Scene, scene_view: View) -> Iterator[tuple[int, Annotation]]:
    """Each label with its number in the scene, which is the same in every view: its track."""
    for number, named in enumerate(scene.instances, start=1):
        mask = scene_view.instance_id_map == number
        area = int(mask.sum())
        if area == 0:
            continue
        hidden = 1 - area / max(scene_view.unoccluded_area_px[number], area)
        attributes = dict(named.attributes)
        if named.noun in FRUIT_NOUNS:
            attributes["occlusion"] = OCCLUSION_LEVELS[0 if hidden < 0.1 else 1 if hidden < 0.5 else 2]
            if scene_view.visible_blemish_px.get(number, 0) < MIN_BLEMISH_FRACTION * area:
                attributes["health"] = "healthy"
        ignore = area < MIN_AREA_FRACTION * mask.size or 1 - hidden < MIN_VISIBLE_FRACTION
        yield (
            number,
            Annotation(named.noun, mask=mask, attributes=attributes, ignore=ignore, occluded_fraction=round(hidden, 4)),
        )


def _make_image_attributes(scene: Scene) -> dict[str, str]:
    others = any(named.noun != "apple" for named in scene.instances)
    return {
        "lighting": scene.light.name,
        "density": scene.density,
        "distractors": "present" if others else "absent",
    }
