"""Kind `grid`: segment everything, without input from the ground truth: a grid of `side` by `side` points per image.

One row per image, because SAM2's automatic mask generator predicts from each point separately and then filters the
masks and removes duplicates over the whole image. The points are those of the generator. A correct prediction covers
every labelled instance of `nouns` (default: of all nouns). Other masks have no label, so recall can be computed and
precision cannot.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.prompts.seed import Seed

ROW_KINDS = ("grid",)
SPATIAL = False
INPUTS = ("points",)
AUTOMATIC = True
SEED_OPTIONS: dict[str, Any] = {}
OPTIONS = {
    "properties": {
        "side": {
            "description": "Points along each side of the image.",
            "type": "integer",
            "minimum": 1,
            "maximum": 128,
            "default": 32,
        },
        "nouns": {
            "description": (
                "Nouns of the instances that a correct prediction covers; default is all annotated instances."
            ),
            "$ref": "#/$defs/texts",
        },
    },
}


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    """Yield one row for each image."""
    side, nouns = options.get("side", 32), options.get("nouns", truth.nouns)
    for image_id in sorted(truth.images):
        image = truth.images[image_id]
        instances = truth.instances_of(image_id)
        truth_ids = [instance.id for instance in instances if not instance.ignore and instance.noun in nouns]
        points = make_point_grid(side, image["width"], image["height"])
        yield {"image_id": image_id, "kind": "grid", "points": points, "truth_ids": truth_ids, "nouns": sorted(nouns)}


def make_point_grid(points_per_side: int, width: int, height: int) -> list[dict[str, Any]]:
    """Return the centres of `points_per_side` × `points_per_side` equal tiles of the image, in px, row by row."""
    return [
        {"x": (column + 0.5) * width / points_per_side, "y": (row + 0.5) * height / points_per_side, "label": 1}
        for row in range(points_per_side)
        for column in range(points_per_side)
    ]
