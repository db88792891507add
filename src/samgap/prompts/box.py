"""Kind `box`: the box of every instance, from the ground truth; tight, or with its edges moved (`jitter`)."""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.prompts.seed import Seed
from samgap.prompts.spatial import make_box, make_instance_rows


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    return make_instance_rows(truth, "box", lambda target: {"boxes": [make_box(target, options, seed)]})
