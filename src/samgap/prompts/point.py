"""Kind `point`: `points` points on every instance (deepest in its mask, anywhere in it, or on its edge: `place`), and
`negatives` points near it that are off it."""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.prompts.points import sample_points
from samgap.prompts.seed import Seed
from samgap.prompts.spatial import PromptTarget, make_instance_rows


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    def asked(target: PromptTarget) -> dict[str, Any] | None:
        found = sample_points(target, options, seed)
        return {"points": found} if found else None

    return make_instance_rows(truth, "point", asked)
