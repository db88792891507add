"""Kind `grid`: segment everything, with no help from the ground truth: a grid of `side` by `side` points on the image.

One row an image. Each of its points is asked by itself; what answers them is one list of masks, which SAM2's automatic
mask generator filters and frees of duplicates over the whole image. The points are those of the generator. A right
answer covers every labelled instance of `nouns` (default: of all); what else it finds is not labelled, so that recall
can be told from it and precision cannot.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.prompts.seed import Seed


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    side, nouns = options.get("side", 32), options.get("nouns", truth.nouns)
    for image_id in sorted(truth.images):
        image = truth.images[image_id]
        wanted = [item.id for item in truth.instances_of(image_id) if not item.ignore and item.noun in nouns]
        points = make_point_grid(side, image["width"], image["height"])
        yield {"image_id": image_id, "kind": "grid", "points": points, "truth_ids": wanted, "nouns": sorted(nouns)}


def make_point_grid(points_per_side: int, width: int, height: int) -> list[dict[str, Any]]:
    """The middles of `side` by `side` equal tiles, px, row by row."""
    return [
        {"x": (column + 0.5) * width / points_per_side, "y": (row + 0.5) * height / points_per_side, "label": 1}
        for row in range(points_per_side)
        for column in range(points_per_side)
    ]
