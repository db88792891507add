"""Kind `point`: `points` points on every instance and `negatives` points near it.

Option `place` selects the points on the instance: `centre` (the deepest pixels of the mask), `random` or `boundary`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.prompts.points import sample_points
from samgap.prompts.seed import Seed
from samgap.prompts.spatial import PromptTarget, make_instance_rows

ROW_KINDS = ("point",)
SPATIAL = True
INPUTS = ("points",)
SEED_OPTIONS = {"place": "centre", "negatives": 0}
OPTIONS = {
    "properties": {
        "points": {"$ref": "#/$defs/points"},
        "place": {"$ref": "#/$defs/place"},
        "negatives": {"$ref": "#/$defs/negative-points"},
    },
}


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    """Yield one row for each instance with a mask that is not marked `ignore`."""

    def make_columns(target: PromptTarget) -> dict[str, Any] | None:
        points = sample_points(target, options, seed)
        return {"points": points} if points else None

    return make_instance_rows(truth, "point", make_columns)
