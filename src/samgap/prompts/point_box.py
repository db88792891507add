"""Kind `point-box`: the box of every instance together with points; it takes the options of both kinds."""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.prompts.points import sample_points
from samgap.prompts.seed import Seed
from samgap.prompts.spatial import PromptTarget, make_box, make_instance_rows

ROW_KINDS = ("point-box",)
SPATIAL = True
INPUTS = ("points", "boxes")
SEED_OPTIONS = {"jitter": 0, "place": "centre", "negatives": 0}
OPTIONS = {
    "properties": {
        "jitter": {"$ref": "#/$defs/jitter"},
        "points": {"$ref": "#/$defs/points"},
        "place": {"$ref": "#/$defs/place"},
        "negatives": {"$ref": "#/$defs/negative-points"},
    },
}


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    """Yield one row for each instance with a mask that is not marked `ignore`."""

    def make_columns(target: PromptTarget) -> dict[str, Any] | None:
        points = sample_points(target, options, seed)
        return {"points": points, "boxes": [make_box(target, options, seed)]} if points else None

    return make_instance_rows(truth, "point-box", make_columns)
