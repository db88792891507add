"""Kind `clicks`: one instance at a time, corrected click by click (the interactive protocol of RITM and SAM2).

A row holds the first click, and in column `clicks` the maximum number of clicks (default 20, as in RITM and SAM2). The
later clicks depend on the predictions: `samgap.masks.clicks.find_next_click` computes them at prediction time. They are
deterministic.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.prompts.points import sample_points
from samgap.prompts.seed import Seed
from samgap.prompts.spatial import PromptTarget, make_instance_rows

ROW_KINDS = ("clicks",)
SPATIAL = True
INPUTS = ("points",)
INTERACTIVE = True
SEED_OPTIONS: dict[str, Any] = {}
OPTIONS = {
    "properties": {
        "clicks": {
            "description": "Total number of clicks on each object.",
            "type": "integer",
            "minimum": 1,
            "maximum": 20,
            "default": 20,
        },
    },
}


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    """Yield one row for each instance with a mask that is not marked `ignore`."""

    def make_columns(target: PromptTarget) -> dict[str, Any] | None:
        first_click = sample_points(target, {}, seed)
        return {"points": first_click, "clicks": options.get("clicks", 20)} if first_click else None

    return make_instance_rows(truth, "clicks", make_columns)
