"""Kind `orchard-sim`: a simulated orchard with exact masks and attributes, and in sequences exact tracks and flow.

Fruit (apples, oranges, pears) and distractors (balls, flowers, red leaves) hang in foliage, and are partly hidden by
leaves, branches and other fruit. The mask of an instance is its visible pixels. All sizes scale with the side of the
image. `docs/reference/orchard-sim.md` has example scenes and describes each attribute.

Options: `scenes` (number of scenes, or of sequences); `size` (side of the square image, px); `seed` (scene i depends
only on the seed and on i); `lighting`, `cultivars`, `density` (values to sample from); `without` (combinations of a
noun and attributes that never appear); `frames` (number of frames of a sequence; by default single images); `absent`
(nouns that no scene has, so that phrases about them are negatives).
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
from samgap.errors import UserError

OPTIONS = {
    "required": ["scenes", "size"],
    "properties": {
        "scenes": {"description": "Number of scenes.", "type": "integer", "minimum": 1},
        "size": {"description": "Side of a square scene, px.", "type": "integer", "minimum": 32},
        "seed": {
            "description": "Seed of the scenes; the same seed gives the same scenes in every run.",
            "type": "integer",
            "minimum": 0,
            "default": 0,
        },
        "lighting": {
            "description": "Lighting conditions to sample from; default is all except dusk.",
            "$ref": "#/$defs/texts",
            "items": {"enum": ["sun", "shade", "overcast", "dusk"]},
        },
        "cultivars": {
            "description": "Cultivars, which differ in the colours of their apples, to sample from; default is common.",
            "$ref": "#/$defs/texts",
            "items": {"enum": ["common", "pink", "dark"]},
        },
        "density": {
            "description": "Amounts of fruit, with the distance of the camera, to sample from; default is all three.",
            "$ref": "#/$defs/texts",
            "items": {"enum": ["sparse", "medium", "dense"]},
        },
        "without": {
            "description": (
                "Combinations of a noun and attributes that never appear, or the path of a YAML file of them, from the "
                "repository's root; default is none."
            ),
            "type": "array",
            "items": {
                "type": "object",
                "required": ["noun"],
                "minProperties": 2,
                "additionalProperties": False,
                "properties": {
                    "noun": {"description": "The noun.", "enum": ["apple", "orange", "pear"]},
                    "ripeness": {"description": "Of an apple.", "enum": ["ripe", "unripe", "overripe"]},
                    "colour": {"description": "Of an apple.", "enum": ["red", "green", "yellow", "mixed"]},
                    "health": {"description": "Of a fruit.", "enum": ["healthy", "damaged", "diseased"]},
                    "size": {"description": "Of a fruit.", "enum": ["small", "medium", "large"]},
                },
            },
        },
        "frames": {
            "description": "Number of frames of a sequence; default is single images.",
            "type": "integer",
            "minimum": 2,
        },
        "absent": {"$ref": "#/$defs/absent"},
    },
}

OCCLUSION_LEVELS = ("visible", "partial", "heavy")
"""Hidden by less than a tenth, by less than a half, or by more."""

MIN_AREA_FRACTION = 1 / 4000
"""An instance is ignored in the evaluation if its visible area is a smaller fraction of the image."""
MIN_VISIBLE_FRACTION = 0.2
"""An instance is ignored in the evaluation if a smaller fraction of it is visible."""

MIN_BLEMISH_FRACTION = 0.05
"""A fruit is labelled healthy if its damage or disease covers a smaller fraction of its visible area."""


def describe_labels(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return all nouns, and the attributes: ripeness and colour of apples; health, size and occlusion of all fruit.

    Raises:
        UserError: The option `absent` names a noun of scenes.
    """
    absent = options.get("absent", [])
    if drawn := sorted(set(absent) & set(NOUNS)):
        raise UserError(f"absent names {drawn[0]}, which scenes have; remove it: images without one are known as such")
    return {
        "nouns": [*NOUNS, *absent],
        "attributes": {
            "ripeness": list(RIPENESS_LEVELS),
            "colour": list(COLOURS),
            "health": list(HEALTH_STATES),
            "size": ["small", "medium", "large"],
            "occlusion": list(OCCLUSION_LEVELS),
        },
    }


