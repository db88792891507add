"""Kind `grid`: segment everything, with no help from the ground truth: a grid of `side` by `side` points on the image.

One row an image. Each of its points is asked by itself; what answers them is one list of masks, which SAM2's automatic
mask generator filters and frees of duplicates over the whole image. The points are those of the generator. A right
answer covers every labelled instance of `nouns` (default: of all); what else it finds is not labelled, so that recall
can be told from it and precision cannot.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.prompts._seed import Seed
from samgap.truth import Truth


def prompts(truth: Truth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    side, nouns = options.get("side", 32), options.get("nouns", truth.nouns)
    for image_id in sorted(truth.images):
        image = truth.images[image_id]
        wanted = [item.id for item in truth.of(image_id) if not item.ignore and item.noun in nouns]
        points = grid(side, image["width"], image["height"])
        yield {"image_id": image_id, "kind": "grid", "points": points, "truth_ids": wanted, "nouns": sorted(nouns)}


def grid(side: int, width: int, height: int) -> list[dict[str, Any]]:
    """The middles of `side` by `side` equal tiles, px, row by row."""
    return [
        {"x": (column + 0.5) * width / side, "y": (row + 0.5) * height / side, "label": 1}
        for row in range(side)
        for column in range(side)
    ]
