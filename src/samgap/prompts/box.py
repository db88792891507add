"""Kind `box`: the ground-truth box of every instance, tight or with jittered edges (option `jitter`)."""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.prompts.seed import Seed
from samgap.prompts.spatial import make_box, make_instance_rows

ROW_KINDS = ("box",)
SPATIAL = True
INPUTS = ("boxes",)
SEED_OPTIONS = {"jitter": 0}
OPTIONS = {"properties": {"jitter": {"$ref": "#/$defs/jitter"}}}


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    """Yield one row for each instance that is not marked `ignore`."""
    return make_instance_rows(truth, "box", lambda target: {"boxes": [make_box(target, options, seed)]})