def iter_images(options: Mapping[str, Any], archives: Mapping[str, Path], seed: int) -> Iterator[AnnotatedImage]:
    """Yield the images of all scenes; `options["seed"]` takes precedence over `seed` (`archives` is unused)."""
    for number in range(options["scenes"]):
        rng = np.random.default_rng([options.get("seed", seed), number])
        if options.get("frames"):
            yield from render_sequence(rng, f"sequence-{number:05d}", options)
        else:
            yield render_photograph(rng, f"scene-{number:05d}", options)


def render_photograph(rng: np.random.Generator, name: str, options: Mapping[str, Any]) -> AnnotatedImage:
    """Render one scene as `<name>.jpg`; the group of the image is `name`."""
    side = options["size"]
    scene = compose_scene(rng, side, options)
    view = render_view(scene)
    jpeg = Camera(rng, scene.light, side).capture(rng, view.pixels)
    annotations = make_annotations(scene, view)
    return AnnotatedImage(f"{name}.jpg", jpeg, side, side, name, annotations, attributes=_make_image_attributes(scene))


def render_sequence(rng: np.random.Generator, name: str, options: Mapping[str, Any]) -> Iterator[AnnotatedImage]:
    """Render the frames of a camera that passes the tree as `<name>/00000.jpg` and so on, as SAM2's video predictor
    reads.

    Every frame but the last has the flow to the next frame as extra file `<name>/flow/00000.png`: red and green are the
    motion to the right and down in px, plus 128; blue is 255 if the pixel is visible in the next frame, else 0.
    """
    side, n_frames = options["size"], options["frames"]
    step = side * rng.uniform(0.006, 0.020) * rng.choice([-1, 1])
    margin = int(abs(step) * n_frames / 2 * 2) + 8
    scene = compose_scene(rng, side, options, margin)
    camera = Camera(rng, scene.light, side, margin)
    shifts = [step * (frame - (n_frames - 1) / 2) for frame in range(n_frames)]
    view = render_view(scene, shifts[0], 0)
    for frame in range(n_frames):
        next_view = render_view(scene, shifts[frame + 1], frame + 1) if frame + 1 < n_frames else None
        flow = {} if next_view is None else {f"{name}/flow/{frame:05d}.png": _encode_flow_png(view, next_view)}
        annotations = [
            replace(annotation, track_id=instance_id)
            for instance_id, annotation in iter_numbered_annotations(scene, view)
        ]
        yield AnnotatedImage(
            f"{name}/{frame:05d}.jpg",
            camera.capture(rng, view.pixels, shifts[frame]),
            side,
            side,
            name,
            annotations,
            attributes=_make_image_attributes(scene),
            sequence=name,
            frame_index=frame,
            extra_files=flow,
        )
        view = next_view or view


def _encode_flow_png(source_view: View, target_view: View) -> bytes:
    motion, is_visible = compute_flow(source_view, target_view)
    channels = np.dstack([np.clip(motion + 128, 0, 255), is_visible * 255]).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(channels).save(stream, "png", compress_level=6)
    return stream.getvalue()


def make_annotations(scene: Scene, view: View) -> list[Annotation]:
    """Return the annotations of all instances with a visible pixel, from back to front."""
    return [annotation for _, annotation in iter_numbered_annotations(scene, view)]


def iter_numbered_annotations(scene: Scene, view: View) -> Iterator[tuple[int, Annotation]]:
    """Yield instance id and annotation of all instances with a visible pixel; the id is the same in all views."""
    for instance_id, instance in enumerate(scene.instances, start=1):
        mask = view.instance_id_map == instance_id
        area = int(mask.sum())
        if area == 0:
            continue
        hidden = 1 - area / max(view.unoccluded_area_px[instance_id], area)
        attributes = dict(instance.attributes)
        if instance.noun in FRUIT_NOUNS:
            attributes["occlusion"] = OCCLUSION_LEVELS[0 if hidden < 0.1 else 1 if hidden < 0.5 else 2]
            if view.visible_blemish_px.get(instance_id, 0) < MIN_BLEMISH_FRACTION * area:
                attributes["health"] = "healthy"
        ignore = area < MIN_AREA_FRACTION * mask.size or 1 - hidden < MIN_VISIBLE_FRACTION
        yield (
            instance_id,
            Annotation(
                instance.noun, mask=mask, attributes=attributes, ignore=ignore, occluded_fraction=round(hidden, 4)
            ),
        )


def _make_image_attributes(scene: Scene) -> dict[str, str]:
    has_distractors = any(instance.noun != "apple" for instance in scene.instances)
    return {
        "lighting": scene.light.name,
        "density": scene.density,
        "distractors": "present" if has_distractors else "absent",
    }
